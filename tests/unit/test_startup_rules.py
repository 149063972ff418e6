"""What is said about a startup script: its lines, and what it did."""

from dataclasses import replace

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.startup_report import ShellComment, StartupReport, merge_equal
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.startup_rules import check_startup_run, shellcheck_findings
from mwaa_local.validation.startup_text_rules import STARTUP_RULES, StartupScript, check_startup_text

REPORT = StartupReport("scheduler", 0, False, False, 1.0, 300.0, (), (), (), (), "")


def found(text: str | bytes, version: str = "2.2.2") -> list[tuple[str, int | None]]:
    content = text.encode() if isinstance(text, str) else text
    findings = check_startup_text(StartupScript(content, "startup.sh", load_version(version)))
    return [(each.rule_id, each.location.line if each.location else None) for each in findings]


def test_a_sound_script_breaks_no_rule() -> None:
    script = """\
#!/bin/bash
# yum update, apt-get, set -e: only in comments
export ENVIRONMENT=dev
if [[ "$MWAA_AIRFLOW_COMPONENT" != "webserver" ]]; then
    sudo yum install -y libaio
    sudo yum update -y --exclude=python*
fi
exec 3>/dev/null
"""
    assert found(script) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("export A=1\nsudo yum -y update  # all\n", "startup-update"),
        ("true\nsudo dnf upgrade -y\n", "startup-update"),
        ("true\nyum install -y libaio\n", "startup-sudo"),
        ("true\nsudo apt-get install libaio\n", "startup-package-manager"),
        ("true\nsudo dnf install -y libaio\n", "startup-package-manager"),
        ("true\nsudo yum install -y \\\n  python3.9\n", "startup-python"),
        ("true\nset -e\n", "startup-set-e"),
        ("true\nset -euo pipefail\n", "startup-set-e"),
        ("true\nexec python main.py\n", "startup-exec"),
        ("true\nexport B=1 AIRFLOW__CORE__EXECUTOR=LocalExecutor\n", "startup-reserved"),
        ("true\ndeclare -x MWAA__SOMETHING=1\n", "startup-reserved"),
        ("true\ncurl -O https://example.com/x\n", "startup-private-web-server"),
        ("true\npip3 install thing\n", "startup-private-web-server"),
    ],
)
def test_a_line_that_does_harm_is_named(text: str, rule: str) -> None:
    assert (rule, 2) in found(text)


@pytest.mark.parametrize(
    ("content", "rule", "line"),
    [
        (b"true\ntrue\r\n", "startup-line-endings", 2),
        (b"\xef\xbb\xbfexport A=1\n", "startup-encoding", 1),
        (b"\xff\xfee\x00", "startup-encoding", 1),
        (b"#!/usr/bin/env python\n", "startup-shell", 1),
    ],
)
def test_a_file_that_bash_cannot_read_as_it_is_meant_is_an_error(
    content: bytes, rule: str, line: int
) -> None:
    assert found(content) == [(rule, line)]


def test_dnf_is_there_from_amazon_linux_2023_on() -> None:
    assert found("sudo dnf -q makecache\n") == [("startup-package-manager", 1)]
    assert found("sudo dnf -q makecache\n", "2.10.3") == []


def test_pythonpath_is_reserved_from_2_9_on() -> None:
    assert found("export PYTHONPATH=/x\n") == []
    assert found("export PYTHONPATH=/x\n", "2.9.2") == [("startup-reserved", 1)]


def test_a_version_without_startup_scripts_says_so() -> None:
    assert found("export A=1\n", "1.10.12") == [("startup-unsupported", 1)]


def test_every_rule_has_a_name_of_its_own_and_says_what_to_do() -> None:
    rules = [each.rule for each in STARTUP_RULES]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.hint and rule.summary.endswith(".") for rule in rules)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (REPORT, []),
        (
            replace(REPORT, timed_out=True, exit_code=124, seconds=300),
            [("startup-timeout", "The script did not end within 300 s (scheduler).")],
        ),
        (
            replace(REPORT, ended_early=True, exit_code=1),
            [("startup-ended-early", "The script ended early with exit code 1 (scheduler).")],
        ),
        (
            replace(REPORT, exit_code=7),
            [("startup-exit-code", "The script ended with exit code 7 (scheduler).")],
        ),
        (
            replace(REPORT, seconds=250.0),
            [("startup-slow", "The script took 250 s of 300 s (scheduler).")],
        ),
        (
            replace(REPORT, exported=(("AWS_REGION", "x"), ("MINE", "y"))),
            [("startup-overwritten", "MWAA overwrites AWS_REGION (scheduler).")],
        ),
        (
            replace(REPORT, unexported=(("MINE", "1"), ("i", "2"))),
            [("startup-not-exported", "Set but not exported: MINE (scheduler).")],
        ),
    ],
)
def test_what_a_run_did_is_judged(report: StartupReport, expected: list[tuple[str, str]]) -> None:
    findings = check_startup_run(report, load_version("2.2.2"), "startup.sh")
    assert [(each.rule_id, each.message) for each in findings] == expected


def test_components_where_the_script_did_the_same_are_told_together() -> None:
    worker = replace(REPORT, component="worker", seconds=2.0, output="other")
    webserver = replace(REPORT, component="webserver", exit_code=1)
    merged = merge_equal([REPORT, worker, webserver])
    assert [(each.component, each.seconds) for each in merged] == [
        ("scheduler, worker", 2.0),
        ("webserver", 1.0),
    ]


def test_of_shellcheck_only_what_is_no_shell_code_is_an_error() -> None:
    comments = tuple(
        ShellComment(1, 2, code, level, "It is so.")
        for code, level in ((1009, "error"), (2050, "error"), (2034, "warning"), (2086, "info"))
    )
    findings = list(shellcheck_findings(comments, "startup.sh"))
    assert [(each.rule_id, each.severity) for each in findings] == [
        ("shellcheck-SC1009", Severity.ERROR),
        ("shellcheck-SC2050", Severity.WARNING),
        ("shellcheck-SC2034", Severity.WARNING),
        ("shellcheck-SC2086", Severity.INFO),
    ]
