"""What engines answer when they fail, and what breaks when they are gone, as errors of ours."""

import contextlib
from collections.abc import Callable, Iterator

import requests
import urllib3
from docker.errors import APIError, DockerException

from mwaa_local.errors import EngineError

LOST = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""What the SDK raises; urllib3's own errors where an answer breaks off while it is read."""
GENERAL_HINT = "`docker info` shows the state of the engine"


@contextlib.contextmanager
def translated(what: str, advise: Callable[[str], str] = lambda _reason: GENERAL_HINT) -> Iterator[None]:
    """Raise what goes wrong with an engine as EngineError: `what` it was doing, and what `advise` knows of a reason."""
    try:
        yield
    except APIError as error:
        reason = error.explanation or str(error)
        raise EngineError(f"The container engine failed, {what}: {reason}", hint=advise(reason)) from error
    except LOST as error:
        broken = isinstance(error, (urllib3.exceptions.HTTPError, requests.exceptions.ChunkedEncodingError))
        raise EngineError(
            f"The container engine was lost, {what}: {'its answer broke off' if broken else error}",
            hint="see that it still runs, then run the command again",
        ) from error
