"""EndpointManagement CUSTOMER: an environment stays PENDING until its owner has made the VPC endpoints of its services.

On this machine nothing goes through them: what counts is that they are in the local EC2, as a template would make them.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.mwaa_api.lifecycle import Outcome
from mwaa_local.aws.mwaa_api.records import Environment, Settings

PATIENCE = 72 * 3600.0
"""Seconds that the service waits for them (botocore's documentation of Status)."""
LOOK_EVERY = 0.5
MEMBERS = ("DatabaseVpcEndpointService", "WebserverVpcEndpointService")


def endpoint_services(settings: Settings, environment_id: str, region: str) -> dict[str, str]:
    """Return the services that an environment wants endpoints for, by the names of the API."""
    if settings["EndpointManagement"] != "CUSTOMER":
        return {}
    wanted = MEMBERS[:1] if settings["WebserverAccessMode"] == "PUBLIC_ONLY" else MEMBERS
    return {name: f"com.amazonaws.vpce.{region}.vpce-svc-{_digits(environment_id + name)}" for name in wanted}


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:17]


@dataclass(frozen=True, slots=True)
class CustomerEndpoints:
    """Looks for the endpoints of environments."""

    made: Callable[[str], Iterable[str]]
    """The services that have an endpoint, in a region."""
    now: Callable[[], float]

    def are_there(self, environment: Environment) -> bool:
        """Tell whether an environment has all that it waits for."""
        wanted = {environment.settings[name] for name in MEMBERS if name in environment.settings}
        return not wanted or wanted <= set(self.made(environment.region))

    def wait(self, environment: Environment, is_still_pending: Callable[[], bool], ending: Event) -> Outcome:
        """Wait until they are there, for as long as the service does."""
        while is_still_pending() and not self.are_there(environment):
            if self.now() - environment.created_at > PATIENCE:
                return Outcome(
                    "INCORRECT_CONFIGURATION", "The VPC endpoints were not created within 72 hours."
                )
            if ending.wait(LOOK_EVERY):
                break
        return Outcome()


def made_in_moto(region: str) -> list[str]:
    """Return the services with an endpoint in the local EC2, which is not there before somebody has used it."""
    models = sys.modules.get("moto.ec2.models")
    # It may be in the middle of its import.
    backends = vars(models).get("ec2_backends") if models is not None else None
    if backends is None:
        return []
    return [each.service_name for each in list(backends[ACCOUNT_ID][region].vpc_end_points.values())]
