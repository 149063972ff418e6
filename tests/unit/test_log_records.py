"""Lines of logs as records: which lines belong together, when they were written, at which level."""

import logging

import pytest

from mwaa_local.log_records import LogRecord, level_of, parse_records, time_of

BEFORE = LogRecord(100.0, logging.INFO, "")
FIRST = 1795231423.5
TRACEBACK = """\
[\x1b[34m2026-11-21 03:23:43,500\x1b[0m] {\x1b[34mprocessor.py:\x1b[0m163} ERROR\x1b[0m - broken\x1b[0m
Traceback (most recent call last):
KeyError: 1
[2026-11-21T03:23:44.000+0000] {processor.py:171} INFO - done""".splitlines()


def test_a_traceback_is_one_record_without_colours() -> None:
    first, second = parse_records(TRACEBACK, BEFORE)
    assert first == LogRecord(
        FIRST,
        logging.ERROR,
        "[2026-11-21 03:23:43,500] {processor.py:163} ERROR - broken\n"
        "Traceback (most recent call last):\nKeyError: 1",
    )
    assert (second.time, second.level) == (FIRST + 0.5, logging.INFO)


def test_of_what_a_process_prints_each_line_is_a_record_at_the_level_of_the_one_before() -> None:
    records = list(parse_records(TRACEBACK, BEFORE, by_line=True))
    assert [each.level for each in records] == [logging.ERROR] * 3 + [logging.INFO]
    assert [each.time for each in records] == [FIRST] * 3 + [FIRST + 0.5]


def test_lines_without_a_time_belong_to_what_was_read_before() -> None:
    (record,) = parse_records(["  more"], LogRecord(7.0, logging.ERROR, "earlier"))
    assert record == LogRecord(7.0, logging.ERROR, "  more")


def test_times_never_go_back() -> None:
    late = LogRecord(FIRST + 3600, logging.INFO, "")
    assert [each.time for each in parse_records(TRACEBACK, late)] == [late.time] * 2


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("[2026-11-21 03:23:43,905] {manager.py:512} WARNING - Refused", logging.WARNING),
        ("[2026-11-21 03:23:47 +0000] [2629] [ERROR] Connection in use", logging.ERROR),
        ("[2026-11-21 03:23:44,494: INFO/MainProcess] Connected", logging.INFO),
        ("2026-11-21 02:11:10 [critical ] Process exited", logging.CRITICAL),
        ('{"timestamp":"2026-11-21T02:39:02.512582","level":"debug","event":"x"}', logging.DEBUG),
        ("Traceback (most recent call last):", None),
        ('{"broken', None),
    ],
)
def test_levels_are_found_in_every_form_that_services_write(line: str, level: int | None) -> None:
    assert level_of(line) == level


def test_airflow_3_means_utc_where_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert time_of('{"timestamp":"2026-11-21T03:23:43.5","event":"x"}') == FIRST
    finally:
        monkeypatch.undo()
        time.tzset()
