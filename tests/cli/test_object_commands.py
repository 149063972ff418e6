import json
import stat
from pathlib import Path

import pytest

from tests.cli.environments import Cli, SeemingEnvironment

PROGRAM = """\
import json, os, sys
request = json.load(sys.stdin)
store = os.path.join(os.environ["STORE"], request["kind"] + ".json")
known = json.load(open(store)) if os.path.exists(store) else []
if request["action"] == "export":
    answer = {"event": "exported", "entries": known}
else:
    names = [next(iter(entry.values())) for entry in request["entries"]]
    json.dump(request["entries"], open(store, "w"))
    kept = names if request["keep_existing"] else []
    answer = {"event": "imported", "created": [n for n in names if n not in kept], "updated": [], "kept": kept}
print("Airflow says something of its own")
print(json.dumps({"mwaa_local": "objects", **answer}))
"""
CONNECTION = {
    "conn_type": "postgres",
    "description": "",
    "host": "db",
    "login": "me",
    "password": "p@ss \u00e9",
    "schema": None,
    "port": 5432,
    "extra": '{"a": 1}',
}


@pytest.fixture
def running(environment: SeemingEnvironment) -> SeemingEnvironment:
    environment.run()
    programs = {"mwaa_inside/__init__.py": "", "mwaa_inside/objects.py": PROGRAM}
    environment.leave_stack(programs, (("STORE", str(environment.root)),))
    return environment


def test_what_is_exported_is_what_was_imported(running: SeemingEnvironment, cli: Cli, project: Path) -> None:
    (project / "in.json").write_text(json.dumps({"db": CONNECTION}), encoding="utf-8")
    imported = cli("connections", "import", "in.json")
    assert (imported.exit_code, imported.stdout, imported.stderr) == (0, "Created: db\n", "")
    exported = cli("connections", "export", "out.json")
    assert (exported.exit_code, exported.stdout) == (0, "")
    assert exported.stderr == "1 connections written to out.json.\n"
    assert json.loads((project / "out.json").read_text(encoding="utf-8")) == {"db": CONNECTION}


def test_a_file_with_passwords_is_private(running: SeemingEnvironment, cli: Cli, project: Path) -> None:
    cli("connections", "export", "out.json")
    assert stat.S_IMODE((project / "out.json").stat().st_mode) == 0o600


def test_a_file_that_exists_is_not_replaced_unless_forced(
    running: SeemingEnvironment, cli: Cli, project: Path
) -> None:
    (project / "out.json").write_text("mine", encoding="utf-8")
    failed = cli("variables", "export", "out.json")
    assert failed.exit_code == 2
    assert failed.stderr == ("Error: out.json exists already.\n  Hint: choose another name, or add --force\n")
    assert (project / "out.json").read_text(encoding="utf-8") == "mine"
    assert cli("variables", "export", "out.json", "--force").exit_code == 0


def test_an_export_goes_to_stdout_in_the_form_that_is_asked_for(
    running: SeemingEnvironment, cli: Cli
) -> None:
    (running.root / "pools.json").write_text(json.dumps([{"name": "few", "slots": 2}]), encoding="utf-8")
    assert cli("pools", "export").stdout == '{\n  "few": {\n    "slots": 2\n  }\n}\n'
    assert cli("pools", "export", "--format", "yaml").stdout == "few:\n  slots: 2\n"


def test_an_import_tells_what_was_kept(running: SeemingEnvironment, cli: Cli, project: Path) -> None:
    (project / "in.yaml").write_text("size: '3'\n", encoding="utf-8")
    kept = cli("variables", "import", "in.yaml", "--keep-existing")
    assert (kept.exit_code, kept.stdout) == (0, "Kept as they were: size\n")
    as_json = cli("variables", "import", "in.yaml", "--json")
    assert json.loads(as_json.stdout) == {"created": ["size"], "updated": [], "kept": []}


def test_a_file_that_is_not_there_or_broken_is_wrong_usage(
    running: SeemingEnvironment, cli: Cli, project: Path
) -> None:
    missing = cli("pools", "import", "nowhere.json")
    assert missing.exit_code == 2
    assert missing.stderr == (
        "Error: nowhere.json: No such file or directory.\n  Hint: name a file that you can read\n"
    )
    (project / "bad.json").write_text("{", encoding="utf-8")
    broken = cli("pools", "import", "bad.json")
    assert broken.exit_code == 2
    assert broken.stderr.startswith("Error: bad.json: not valid JSON: ")


def test_objects_need_a_running_environment(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("variables", "export")
    assert failed.exit_code == 1
    assert failed.stderr == "Error: The environment is not running.\n  Hint: start it: mwaa-local start\n"
