"""An environment without Airflow: for scripts that only talk to the API, and where Airflow cannot run."""

import hmac
import logging
import secrets

from mwaa_local.aws.mwaa_api.backend import BackendError, RestAnswer, RestCall, Wish

log = logging.getLogger("mwaa_local.aws")


class RecordsOnly:
    """EnvironmentBackend that does nothing at once."""

    def __init__(self, web_host: str) -> None:
        self._web_host = web_host
        self._key = secrets.token_bytes(32)

    def apply(self, wish: Wish) -> str:
        """Do nothing; the web server of every environment would be here."""
        log.info("environment %s is kept as a record: no Airflow is started", wish.name)
        return self._web_host

    def remove(self, name: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def token_key(self, name: str) -> bytes:
        """Return a key that nothing else has: the tokens open no door."""
        return hmac.digest(self._key, name.encode(), "sha256")

    def answers(self, name: str) -> bool:  # noqa: ARG002 - as the Protocol has it
        """Say that it does: there is nothing to wait for."""
        return True

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        """Say that there is no Airflow."""
        raise BackendError(
            "INTERNAL_ERROR", f"{call.path}: environment {wish.name} is a record only, it runs no Airflow."
        )
