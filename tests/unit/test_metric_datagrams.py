"""statsd datagrams: what Airflow's client writes, and what anybody may send."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.aws.metrics.datagrams import Kind, Sample, parse_datagram


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (b"airflow.scheduler_heartbeat:1|c", Sample("airflow.scheduler_heartbeat", Kind.COUNTER, 1.0)),
        (b"a.dag_processing.processes:-1|c", Sample("a.dag_processing.processes", Kind.COUNTER, -1.0)),
        (b"a.b:1|c|@0.1", Sample("a.b", Kind.COUNTER, 10.0)),
        (b"a.executor.open_slots:5|g", Sample("a.executor.open_slots", Kind.GAUGE, 5.0)),
        (b"a.open:-2|g", Sample("a.open", Kind.GAUGE, -2.0, relative=True)),
        (b"a.open:+2.5|g", Sample("a.open", Kind.GAUGE, 2.5, relative=True)),
        (b"a.collect_db_dags:6.250000|ms", Sample("a.collect_db_dags", Kind.TIMER, 6.25)),
        (b"a.t:8|ms|@0.5", Sample("a.t", Kind.TIMER, 8.0, 2.0)),
        (b"a.t:8|ms|#tag:with:colons", None),
        (b"a.t:1e3|ms\n", Sample("a.t", Kind.TIMER, 1000.0)),
    ],
)
def test_what_statsd_clients_write_is_read(datagram: bytes, expected: Sample | None) -> None:
    assert list(parse_datagram(datagram)) == ([expected] if expected else [])


def test_several_lines_are_several_values() -> None:
    found = [sample.name for sample in parse_datagram(b"a:1|c\nnonsense\nb:2|g\n\nc:3|ms")]
    assert found == ["a", "b", "c"]


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b":",
        b":1|c",
        b"a",
        b"a:1",
        b"a:|c",
        b"a:1|",
        b"a:1|s",
        b"a:x|c",
        b"a:nan|g",
        b"a:inf|g",
        b"a:1_0|g",
        b"a:1|c|@0",
        b"a:1|c|@2",
        b"a:1|c|@1e-300",
        b"a:1e300|c",
        b"a:-1e300|g",
        b"a:1|c|@x",
        b"a\xff:1|c",
        b"a" * 501 + b":1|c",
    ],
)
def test_what_is_no_value_is_left_out(datagram: bytes) -> None:
    assert list(parse_datagram(datagram)) == []


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from([b"a", b"1", b":", b"|", b"c", b"g", b"ms", b"@", b".", b"-", b"\n", b"e9"])
        ).map(b"".join),
    )
)
def test_whatever_is_sent_values_are_finite_and_names_are_short(datagram: bytes) -> None:
    for sample in parse_datagram(datagram):
        assert 0 < len(sample.name) <= 500
        assert math.isfinite(sample.weight)
        assert sample.weight >= 1.0


@given(st.text("abc._-", min_size=1, max_size=30), st.floats(-1e12, 1e12), st.sampled_from(["c", "g", "ms"]))
def test_what_is_written_is_what_is_read(name: str, value: float, kind: str) -> None:
    (sample,) = parse_datagram(f"{name}:{value}|{kind}".encode())
    assert (sample.name, sample.kind, sample.value) == (name, kind, value)
