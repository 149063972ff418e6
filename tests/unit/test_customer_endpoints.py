"""How long an environment waits for endpoints that its owner makes."""

from threading import Event

import pytest

from mwaa_local.aws.mwaa_api.customer_endpoints import CustomerEndpoints, endpoint_services
from mwaa_local.aws.mwaa_api.lifecycle import Outcome, finish
from mwaa_local.aws.mwaa_api.records import Environment, Status

SETTINGS = {"EndpointManagement": "CUSTOMER", "WebserverAccessMode": "PRIVATE_ONLY"}
SERVICES = endpoint_services(SETTINGS, "abc", "us-east-1")
ENVIRONMENT = Environment("one", "abc", "us-east-1", 1000.0, Status.PENDING, {**SETTINGS, **SERVICES})


def outcome(now: float, *made: str, pending: bool = True) -> Outcome:
    ending = Event()
    ending.set()
    return CustomerEndpoints(lambda _: made, lambda: now).wait(ENVIRONMENT, lambda: pending, ending)


def test_after_three_days_the_creation_has_failed() -> None:
    late = outcome(1000.0 + 72 * 3600 + 1)
    assert late.error_message == "The VPC endpoints were not created within 72 hours."
    after = finish(ENVIRONMENT, late)
    assert after is not None
    assert after.status is Status.CREATE_FAILED


@pytest.mark.parametrize("made", [tuple(SERVICES.values()), (*SERVICES.values(), "another")])
def test_with_all_endpoints_it_goes_on(made: tuple[str, ...]) -> None:
    assert outcome(1e9, *made).is_success
    after = finish(ENVIRONMENT, Outcome())
    assert after is not None
    assert after.status is Status.CREATING


def test_it_does_not_wait_when_it_is_no_longer_pending_or_everything_ends() -> None:
    assert outcome(1e9, pending=False).is_success
    assert outcome(1000.0).is_success


def test_two_environments_want_services_of_their_own() -> None:
    assert not set(SERVICES.values()) & set(endpoint_services(SETTINGS, "abd", "us-east-1").values())
