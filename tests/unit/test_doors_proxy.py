"""Which headers pass between a client and the web server."""

import pytest

from mwaa_local.aws.web_doors.cookies import inner_cookies, outer_cookies
from mwaa_local.aws.web_doors.doors import door_of, is_local_host
from mwaa_local.aws.web_doors.proxy import answer_headers, request_headers

HOST = "localhost:8443"


def test_the_web_server_learns_of_https_and_only_from_us() -> None:
    given = [
        ("Host", HOST),
        ("Cookie", "session=1"),
        ("Connection", "keep-alive, X-Private"),
        ("X-Private", "1"),
        ("Keep-Alive", "5"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("x-forwarded-proto", "http"),
        ("X-MWAA-Local-Login", "forged"),
    ]
    assert list(request_headers(given)) == [
        ("Host", HOST),
        ("Cookie", "session=1"),
        ("X-Forwarded-Proto", "https"),
        ("Connection", "close"),
    ]


def test_each_cookie_of_an_answer_passes_and_nothing_about_the_connection() -> None:
    given = [
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
    ]
    assert list(answer_headers(given, HOST, 8080)) == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://127.0.0.1:8080/home", f"https://{HOST}/home"),
        (f"http://{HOST}/login/?next=x", f"https://{HOST}/login/?next=x"),
        (f"http://{HOST}", f"https://{HOST}"),
        ("/home", "/home"),
        ("http://127.0.0.1:80801/home", "http://127.0.0.1:80801/home"),
        ("https://airflow.apache.org/docs", "https://airflow.apache.org/docs"),
    ],
)
def test_redirections_to_the_web_server_lead_to_the_doors(location: str, expected: str) -> None:
    assert list(answer_headers([("Location", location)], HOST, 8080)) == [("Location", expected)]


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/aws_mwaa/cli", "cli"),
        ("/aws_mwaa/login", "login"),
        ("/pluginsv2/aws_mwaa/login", "login"),
        ("/aws_mwaa/aws-console-sso", "aws-console-sso"),
        ("/aws_mwaa/cli/", ""),
        ("/aws_mwaa/", ""),
        ("/cli", ""),
        ("/home", ""),
    ],
)
def test_a_path_leads_to_a_door_or_to_the_web_server(path: str, door: str) -> None:
    assert door_of(path) == door


def test_environments_at_one_name_leave_each_others_sessions_alone() -> None:
    set_by_web_server = [
        ("Set-Cookie", "session=1; HttpOnly"),
        ("Set-Cookie", "_token=2"),
        ("X", "session=3"),
    ]
    assert list(outer_cookies(set_by_web_server, HOST)) == [
        ("Set-Cookie", "session-8443=1; HttpOnly"),
        ("Set-Cookie", "_token=2"),
        ("X", "session=3"),
    ]
    sent_by_browser = [("Cookie", "a=b; session=stale; session-8443=1; session-8444=other")]
    assert list(inner_cookies(sent_by_browser, HOST)) == [("Cookie", "a=b; session-8444=other; session=1")]
    assert list(inner_cookies([("Cookie", "session=1; a=b")], HOST)) == [("Cookie", "session=1; a=b")]
    assert list(outer_cookies([("Set-Cookie", "session=1")], "localhost")) == [
        ("Set-Cookie", "session-443=1")
    ]


def test_only_loopback_names_are_served() -> None:
    assert all(map(is_local_host, ("localhost:1", "127.0.0.1", "LOCALHOST", "my.localhost:9")))
    assert not any(map(is_local_host, ("", "evil.example:1", "localhost.evil.example", "192.0.2.1")))
