"""The SQS transport's HTTP client, on kombu's real event loop against a real server."""

import importlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.inside_modules import INSIDE

# kombu is only partly annotated.
Hub: Any = importlib.import_module("kombu.asynchronous").Hub
Request: Any = importlib.import_module("kombu.asynchronous.http").Request


@pytest.fixture
def sqs_http(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(INSIDE))
    return importlib.import_module("mwaa_inside.sqs_http")


class Answers(BaseHTTPRequestHandler):
    """Echoes; /wait answers once the server is told to; /hang-up closes the connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.connections.add(self.client_address[1])
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/hang-up":
            self.close_connection = True
            return
        if self.path == "/wait":
            self.server.waiting.set()
            self.server.go_on.wait(20)
        self.send_response(418 if self.path == "/teapot" else 200)
        answer = f"{self.command} {self.path} {self.headers.get('Content-Type')} ".encode() + body
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class Server(ThreadingHTTPServer):
    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.connections: set[int] = set()
        self.waiting = threading.Event()
        self.go_on = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.go_on.set()
        self.shutdown()
        self.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def hub() -> Iterator[Any]:
    loop = Hub()
    # The loop sleeps as long as no timer tells it when to look up.
    loop.call_repeatedly(0.05, lambda: None)
    yield loop
    loop.close()


@pytest.fixture
def client(sqs_http: Any, hub: Any) -> Iterator[Any]:
    made = sqs_http.ThreadedClient(hub)
    yield made
    made.close()
    for thread in made._threads:
        thread.join(10)


def _perform(hub: Any, client: Any, *requests: Any) -> list[Any]:
    """Let the event loop run until every request is answered; the answers in the order of their arrival."""
    answers: list[Any] = []
    for request in requests:
        request.then(answers.append)
        client.add_request(request)
    _run(hub, lambda: len(answers) == len(requests))
    return answers


def _run(hub: Any, is_done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_done():
            return
        hub.run_once()
    raise AssertionError("the event loop never got there")


def test_a_request_is_answered_on_the_event_loops_thread(hub: Any, client: Any, server: Server) -> None:
    threads: list[threading.Thread] = []
    request = Request(server.url + "/a?b=c")
    request.then(lambda _: threads.append(threading.current_thread()))
    (answer,) = _perform(hub, client, request)
    assert (answer.code, answer.body, answer.error) == (200, b"GET /a?b=c None ", None)
    assert answer.headers["Content-Length"] == "16"
    assert threads == [threading.current_thread()]


def test_a_body_is_posted_as_a_form_unless_the_request_says_otherwise(
    hub: Any, client: Any, server: Server
) -> None:
    (form,) = _perform(hub, client, Request(server.url, method="POST", body="Action=X"))
    assert form.body == b"POST / application/x-www-form-urlencoded Action=X"
    headers = {"content-type": b"application/x-amz-json-1.0"}
    (json,) = _perform(hub, client, Request(server.url, method="POST", body=b"{}", headers=headers))
    assert json.body == b"POST / application/x-amz-json-1.0 {}"


def test_an_error_status_is_an_answer_with_an_error(hub: Any, client: Any, server: Server) -> None:
    (answer,) = _perform(hub, client, Request(server.url + "/teapot"))
    assert answer.code == 418
    assert answer.error is not None


def test_a_waiting_request_holds_up_neither_the_loop_nor_other_requests(
    hub: Any, client: Any, server: Server
) -> None:
    waited: list[Any] = []
    request = Request(server.url + "/wait")
    request.then(waited.append)
    client.add_request(request)
    (other,) = _perform(hub, client, Request(server.url + "/other"))
    assert other.code == 200
    assert waited == []
    server.go_on.set()
    _run(hub, lambda: bool(waited))
    assert waited[0].code == 200


def test_connections_are_used_again(hub: Any, client: Any, server: Server) -> None:
    for _ in range(3):
        _perform(hub, client, Request(server.url))
    assert len(server.connections) == 1


def test_a_server_that_comes_back_is_waited_for(hub: Any, client: Any) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    answers: list[Any] = []
    request = Request(f"http://127.0.0.1:{port}/")
    request.then(answers.append)
    client.add_request(request)
    for _ in range(5):
        hub.run_once()
    assert answers == []
    late = Server(port)
    try:
        _run(hub, lambda: bool(answers))
    finally:
        late.stop()
    assert answers[0].code == 200


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:0/", "ftp://127.0.0.1:1/"])
def test_no_answer_is_599_which_kombu_takes_for_an_empty_queue(hub: Any, client: Any, url: str) -> None:
    (answer,) = _perform(hub, client, Request(url, request_timeout=0.2))
    assert answer.code == 599
    assert answer.error is not None


def test_a_server_that_hangs_up_is_599(hub: Any, client: Any, server: Server) -> None:
    (answer,) = _perform(hub, client, Request(server.url + "/hang-up"))
    assert answer.code == 599


def test_more_requests_than_threads_are_all_answered(hub: Any, client: Any, server: Server) -> None:
    answers = _perform(hub, client, *(Request(f"{server.url}/{number}") for number in range(30)))
    assert sorted(int(answer.body.split()[1][1:]) for answer in answers) == list(range(30))
    assert len(client._threads) <= client.max_clients


def test_a_loop_that_is_reset_hangs_up_and_serves_new_requests(hub: Any, client: Any, server: Server) -> None:
    answers: list[Any] = []
    request = Request(server.url + "/wait")
    request.then(answers.append)
    client.add_request(request)
    assert server.waiting.wait(20)
    hub.reset()
    hub.call_repeatedly(0.05, lambda: None)
    (after,) = _perform(hub, client, Request(server.url + "/after"))
    server.go_on.set()
    assert after.code == 200
    assert answers == []


def test_a_callback_that_fails_does_not_swallow_the_other_answers(
    hub: Any, client: Any, server: Server
) -> None:
    answers: list[Any] = []

    def fail(_: object) -> None:
        raise LookupError("from the callback")

    for number in range(3):
        request = Request(server.url + "/wait")
        request.then(fail if number == 0 else answers.append)
        client.add_request(request)
    server.go_on.set()
    failures: list[str] = []
    for _ in range(200):
        try:
            # The answers come in any order.
            _run(hub, lambda: len(answers) == 2 and bool(failures))
        except LookupError:
            failures.append("from the callback")
            continue
        break
    assert (len(answers), len(failures)) == (2, 1)


def _client_that_kombu_makes(*, with_hook: bool, pycurl: str, tmp_path: Path) -> str:
    """Ask a fresh Python which client class kombu hands out, with our folder on its path or not."""
    (tmp_path / "pycurl.py").write_text(pycurl)
    script = (
        "import kombu.asynchronous.http as http\nfrom kombu.asynchronous import Hub\n"
        "print(getattr(http.Client, '__name__', '?'), http.Client.__module__)\n"
    )
    env = {"PYTHONPATH": f"{INSIDE}:{tmp_path}"}
    if with_hook:
        env["MWAA_LOCAL_SQS_QUEUE_URL"] = "http://127.0.0.1:1/123456789012/q"
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


NO_PYCURL = "raise ImportError('no libcurl here')\n"
SOME_PYCURL = "HTTPGET = POST = UPLOAD = NOBODY = 0\nclass Curl: pass\n"


def test_kombu_uses_it_where_pycurl_is_missing(tmp_path: Path) -> None:
    made = _client_that_kombu_makes(with_hook=True, pycurl=NO_PYCURL, tmp_path=tmp_path)
    assert made == "ThreadedClient mwaa_inside.sqs_http"


def test_kombu_keeps_its_own_client_where_pycurl_works(tmp_path: Path) -> None:
    made = _client_that_kombu_makes(with_hook=True, pycurl=SOME_PYCURL, tmp_path=tmp_path)
    assert made == "Client kombu.asynchronous.http"


def test_kombu_is_left_alone_without_our_variables(tmp_path: Path) -> None:
    made = _client_that_kombu_makes(with_hook=False, pycurl=NO_PYCURL, tmp_path=tmp_path)
    assert made == "Client kombu.asynchronous.http"
