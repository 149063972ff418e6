"""Following the update of an environment: what MWAA accepts, how an update ends, and what the logs say of it."""

from dataclasses import replace

import pytest

from mwaa_local.aws_ports import EnvironmentChange, EnvironmentRecord, LastUpdate, LogLine, S3Source
from mwaa_local.deploy.environment_update import UpdateOutcome, Verdict, Watch, refuse_update, wait_for_update
from mwaa_local.deploy.update_logs import LINES, read_update_logs
from mwaa_local.errors import AwsError
from tests.fakes import FakeClock
from tests.fakes_environment import ENVIRONMENT, FakeEnvironments, FakeLogs, Look, failed, in_status

NAME = ENVIRONMENT.name
CHANGE = EnvironmentChange(requirements=S3Source("requirements.txt", "v2"))
UPDATED = replace(
    ENVIRONMENT, requirements=S3Source("requirements.txt", "v2"), last_update=LastUpdate("SUCCESS")
)
GROUP = "airflow-orders-staging-Scheduler"


def follow(
    *looks: Look, change: EnvironmentChange | None = CHANGE, timeout: float = 3600.0
) -> tuple[UpdateOutcome, list[str], FakeClock]:
    clock, seen = FakeClock(), list[str]()
    service = FakeEnvironments(list(looks))
    watch = Watch(service, clock, timeout, lambda status, _: seen.append(status))
    return wait_for_update(NAME, change, watch), seen, clock


@pytest.mark.parametrize("status", ["AVAILABLE", "UPDATE_FAILED"])
def test_an_environment_that_runs_can_be_updated(status: str) -> None:
    assert refuse_update(in_status(status)) is None


@pytest.mark.parametrize(
    "status", ["CREATING", "UPDATING", "ROLLING_BACK", "CREATING_SNAPSHOT", "PENDING", "MAINTENANCE"]
)
def test_what_passes_can_be_waited_for(status: str) -> None:
    refusal = refuse_update(in_status(status))
    assert refusal is not None
    assert refusal.passes
    assert refusal.message == (
        f"Environment orders-staging is {status}: MWAA takes an update only when that is over."
    )


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETING", "DELETED", "UNAVAILABLE", "NEW_STATUS"])
def test_no_waiting_helps_an_environment_that_failed_or_goes(status: str) -> None:
    refusal = refuse_update(in_status(status))
    assert refusal is not None
    assert not refusal.passes
    assert refusal.hint


def test_an_environment_that_was_never_made_is_refused_in_the_words_of_the_service() -> None:
    refusal = refuse_update(in_status("CREATE_FAILED"))
    assert refusal is not None
    assert refusal.message == "Environments with CREATE_FAILED status cannot be updated."


def test_an_update_fails_with_the_error_of_the_service() -> None:
    outcome, seen, _ = follow(in_status("UPDATING"), in_status("ROLLING_BACK"), failed())
    assert outcome.verdict is Verdict.FAILED
    assert outcome.error == "INCORRECT_CONFIGURATION: Requirements could not be installed."
    assert seen == ["UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]


def test_an_update_that_was_rolled_back_to_available_has_failed() -> None:
    outcome, _, _ = follow(in_status("UPDATING"), failed("AVAILABLE"))
    assert outcome.verdict is Verdict.FAILED


def test_an_environment_that_takes_other_versions_afterwards_has_not_been_updated() -> None:
    other = replace(UPDATED, requirements=S3Source("requirements.txt", "v1"))
    outcome, _, _ = follow(in_status("UPDATING"), other)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.error == ""


def test_an_update_is_done_when_the_environment_takes_the_new_versions() -> None:
    outcome, seen, clock = follow(in_status("UPDATING"), in_status("UPDATING"), UPDATED)
    assert outcome.verdict is Verdict.DONE
    assert outcome.environment == UPDATED
    assert seen == ["UPDATING", "UPDATING", "AVAILABLE"]
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("before", [ENVIRONMENT, failed()])
def test_an_update_that_does_not_show_yet_is_not_over(before: EnvironmentRecord) -> None:
    outcome, seen, _ = follow(before, before, in_status("UPDATING"), UPDATED)
    assert outcome.verdict is Verdict.DONE
    assert len(seen) == 4


def test_an_update_that_fails_at_once_is_told_from_the_failure_of_the_one_before() -> None:
    before = failed()
    again = replace(before, last_update=LastUpdate("FAILED", "INCORRECT_CONFIGURATION", "again", began=2.0))
    clock = FakeClock()
    watch = Watch(FakeEnvironments([before, again]), clock, 3600.0, lambda *_: None, before)
    outcome = wait_for_update(NAME, CHANGE, watch)
    assert (outcome.verdict, outcome.error) == (Verdict.FAILED, "INCORRECT_CONFIGURATION: again")
    assert clock.slept == [1.0]


def test_an_update_that_never_shows_has_failed() -> None:
    outcome, _, _ = follow(ENVIRONMENT)
    assert outcome.verdict is Verdict.FAILED


def test_waiting_ends_with_its_time() -> None:
    outcome, _, clock = follow(in_status("UPDATING"), timeout=60.0)
    assert outcome.verdict is Verdict.GOING_ON
    assert sum(clock.slept) == 60.0


@pytest.mark.parametrize(("ending", "verdict"), [(ENVIRONMENT, Verdict.DONE), (failed(), Verdict.FAILED)])
def test_the_update_of_somebody_else_is_followed_by_its_status(
    ending: EnvironmentRecord, verdict: Verdict
) -> None:
    assert follow(in_status("UPDATING"), ending, change=None)[0].verdict is verdict


def test_a_lost_connection_does_not_end_a_long_wait() -> None:
    lost = AwsError("AWS cannot be reached.")
    outcome, _, _ = follow(in_status("UPDATING"), lost, lost, UPDATED)
    assert outcome.verdict is Verdict.DONE


def test_a_connection_that_stays_lost_ends_it() -> None:
    with pytest.raises(AwsError, match="cannot be reached"):
        follow(AwsError("AWS cannot be reached."))


def test_an_environment_that_somebody_deletes_is_reported() -> None:
    with pytest.raises(AwsError, match="orders-staging is gone"):
        follow(in_status("UPDATING"), None)


def lines(stream: str, *messages: str, start: float = 1000.0) -> list[LogLine]:
    return [LogLine(stream, start + number, message) for number, message in enumerate(messages)]


def test_the_lines_that_tell_of_a_failure_are_picked_from_the_stream_that_has_them() -> None:
    failing = [f"Collecting {number}" for number in range(30)]
    failing += ["ERROR: No matching distribution found for nothing-such==1", "more"]
    logs = FakeLogs(
        {
            GROUP: [
                *lines("requirements_install_ip-10-0-0-1_1.log", *failing),
                *lines(
                    "requirements_install_ip-10-0-0-2_1.log", "Successfully installed nothing", start=2000.0
                ),
                *lines("scheduler_ip-10-0-0-1_1.log", "ERROR: something else"),
            ]
        }
    )
    found = read_update_logs(ENVIRONMENT, logs, 0.0)
    assert found.failed
    assert [line.message for line in found.lines] == failing[27:]


def test_a_remark_of_pip_after_an_installation_is_no_failure() -> None:
    said = [
        "ERROR: pip's dependency resolver does not currently take into account ...",
        "Successfully installed",
    ]
    logs = FakeLogs({GROUP: lines("requirements_install_a_1.log", *said)})
    assert not read_update_logs(ENVIRONMENT, logs, 0.0).failed


def test_without_a_failure_the_end_of_the_log_is_shown() -> None:
    logs = FakeLogs({GROUP: lines("requirements_install_a_1.log", *map(str, range(100)))})
    found = read_update_logs(ENVIRONMENT, logs, 0.0)
    assert [line.message for line in found.lines] == [str(number) for number in range(100 - LINES, 100)]


def test_the_log_of_an_earlier_update_is_not_read() -> None:
    logs = FakeLogs({GROUP: lines("requirements_install_a_1.log", "ERROR: old")})
    assert read_update_logs(ENVIRONMENT, logs, 1500.0).lines == ()


def test_the_log_of_the_startup_script_is_read_too() -> None:
    logs = FakeLogs({GROUP: lines("startup_script_execution_a_1.log", "[x] ERROR startup.sh exited with 1")})
    found = read_update_logs(ENVIRONMENT, logs, 0.0)
    assert found.failed
    assert found.lines[0].stream == "startup_script_execution_a_1.log"


def test_logs_that_may_not_be_read_are_named() -> None:
    logs = FakeLogs(error=AwsError("Access denied: your user or role may not do logs:FilterLogEvents."))
    assert "logs:FilterLogEvents" in read_update_logs(ENVIRONMENT, logs, 0.0).unread


def test_logs_that_are_switched_off_are_named() -> None:
    found = read_update_logs(replace(ENVIRONMENT, log_groups=()), FakeLogs(), 0.0)
    assert found.unread == "its scheduler logs are switched off (LoggingConfiguration of the environment)"
