"""The endpoint process of an environment whose AWS is another endpoint: its web server's doors, and nothing of moto.

`python -m mwaa_local.aws.attached --port N --endpoint URL --queue NAME [...]`: started by environments of the MWAA API.
"""

import argparse
import logging
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlencode

from mwaa_local.aws.account import HEALTH_PATH, RELEASE_PATH
from mwaa_local.aws.web_doors.settings import add_door_options, open_asked_doors, take_key

log = logging.getLogger("mwaa_local.aws")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM."""
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log.setLevel(logging.INFO)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    key = take_key(os.environ)
    options.state.mkdir(parents=True, exist_ok=True)

    class QuietRequestHandler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep no access log: the supervisor asks all the time."""

    server = ThreadedWSGIServer(
        options.listen,
        options.port,
        Forwarder(options.endpoint, options.queue),
        handler=QuietRequestHandler,
    )
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    open_asked_doors(options, key)
    log.info("the AWS of this environment is %s", options.endpoint)
    server.serve_forever()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mwaa_local.aws.attached", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint", required=True, help="URL of the endpoint that has the AWS services")
    parser.add_argument("--queue", required=True, help="the Celery queue of this environment")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--airflow", default="", help="Airflow version of the environment")
    add_door_options(parser)
    return parser


class Forwarder:
    """Answers for its own health, and hands on what concerns this environment's queue."""

    def __init__(self, endpoint: str, queue: str) -> None:
        self._endpoint = endpoint
        self._queue = queue

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        status = "404 Not Found"
        if path == HEALTH_PATH:
            status = "200 OK"
        elif path == RELEASE_PATH and environ["REQUEST_METHOD"] == "POST":
            status = self._release(parse_qs(str(environ.get("QUERY_STRING", ""))))
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    def _release(self, query: Mapping[str, Sequence[str]]) -> str:
        """Have messages released, of this environment's queue only: others have workers of the same names."""
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import HTTPClientError
        from botocore.httpsession import URLLib3Session

        pairs = [("consumer", each) for each in query.get("consumer", [])] + [("queue", self._queue)]
        request = AWSRequest("POST", f"{self._endpoint}{RELEASE_PATH}?{urlencode(pairs)}")
        try:
            answer = URLLib3Session(timeout=5).send(request.prepare())
        except HTTPClientError as error:
            log.warning("the endpoint does not answer: %s", error)
            return "502 Bad Gateway"
        return "200 OK" if answer.status_code < 300 else "502 Bad Gateway"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
