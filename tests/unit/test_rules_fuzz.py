"""Whatever bytes a user's files hold, the checks come to an end and raise nothing."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.catalog import load_version
from mwaa_local.validation.dag_check import check_dag_bytes, check_dag_text, check_plugin_bytes
from mwaa_local.validation.dag_s3_rules import address_problem, bucket_problem
from mwaa_local.validation.known_failures import apply_known_failures, parse_known_failures
from mwaa_local.validation.provider_names import load_provider_names
from mwaa_local.validation.rule import Surroundings
from mwaa_local.validation.startup_text_rules import StartupScript, check_startup_text

PROVIDERS = {"apache-airflow-providers-amazon": "3.4.0", "apache-airflow-providers-http": "2.0.1"}
NAMES = load_provider_names(PROVIDERS)


def around(version: str = "2.2.2") -> Surroundings:
    return Surroundings(load_version(version), catchup_by_default=False, providers=NAMES)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400))
def test_no_bytes_break_the_check(content: bytes) -> None:
    assert check_dag_bytes("dags/x.py", content, around()).path == "dags/x.py"
    assert check_plugin_bytes("plugins/x.py", content, around("3.3.1")).dag_ids == ()


SPACES = ["\n", "\n    ", " "]
WORDS = st.sampled_from(
    [
        *SPACES,
        *"()[]{},=:.*@#1",
        *(
            "DAG",
            "dag",
            "task",
            "def",
            "class",
            "return",
            "lambda",
            "if",
            "else",
            "for",
            "in",
            "try",
            "except",
        ),
        *(
            "with",
            "as",
            "import",
            "from",
            "airflow",
            "Variable.get",
            "boto3.client",
            "datetime.now",
            "timedelta",
        ),
        *(
            "hours",
            "queue",
            "catchup",
            "None",
            "open",
            "BashOperator",
            "bash_command",
            "default_args",
            "**a",
            "*b",
        ),
        *("'x'", '"/tmp/a"', "f'{x}'", "'rest /api/v1/dags'", "# mwaa-local: ignore[subdag]"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(WORDS, max_size=60))
def test_no_text_breaks_the_check(words: list[str]) -> None:
    check_dag_text("dags/x.py", " ".join(words).replace(" \n ", "\n"), around())


@pytest.mark.parametrize("text", ["x = " + "(" * 5000, "x = " + "a + " * 20000 + "a", "[" * 90 + "]" * 90])
def test_deep_nesting_is_no_failure(text: str) -> None:
    check_dag_text("dags/x.py", text, around())


SHELL = st.sampled_from(
    [
        *"\n;&|<>(){}$#\\'\"=",
        *("\r\n", "  ", " ", "\t", "#!/bin/sh\n", "\xef\xbb\xbf"),
        *("sudo", "-E", "yum", "dnf", "apt-get", "install", "update", "--exclude=python*", "python3.11"),
        *("export", "declare", "-x", "AIRFLOW_HOME=", "A=1", "PYTHONPATH=x", "set -e", "set -o errexit"),
        *(
            "exec",
            "exit 1",
            "if",
            "then",
            "fi",
            "MWAA_AIRFLOW_COMPONENT",
            "pip install",
            "curl ",
            "<<EOF",
            "EOF",
        ),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(SHELL, max_size=60), st.sampled_from(["1.10.12", "2.2.2", "3.3.1"]))
def test_no_startup_script_breaks_the_check(words: list[str], version: str) -> None:
    content = " ".join(words).encode()
    lines = content.count(b"\n") + content.count(b"\r") + 1
    for finding in check_startup_text(StartupScript(content, "startup.sh", load_version(version))):
        assert finding.location is not None
        assert 1 <= finding.location.line <= lines


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400))
def test_no_bytes_break_the_check_of_a_startup_script(content: bytes) -> None:
    check_startup_text(StartupScript(content, "startup.sh", load_version("2.2.2")))


@pytest.mark.parametrize(
    "line", ["sudo " * 5000, "yum " * 5000 + "install", "export " + "A=1 " * 5000, "a\\\n" * 5000]
)
def test_long_lines_of_a_startup_script_take_no_time(line: str) -> None:
    check_startup_text(StartupScript(line.encode(), "startup.sh", load_version("2.2.2")))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_judged_as_a_place_in_s3(text: str) -> None:
    bucket_problem(text)
    address_problem(f"s3:{text}")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_list_of_known_failures(text: str) -> None:
    known = parse_known_failures(text)
    assert len(list(apply_known_failures((), known, "known.txt", complete=True))) == len(known)
