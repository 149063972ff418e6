"""The operations that open an environment's web server: CLI tokens, web login tokens, calls of its REST API."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mwaa_local.aws.mwaa_api.backend import BackendError, EnvironmentBackend, RestCall, ThrottledError
from mwaa_local.aws.mwaa_api.errors import ACCESS_DENIED, INTERNAL, ApiError, invalid, not_found
from mwaa_local.aws.mwaa_api.records import USABLE, Environment, Status
from mwaa_local.aws.mwaa_api.service import Answer, Call, EnvironmentsService
from mwaa_local.aws.mwaa_api.work import wish_of
from mwaa_local.catalog import load_version
from mwaa_local.mwaa_tokens import AirflowRole, Purpose, make_token, new_claims

OPEN = USABLE | {Status.UPDATING, Status.ROLLING_BACK}
"""An environment that is being updated still runs as it was."""
LARGEST_PAYLOAD = 6 * 1024 * 1024
"""Bytes of a body that InvokeRestApi takes (MWAA-FACTS 9.5)."""
OK = range(200, 300)


class DoorsService:
    """The operations whose answers lead to the web server."""

    def __init__(
        self,
        environments: EnvironmentsService,
        backend: EnvironmentBackend,
        now: Callable[[], float],
        role_of: Callable[[str], AirflowRole | None],
    ) -> None:
        self._environments = environments
        self._backend = backend
        self._now = now
        self._role_of = role_of

    def create_cli_token(self, call: Call) -> Answer:
        """Return a token for one command line."""
        environment = self._open_environment(call)
        self._role(environment, call)
        token = self._token(environment, Purpose.CLI, AirflowRole.ADMIN, call)
        return {"CliToken": token, "WebServerHostname": environment.web_host}

    def create_web_login_token(self, call: Call) -> Answer:
        """Return a token for a session of the web server."""
        environment = self._open_environment(call)
        identity = iam_identity(call.access_key)
        claims = self._claims(environment, Purpose.WEB, self._role(environment, call), call)
        return {
            "WebToken": make_token(self._backend.token_key(environment.name), claims),
            "WebServerHostname": environment.web_host,
            "IamIdentity": identity,
            "AirflowIdentity": claims.user,
        }

    def invoke_rest_api(self, call: Call) -> Answer:
        """Call the environment's REST API for the caller."""
        environment = self._open_environment(call)
        number = str(environment.settings["AirflowVersion"])
        if load_version(number).rest_api == "none":
            raise ApiError(
                ACCESS_DENIED,
                f"The Apache Airflow REST API is not available in environments of version {number}: "
                "it is from 2.4.3 on.",
            )
        rest = _rest_call(call, self._role(environment, call))
        try:
            answer = self._backend.call_rest_api(wish_of(environment), rest)
        except BackendError as error:
            raise ApiError(INTERNAL, error.message) from error
        except ThrottledError as error:
            raise ApiError("ThrottlingException", f"Rate exceeded: {error}.") from error
        members = {"RestApiStatusCode": answer.status, "RestApiResponse": answer.content}
        if answer.status in OK:
            return members
        code = "RestApiServerException" if answer.status >= 500 else "RestApiClientException"
        raise ApiError(code, "", members)

    def _role(self, environment: Environment, call: Call) -> AirflowRole:
        role = self._role_of(call.access_key)
        if role is None:
            raise ApiError(
                ACCESS_DENIED,
                f"{iam_identity(call.access_key)} is not authorized to assume an Airflow role of environment "
                f"{environment.name}.",
            )
        return role

    def _open_environment(self, call: Call) -> Environment:
        environment = self._environments.find(str(call.parameters["Name"]))
        if environment.status not in OPEN or not environment.web_host:
            raise not_found(f"Environment {environment.name} has no web server: it is {environment.status}.")
        return environment

    def _token(self, environment: Environment, purpose: Purpose, role: AirflowRole, call: Call) -> str:
        claims = self._claims(environment, purpose, role, call)
        return make_token(self._backend.token_key(environment.name), claims)

    def _claims(self, environment: Environment, purpose: Purpose, role: AirflowRole, call: Call) -> Any:
        return new_claims(environment.name, purpose, role, iam_identity(call.access_key), now=self._now())


def iam_identity(access_key: str) -> str:
    """Return who a caller is: the local account has no users, so the access key stands for one."""
    return f"assumed-role/Admin/{access_key or 'anonymous'}"


def _rest_call(call: Call, role: AirflowRole) -> RestCall:
    parameters: Mapping[str, Any] = call.parameters
    path, query, body = str(parameters["Path"]), parameters.get("QueryParameters", {}), parameters.get("Body")
    if not path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise invalid(f"Path must be relative to the REST API and start with a slash: {path}")
    if not isinstance(query, Mapping):
        raise invalid("QueryParameters must be a JSON object.")
    if body is not None and len(json.dumps(body)) > LARGEST_PAYLOAD:
        raise invalid("The request body is larger than 6 MB.")
    return RestCall(path, str(parameters["Method"]), query, body, role, iam_identity(call.access_key))
