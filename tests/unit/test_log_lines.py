from datetime import UTC, datetime, timedelta, timezone

import pytest

from mwaa_local.errors import UsageError
from mwaa_local.log_records import time_of
from mwaa_local.runtime.log_lines import merge_logs, parse_since, readable

TEN = datetime(2024, 1, 31, 10, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("[2024-01-31 10:00:00,250] {manager.py:163} INFO - Airflow 2", 0.25),
        ("[\x1b[34m2024-01-31 10:00:00,250\x1b[0m] coloured", 0.25),
        ("[2024-01-31 12:00:00 +0200] [1308] [INFO] gunicorn", 0.0),
        ("[2024-01-31 10:00:00,500: INFO/MainProcess] Celery", 0.5),
        ("2024-01-31 10:00:00.125 UTC [1102] LOG:  PostgreSQL", 0.125),
        ("2024-01-31T10:00:00.125000Z [info     ] Airflow 3", 0.125),
        ("2024-01-31T11:00:00+01:00 ISO", 0.0),
        ('{"timestamp": "2024-01-31T10:00:02Z", "event": "a task of Airflow 3"}', 2.0),
    ],
)
def test_the_time_of_each_kind_of_line_is_read(line: str, seconds: float) -> None:
    assert time_of(line) == pytest.approx(TEN + seconds)


@pytest.mark.parametrize(
    "line", ["Traceback (most recent call last):", "", "2024-13-45 10:00:00 no such day", '{"a": 1}', "{half"]
)
def test_a_line_without_a_time_has_none(line: str) -> None:
    assert time_of(line) is None


def test_a_line_without_zone_is_in_the_zone_that_is_given() -> None:
    assert time_of("2024-01-31 10:00:00 x", timezone(timedelta(hours=1))) == TEN - 3600


def test_logs_are_merged_by_time_and_a_traceback_stays_with_its_line() -> None:
    first = ["[2024-01-31 10:00:00,000] a", "  traceback", "[2024-01-31 10:00:02,000] c"]
    second = ["no time yet", "[2024-01-31 10:00:01,000] b"]
    merged = merge_logs([("one", first), ("two", second)], None, None)
    assert [line.text.split()[-1] for line in merged] == ["yet", "a", "traceback", "b", "c"]
    assert [line.text for line in merge_logs([("one", first), ("two", second)], TEN + 1, None)] == [
        second[1],
        first[2],
    ]
    assert [line.text for line in merge_logs([("one", first)], None, 1)] == [first[2]]
    assert merge_logs([("one", first)], None, 0) == []


def test_since_takes_durations_and_times() -> None:
    now = datetime(2024, 1, 31, 10, 0, 0, tzinfo=UTC)
    assert parse_since("90s", now) == TEN - 90
    assert parse_since("10m", now) == TEN - 600
    assert parse_since("1.5h", now) == TEN - 5400
    assert parse_since("2d", now) == TEN - 172800
    assert parse_since("2024-01-31T09:00:00+00:00", now) == TEN - 3600
    with pytest.raises(UsageError, match="--since 10 minutes ago: not a time"):
        parse_since("10 minutes ago", now)


def test_an_exception_that_airflow_3_logs_as_data_is_shown_as_a_traceback() -> None:
    line = (
        '{"timestamp": "T", "level": "error", "event": "Task failed", "error_detail": [{"exc_type": "ValueError",'
        ' "exc_value": "bad luck", "frames": [{"filename": "dags/a.py", "lineno": 3, "name": "load"}]}]}'
    )
    assert readable(line) == [
        "[T] ERROR - Task failed",
        '  File "dags/a.py", line 3, in load',
        "ValueError: bad luck",
    ]
    assert readable('{"some": "json"}') == ['{"some": "json"}']
