"""The list of access keys: what it says, and what it must not say."""

from pathlib import Path

import pytest

from mwaa_local.aws.access_keys import (
    AccessKey,
    consumer_of,
    key_id,
    load_access_keys,
    own_key,
    role_of,
)
from mwaa_local.errors import AwsError
from mwaa_local.mwaa_tokens import AirflowRole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no access key"),
        ("# only a comment\n", "has no access key"),
        ("a b Admin more\n", "line 1: there are 4 words"),
        ("a\nb secret Root\n", "line 2: Root is no role of Airflow"),
    ],
)
def test_a_list_that_says_nothing_or_nonsense_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(AwsError, match=message):
        load_access_keys(tmp_path / "keys")


def test_secrets_and_roles_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one\n  two  secret\nthree secret viewer\nfour secret -\n")
    keys = load_access_keys(tmp_path / "keys")
    assert list(keys.values()) == [
        AccessKey("one"),
        AccessKey("two", "secret"),
        AccessKey("three", "secret", "viewer"),
        AccessKey("four", "secret", "-"),
    ]
    assert [role_of(key, keys) for key in keys] == [
        AirflowRole.ADMIN,
        AirflowRole.ADMIN,
        AirflowRole.VIEWER,
        None,
    ]


def test_without_a_list_the_id_tells_the_role() -> None:
    assert [role_of(key) for key in ("me", "me-Viewer", "me-op", "")] == ["Admin", "Viewer", "Op", "Admin"]


def test_the_environment_uses_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one secret\ntwo\n")
    assert own_key({"MWAA_LOCAL_REQUIRE_CREDENTIALS": str(tmp_path / "keys")}) == AccessKey("one", "secret")
    assert own_key({}) == AccessKey("mwaa-local", "mwaa-local")


def test_a_workers_name_is_no_part_of_its_key() -> None:
    assert (key_id("one~worker-1"), consumer_of("one~worker-1")) == ("one", "worker-1")
    assert (key_id("one"), consumer_of("one")) == ("one", "one")
