from pathlib import Path

from tests.cli.environments import Cli, SeemingEnvironment, report

SCHEDULER = """\
[\x1b[34m2024-01-31 10:00:00,500\x1b[0m] INFO - started
Traceback (most recent call last):
ValueError: late
[2024-01-31 10:00:09,000] INFO - done
"""
WEBSERVER = "[2024-01-31 10:00:03 +0000] [7] [INFO] Listening\n"


def with_logs(environment: SeemingEnvironment) -> None:
    environment.leave_start(report("scheduler"), report("webserver"))
    environment.folder.log("scheduler").write_text(SCHEDULER, encoding="utf-8")
    environment.folder.log("webserver").write_text(WEBSERVER, encoding="utf-8")


def test_several_logs_are_shown_in_the_order_of_time_with_names_and_without_colours(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    with_logs(environment)
    shown = cli("logs")
    assert shown.exit_code == 0
    assert shown.stdout == (
        "scheduler | [2024-01-31 10:00:00,500] INFO - started\n"
        "scheduler | Traceback (most recent call last):\n"
        "scheduler | ValueError: late\n"
        "webserver | [2024-01-31 10:00:03 +0000] [7] [INFO] Listening\n"
        "scheduler | [2024-01-31 10:00:09,000] INFO - done\n"
    )


def test_one_log_is_shown_as_it_is(environment: SeemingEnvironment, cli: Cli) -> None:
    with_logs(environment)
    assert cli("logs", "webserver").stdout == WEBSERVER


def test_lines_and_since_limit_what_is_shown(environment: SeemingEnvironment, cli: Cli) -> None:
    with_logs(environment)
    last = "[2024-01-31 10:00:09,000] INFO - done\n"
    assert cli("logs", "scheduler", "--lines", "1").stdout == last
    assert cli("logs", "scheduler", "--since", "2024-01-31T10:00:05+00:00").stdout == last
    assert cli("logs", "--since", "1h").stdout == ""


def test_an_unknown_service_is_wrong_usage_and_the_others_are_named(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    with_logs(environment)
    failed = cli("logs", "sheduler")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert failed.stderr == (
        "Error: There is no service 'sheduler'.\n  Hint: there are: scheduler, webserver\n"
    )


def test_without_any_log_there_is_a_next_step(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("logs")
    assert failed.exit_code == 2
    assert failed.stderr == "Error: There are no logs yet.\n  Hint: start the environment: mwaa-local start\n"


def test_a_time_that_is_none_is_wrong_usage(environment: SeemingEnvironment, cli: Cli) -> None:
    with_logs(environment)
    failed = cli("logs", "--since", "yesterday")
    assert failed.exit_code == 2
    assert failed.stderr == (
        "Error: --since yesterday: not a time.\n"
        "  Hint: Write 30s, 10m, 2h, 1d or a time such as 2024-01-31T09:00.\n"
    )


def write_task_log(environment: SeemingEnvironment, name: str, text: str) -> Path:
    path = environment.folder.airflow_home / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_latest_attempt_of_a_task_is_shown_for_old_and_new_airflow(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    write_task_log(environment, "daily/load/2024-01-31T00:00:00+00:00/1.log", "first\n")
    write_task_log(environment, "daily/load/2024-01-31T00:00:00+00:00/2.log", "second\n")
    new = "dag_id=my.daily/run_id=manual__1/task_id=group.load/attempt=1.log"
    write_task_log(
        environment, new, '{"timestamp": "2024-01-31T10:00:00Z", "level": "info", "event": "hi"}\n'
    )
    assert cli("logs", "--task", "daily.load").stdout == "second\n"
    assert cli("logs", "--task", "daily.load", "--try", "1").stdout == "first\n"
    run_id = "scheduled__2024-01-31T00:00:00+00:00"
    assert cli("logs", "--task", "daily.load", "--run", run_id).stdout == "second\n"
    assert cli("logs", "--task", "my.daily.group.load").stdout == "[2024-01-31T10:00:00Z] INFO - hi\n"


def test_a_task_log_that_is_not_there_says_what_was_looked_for(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    write_task_log(environment, "daily/load/2024-01-31T00:00:00+00:00/1.log", "first\n")
    missing = cli("logs", "--task", "daily.store")
    assert missing.exit_code == 2
    assert missing.stderr == (
        "Error: There is no log of a task 'daily.store'.\n"
        "  Hint: name it as DAG_ID.TASK_ID; a task has a log once it has run\n"
    )
    attempt = cli("logs", "--task", "daily.load", "--try", "3")
    assert attempt.exit_code == 2
    assert attempt.stderr == (
        "Error: The task 'daily.load' has no log of attempt 3.\n"
        "  Hint: leave --run and --try out for the latest\n"
    )


def test_options_of_tasks_need_a_task(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("logs", "--try", "1")
    assert failed.exit_code == 2
    assert failed.stderr == ("Error: --run and --try belong to --task.\n  Hint: add --task DAG_ID.TASK_ID\n")


def test_a_group_shows_its_streams_as_cloudwatch_has_them(environment: SeemingEnvironment, cli: Cli) -> None:
    line = "[2024-01-31 10:00:0{},000] {{taskinstance.py:1}} INFO - {}\n"
    write_task_log(environment, "daily/load/2024-01-31T00:00:00+00:00/1.log", line.format(1, "first"))
    write_task_log(environment, "daily/store/2024-01-31T00:00:00+00:00/1.log", line.format(2, "second"))
    shown = cli("logs", "--group", "Task")
    assert shown.exit_code == 0
    assert shown.stdout == (
        "==> daily/load/2024-01-31T00_00_00+00_00/1.log <==\n"
        "[2024-01-31 10:00:01,000] {taskinstance.py:1} INFO - first\n"
        "==> daily/store/2024-01-31T00_00_00+00_00/1.log <==\n"
        "[2024-01-31 10:00:02,000] {taskinstance.py:1} INFO - second\n"
    )
    last = cli("logs", "--group", "airflow-prod-task", "--stream", "daily/", "--lines", "1")
    assert last.stdout == "".join(shown.stdout.splitlines(keepends=True)[2:])


def test_a_group_of_processes_is_named_by_host_and_beginning(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    with_logs(environment)
    shown = cli("logs", "--group", "Scheduler", "--since", "2024-01-31T10:00:05+00:00").stdout
    header, line = shown.splitlines()
    assert header.startswith("==> scheduler_")
    assert header.endswith("_1706695200.5.log <==")
    assert line == "[2024-01-31 10:00:09,000] INFO - done"


def test_a_group_that_mwaa_has_not_got_is_wrong_usage(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("logs", "--group", "Postgres")
    assert failed.exit_code == 2
    assert failed.stderr == (
        "Error: --group Postgres: MWAA has no such logs.\n"
        "  Hint: there are: DAGProcessing, Scheduler, Task, WebServer, Worker\n"
    )


def test_an_empty_group_says_what_to_do(environment: SeemingEnvironment, cli: Cli) -> None:
    failed = cli("logs", "--group", "Task", "--stream", "daily/")
    assert failed.exit_code == 2
    assert failed.stderr == (
        "Error: There is no log stream in Task that begins with daily/ yet.\n"
        "  Hint: mwaa-local start, and mwaa-local run DAG_ID for logs of tasks\n"
    )


def test_a_stream_needs_a_group_and_a_group_excludes_services(
    environment: SeemingEnvironment, cli: Cli
) -> None:
    alone = cli("logs", "--stream", "daily/")
    assert alone.exit_code == 2
    assert alone.stderr == "Error: --stream belongs to --group.\n  Hint: add --group Task, for instance\n"
    both = cli("logs", "scheduler", "--group", "Task")
    assert both.exit_code == 2
    assert both.stderr == (
        "Error: Name services, a task or a group, not several.\n  Hint: leave the others out\n"
    )
