import json
from pathlib import Path

from mwaa_local.cli.doctor import render_checks
from mwaa_local.runtime.checks import (
    GIB,
    Check,
    FolderFact,
    ToolFact,
    Verdict,
    check_asked_port,
    check_clock,
    check_compose,
    check_credentials,
    check_engine,
    check_explicit_interpreter,
    check_favourite_port,
    check_folder,
    check_interpreter,
    check_mwaa_paths,
    check_open_files,
    check_postgres,
    check_user,
    worst,
)
from tests.cli.environments import Cli

FOUND = ToolFact("3.7.16", "/usr/bin/python3.7")
ABSENT = ToolFact(error="none")


def test_checks_are_shown_with_hints_where_something_is_amiss() -> None:
    checks = [
        Check("uv", Verdict.OK, "0.8", "not shown"),
        Check("Port 8080", Verdict.WARNING, "taken", "choose another"),
        Check("Cache", Verdict.PROBLEM, "cannot be written", "give yourself the right"),
    ]
    assert render_checks(checks, coloured=False) == (
        "ok       uv         0.8\n"
        "warning  Port 8080  taken\n"
        "                    -> choose another\n"
        "problem  Cache      cannot be written\n"
        "                    -> give yourself the right\n"
        "\n"
        "1 problem, 1 warning."
    )


def test_a_missing_interpreter_matters_only_to_the_version_that_needs_it() -> None:
    assert check_interpreter("3.7", ["2.0.2", "2.2.2"], ABSENT, needed="2.2.2").verdict is Verdict.WARNING
    assert check_interpreter("3.7", ["2.0.2", "2.2.2"], ABSENT, needed="3.0.6").verdict is Verdict.OK
    assert check_interpreter("3.7", ["2.0.2", "2.2.2"], FOUND, needed="2.2.2").found == (
        "3.7.16 at /usr/bin/python3.7 (for Airflow 2.2.2)"
    )


def test_an_interpreter_that_is_configured_must_run() -> None:
    path = Path("/opt/python")
    assert check_explicit_interpreter(path, FOUND).verdict is Verdict.OK
    assert check_explicit_interpreter(path, ABSENT).verdict is Verdict.PROBLEM


def test_a_folder_needs_room_and_the_right_to_write() -> None:
    def judge(free: int, *, writable: bool = True) -> Verdict:
        return check_folder(FolderFact("Cache", Path("/c"), free, writable)).verdict

    assert judge(10 * GIB) is Verdict.OK
    assert judge(GIB) is Verdict.WARNING
    assert judge(GIB // 10) is Verdict.PROBLEM
    assert judge(10 * GIB, writable=False) is Verdict.PROBLEM


def test_only_a_port_that_was_asked_for_must_be_free() -> None:
    assert check_favourite_port(8080, free=False).verdict is Verdict.OK
    assert check_asked_port("webserver", 8080, free=False, ours=False).verdict is Verdict.PROBLEM
    assert check_asked_port("webserver", 8080, free=False, ours=True).verdict is Verdict.OK
    assert check_asked_port("webserver", 8080, free=True, ours=False).verdict is Verdict.OK


def test_credentials_are_only_missed_where_a_profile_is_used() -> None:
    absent = check_credentials(present=False, needed_profile=None, method="")
    needed = check_credentials(present=False, needed_profile="dev", method="")
    found = check_credentials(present=True, needed_profile="dev", method="sso")
    assert [check.verdict for check in (absent, needed, found)] == [
        Verdict.OK,
        Verdict.PROBLEM,
        Verdict.OK,
    ]


def test_what_a_start_can_do_without_is_no_problem() -> None:
    assert check_engine(None).verdict is Verdict.OK
    assert check_engine("").verdict is Verdict.WARNING
    assert check_postgres(ToolFact()).verdict is Verdict.OK
    assert check_postgres(ToolFact(error="/x has none")).verdict is Verdict.PROBLEM
    assert check_user(is_root=False, refusal="").verdict is Verdict.OK
    assert check_user(is_root=True, refusal="Operation not permitted").verdict is Verdict.WARNING
    assert check_open_files(256).verdict is Verdict.PROBLEM
    assert check_clock(0.0).verdict is Verdict.PROBLEM


def test_the_worst_check_decides() -> None:
    fine, odd, bad = (Check("x", verdict, "") for verdict in Verdict)
    assert worst([fine]) is Verdict.OK
    assert worst([fine, odd]) is Verdict.WARNING
    assert worst([odd, bad, fine]) is Verdict.PROBLEM


def test_doctor_works_outside_of_projects_and_fails_on_a_problem(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    examined = cli("doctor", "--json", "--project", str(tmp_path))
    assert examined.exit_code == 1
    document = json.loads(examined.stdout)
    assert document["verdict"] == "problem"
    by_name = {check["name"]: check for check in document["checks"]}
    assert by_name["Cache"]["verdict"] == "problem"
    assert by_name["uv"]["verdict"] == "ok"
    assert "Project" not in by_name


def test_paths_of_mwaa_that_cannot_be_shown_are_a_warning() -> None:
    check = check_mwaa_paths(wanted=True, possible=False)
    assert (check.verdict, check.hint) == (
        Verdict.WARNING,
        "have DAG files use AIRFLOW_HOME, or their own folder",
    )
    assert (
        check_mwaa_paths(wanted=True, possible=True).found == "tasks find their files at /usr/local/airflow"
    )
    assert check_mwaa_paths(wanted=False, possible=True).verdict is Verdict.OK


def test_compose_matters_only_to_a_project_that_runs_on_it() -> None:
    found = ToolFact("docker-compose 1.29.2", "unix:///run/docker.sock")
    missing = ToolFact(error="There is no Compose on this machine.")
    assert (
        check_compose(found, needed=True).found == "docker-compose 1.29.2, engine at unix:///run/docker.sock"
    )
    assert check_compose(missing, needed=False).verdict is Verdict.OK
    assert check_compose(missing, needed=True).verdict is Verdict.PROBLEM
    assert check_compose(missing, needed=True).found == missing.error
