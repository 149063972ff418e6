from dataclasses import replace

import pytest

from mwaa_local.mwaa_tokens import (
    AirflowRole,
    Claims,
    Purpose,
    TokenRefusedError,
    login_key,
    make_token,
    new_claims,
    read_token,
)

KEY = b"a key of thirty-two random bytes"
NOW = 1_700_000_000.0


def claims(user: str = "assumed-role/Engineer/me") -> Claims:
    return new_claims("MyEnvironment", Purpose.CLI, AirflowRole.OP, user, now=NOW)


def read(token: str, environment: str = "MyEnvironment", purpose: Purpose = Purpose.CLI) -> Claims:
    return read_token(KEY, token, environment, purpose, now=NOW + 59.9)


def test_a_token_says_what_it_was_made_with_for_sixty_seconds() -> None:
    said = claims()
    token = make_token(KEY, said)
    assert read(token) == said
    with pytest.raises(TokenRefusedError, match="expired"):
        read_token(KEY, token, "MyEnvironment", Purpose.CLI, now=NOW + 60)


def test_no_two_tokens_are_equal() -> None:
    assert make_token(KEY, claims()) != make_token(KEY, claims())


def test_a_token_opens_one_environment_and_one_door() -> None:
    token = make_token(KEY, claims())
    with pytest.raises(TokenRefusedError, match="another environment"):
        read(token, environment="Other")
    with pytest.raises(TokenRefusedError, match="for cli, not for web"):
        read(token, purpose=Purpose.WEB)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "ä.ö", "é", "a.b.c", "\udc80.\udc80"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenRefusedError, match="not one of this environment"):
        read(token)


def test_a_token_of_another_key_or_with_other_claims_is_refused() -> None:
    said = claims()
    body, _, signature = make_token(KEY, said).partition(".")
    better, _, _ = make_token(KEY, replace(said, role=AirflowRole.ADMIN)).partition(".")
    for forged in (make_token(b"another key", said), f"{better}.{signature}", f"{body}.{signature[:-1]}"):
        with pytest.raises(TokenRefusedError, match="not one of this environment"):
            read(forged)


def test_what_the_web_server_knows_makes_no_token_of_the_api() -> None:
    with pytest.raises(TokenRefusedError):
        read(make_token(login_key(KEY), claims()))


def test_a_user_name_of_more_than_64_characters_becomes_a_digest() -> None:
    assert claims("u" * 64).user == "u" * 64
    long = claims("assumed-role/Engineer/" + "u" * 64).user
    assert len(long) == 64
    assert long != claims("assumed-role/Engineer/" + "v" * 64).user
