"""Our own paths about queues: what a supervisor asks of the endpoint, for a worker that died and for autoscaling."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from mwaa_local.aws.account import QUEUE_PATH, RELEASE_PATH

if TYPE_CHECKING:
    from mwaa_local.aws.application import Environ, Handler
    from mwaa_local.aws.queues import QueueStore


def queue_handlers(store: "QueueStore") -> "dict[str, Handler]":
    """Return what answers on the paths."""

    def release(environ: "Environ") -> tuple[str, Mapping[str, Any]]:
        if environ["REQUEST_METHOD"] != "POST":
            return "405 Method Not Allowed", {"message": "use POST"}
        query = parse_qs(str(environ.get("QUERY_STRING", "")))
        queue = query.get("queue", [""])[0]
        return "200 OK", {"released": sum(store.release(each, queue) for each in query.get("consumer", []))}

    def figures(environ: "Environ") -> tuple[str, Mapping[str, Any]]:
        query = parse_qs(str(environ.get("QUERY_STRING", "")))
        return "200 OK", store.figures(query.get("queue", [""])[0])

    return {RELEASE_PATH: release, QUEUE_PATH: figures}
