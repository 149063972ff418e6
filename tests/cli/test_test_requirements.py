"""`mwaa-local test-requirements`: the whole command, on wheels that need no network."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.cli.entry import run
from mwaa_local.cli.requirements_check import requirements_findings
from mwaa_local.config_loading import load_config
from mwaa_local.project import find_project
from tests.contract.agreement_cases import Case, write_project

OFFLINE = "--find-links /usr/local/airflow/plugins\n--no-index\n"


def make_project(root: Path, text: str, wheels: tuple[str, ...] = (), **files: str) -> Path:
    write_project(Case("", "2.2.2", text, "utf-8", tuple(files.items()), wheels), root)
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MWAA_LOCAL_CACHE", str(tmp_path / "cache"))


def test_what_installs_is_shown_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheels = ("tinything 1.0 py3-none-any: requests>=2, otherthing", "otherthing 2.0 py3-none-any")
    root = make_project(tmp_path / "project", f"# -c none\n{OFFLINE}tinything==1.0\n", wheels)
    assert run(["test-requirements", "--project", str(root)]) == 0
    assert capsys.readouterr().out == (
        "MWAA 2.2.2: Python 3.7.16, pip 21.3.1, amazon provider 2.4.0\n"
        "\n"
        "  LINE                ASKS FOR        GETS  DECIDED BY\n"
        "  requirements.txt:4  tinything==1.0  1.0   the line\n"
        "\n"
        "  Adds 2: otherthing 2.0, tinything 1.0\n"
        "\n"
        "pip on MWAA installs this, and Airflow works afterwards (nothing to complain about).\n"
    )


def test_what_does_not_exist_ends_with_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_project(tmp_path / "project", f"# -c none\n{OFFLINE}tinything==1.0\n")
    assert run(["test-requirements", "--project", str(root)]) == 3
    output = capsys.readouterr().out
    assert "requirements.txt:4: error: tinything==1.0: no folder of --find-links has it." in output
    assert output.endswith(
        "pip on MWAA refuses this and installs nothing; Airflow starts without it (1 error).\n"
    )


def test_a_library_that_breaks_airflow_is_an_error_although_pip_succeeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project(
        tmp_path / "project", f"# -c none\n{OFFLINE}sqlalchemy==2.0.1\n", ("sqlalchemy 2.0.1 py3-none-any",)
    )
    assert run(["test-requirements", "--project", str(root), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["installs"], document["works"]) == (1, True, False)
    assert {each["rule"] for each in document["findings"]} >= {"requirements-airflow-broken"}
    assert document["packages"] == [
        {
            "name": "sqlalchemy",
            "version": "2.0.1",
            "before": "1.3.24",
            "changed": True,
            "decided_by": "line",
            "location": "requirements.txt:4",
            "required_by": [],
        }
    ]


def test_a_conflict_names_the_line_and_the_pin_and_sarif_marks_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"-c /usr/local/airflow/dags/mine.txt\n{OFFLINE}tinything==2.0\n"
    wheels = ("tinything 1.0 py3-none-any", "tinything 2.0 py3-none-any")
    root = make_project(tmp_path / "project", text, wheels, **{"dags/mine.txt": "\ntinything==1.0\n"})
    assert run(["test-requirements", "--project", str(root), "--sarif", "-"]) == 3
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["ruleId"] == "requirements-constraint-conflict"
    assert "tinything==2.0 contradicts tinything==1.0 (dags/mine.txt:2)" in result["message"]["text"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4}


def test_a_wheel_for_another_system_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "tinything-1.0-cp37-cp37m-macosx_11_0_arm64.whl"
    root = make_project(
        tmp_path / "project",
        f"/usr/local/airflow/plugins/{name}\n",
        ("tinything 1.0 cp37-cp37m-macosx_11_0_arm64",),
    )
    assert run(["test-requirements", "--project", str(root)]) == 3
    assert f"{name} is no wheel for MWAA 2.2.2" in capsys.readouterr().out


def test_a_way_out_is_written_beside_the_users_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"-c https://raw.githubusercontent.com/apache/airflow/constraints-2.2.2/constraints-3.7.txt\n{OFFLINE}"
    root = make_project(tmp_path / "project", f"{text}pysftp==0.3\n", ("pysftp 0.3 py3-none-any",))
    assert run(["test-requirements", "--project", str(root), "--fix"]) == 3
    assert "pysftp: 0.2.9 becomes 0.3 in the copy of the constraints" in capsys.readouterr().err
    assert (root / "requirements.txt").read_text() == f"{text}pysftp==0.3\n"
    assert '--constraint "/usr/local/airflow/dags/constraints-3.7-edited.txt"' in (
        (root / "requirements.fixed.txt").read_text()
    )
    assert run(["test-requirements", str(root / "requirements.fixed.txt"), "--project", str(root)]) == 0


def test_a_file_of_the_users_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_project(tmp_path / "project", f"# -c none\n{OFFLINE}pysftp\n", ("pysftp 0.2.9 py3-none-any",))
    (root / "requirements.fixed.txt").write_text("mine\n")
    assert run(["test-requirements", "--project", str(root), "--fix"]) == 2
    assert "requirements.fixed.txt exists and is not mwaa-local's" in capsys.readouterr().err
    assert (root / "requirements.fixed.txt").read_text() == "mine\n"


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test-requirements", str(tmp_path / "none.txt")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_wheels_inside_plugins_zip_are_found(tmp_path: Path) -> None:
    text = f"# -c none\n{OFFLINE}tinything==1.0\n/usr/local/airflow/plugins/other-2.0-py3-none-any.whl\n"
    root = make_project(
        tmp_path / "project", text, ("tinything 1.0 py3-none-any: other", "other 2.0 py3-none-any")
    )
    with zipfile.ZipFile(root / "plugins.zip", "w") as archive:
        for wheel in (root / "plugins").glob("*.whl"):
            archive.write(wheel, wheel.name)
            wheel.unlink()
    assert run(["test-requirements", "--project", str(root)]) == 0
    (root / "plugins").rmdir()
    assert run(["test-requirements", "--project", str(root)]) == 0


def test_a_plugins_zip_that_leads_outside_is_not_unpacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project(tmp_path / "project", f"{OFFLINE}tinything==1.0\n")
    with zipfile.ZipFile(root / "plugins.zip", "w") as archive:
        archive.writestr("../outside.whl", b"")
    assert run(["test-requirements", "--project", str(root)]) == 1
    assert "plugins.zip cannot be unpacked" in capsys.readouterr().err
    assert not list(tmp_path.rglob("outside.whl"))


def test_a_wheel_that_neither_the_folder_nor_the_zip_has_is_named_as_the_user_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project(tmp_path / "project", "/usr/local/airflow/plugins/none-1.0-py3-none-any.whl\n")
    with zipfile.ZipFile(root / "plugins.zip", "w") as archive:
        archive.writestr("some.py", "")
    assert run(["test-requirements", "--project", str(root)]) == 3
    assert "there is no plugins/none-1.0-py3-none-any.whl" in capsys.readouterr().out


def kinds(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def problems(schema: dict[str, Any], value: object, place: str = "$") -> list[str]:
    """Return where a value is not what the schema says (of JSON Schema, what our schemas use)."""
    if "const" in schema:
        return [] if value == schema["const"] else [f"{place}: {value!r}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{place}: {value!r}"]
    names = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    kind = "null" if value is None else names[type(value)]
    if kind not in kinds(schema) and not (kind == "integer" and "number" in kinds(schema)):
        return [f"{place}: {kind}"]
    if isinstance(value, dict):
        # Every field is documented, and every documented field is there.
        found = [f"{place}: {name}" for name in value.keys() ^ schema["properties"].keys()]
        for name in value.keys() & schema["properties"].keys():
            found += problems(schema["properties"][name], value[name], f"{place}.{name}")
        return found
    if isinstance(value, list):
        return [each for item in value for each in problems(schema["items"], item, f"{place}[]")]
    return []


@pytest.mark.parametrize("line", ["tinything==1.0", "tinything==9.0", "watchtower==1.0.6"])
def test_the_json_is_what_its_schema_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert run(["test-requirements", "--json-schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    wheels = ("tinything 1.0 py3-none-any: requests>=2", "watchtower 1.0.6 py3-none-any")
    root = make_project(tmp_path / "project", f"# -c none\n{OFFLINE}{line}\n", wheels)
    run(["test-requirements", "--project", str(root), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert problems(schema, document) == []
    assert document["watchtower_put_back"] == ("2.0.1" if line.startswith("watchtower") else None)


def test_sarif_is_what_code_scanning_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_project(tmp_path / "project", f"-r 'dags/my%20 more.txt'\n{OFFLINE}tinything==1.0\n")
    (root / "dags" / "my%20 more.txt").write_text("pyodbc==1\n\n=broken\n")
    outside = tmp_path / "outside.txt"
    outside.write_text("=broken\n")
    assert run(["test-requirements", "--project", str(root), "--sarif", "-"]) == 3
    log = json.loads(capsys.readouterr().out)
    assert run(["test-requirements", str(outside), "--project", str(root), "--sarif", "-"]) == 3
    other = json.loads(capsys.readouterr().out)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    for result in log["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert not place["physicalLocation"]["artifactLocation"]["uri"].startswith(("/", "file:"))
    places = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
    assert {"artifactLocation": {"uri": "dags/my%2520%20more.txt"}, "region": {"startLine": 3}} in places
    place = other["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == outside.as_uri()


def findings_of(root: Path) -> dict[str, str]:
    """Return what a deployment is told: rule and severity."""
    project = find_project(root)
    found = requirements_findings(project, load_config(project, {"version": "2.2.2"}, {}))
    return {each.rule_id: each.severity.value for each in found}


def test_a_deployment_is_told_what_the_command_finds(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", f"# -c none\n{OFFLINE}tinything==1.0\n")
    assert findings_of(root) == {"requirements-no-package": "error"}
    (root / "requirements.txt").unlink()
    assert findings_of(root) == {}


def test_an_index_that_does_not_answer_does_not_stop_a_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    root = make_project(tmp_path / "project", "# -c none\ntinything==1.0\n")
    assert findings_of(root) == {"requirements-not-checked": "warning"}
