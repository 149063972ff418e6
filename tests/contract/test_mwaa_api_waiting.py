"""Environments that wait: for endpoints that their owner makes, and, after a start, for their web server."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.mwaa_endpoint import MwaaEndpoint, running_endpoint

PATIENCE = 20.0
CUSTOMER: dict[str, Any] = {"EndpointManagement": "CUSTOMER"}


@pytest.fixture
def endpoint() -> Iterator[MwaaEndpoint]:
    with running_endpoint() as ours:
        yield ours


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wanted_services(endpoint: MwaaEndpoint, name: str) -> list[str]:
    described = endpoint.describe(name)
    members = ("DatabaseVpcEndpointService", "WebserverVpcEndpointService")
    return [described[member] for member in members if member in described]


def test_an_environment_is_pending_until_its_owner_has_made_all_endpoints(endpoint: MwaaEndpoint) -> None:
    endpoint.create("shared", wait=False, **CUSTOMER)
    eventually(lambda: endpoint.describe("shared")["Status"] == "PENDING")
    with pytest.raises(ClientError, match="Environments with PENDING status cannot be updated"):
        endpoint.client("mwaa").update_environment(Name="shared", MaxWorkers=3)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        endpoint.client("mwaa").create_cli_token(Name="shared")
    endpoint.end(signal.SIGKILL)
    endpoint.start()
    assert endpoint.describe("shared")["Status"] == "PENDING"
    ec2 = endpoint.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    services = wanted_services(endpoint, "shared")
    assert len(services) == 2
    for service in services:
        assert endpoint.describe("shared")["Status"] == "PENDING"
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Interface")
    assert endpoint.wait_until_at_rest("shared")["Status"] == "AVAILABLE"


def test_a_public_environment_waits_for_its_databases_endpoint_only(endpoint: MwaaEndpoint) -> None:
    endpoint.create("public", wait=False, WebserverAccessMode="PUBLIC_ONLY", **CUSTOMER)
    eventually(lambda: endpoint.describe("public")["Status"] == "PENDING")
    assert len(wanted_services(endpoint, "public")) == 1
    endpoint.create("usual")
    assert wanted_services(endpoint, "usual") == []


def test_an_environment_that_is_pending_can_be_deleted(endpoint: MwaaEndpoint) -> None:
    endpoint.create("given-up", wait=False, **CUSTOMER)
    eventually(lambda: endpoint.describe("given-up")["Status"] == "PENDING")
    endpoint.client("mwaa").delete_environment(Name="given-up")
    eventually(lambda: "given-up" not in endpoint.client("mwaa").list_environments()["Environments"])


def test_an_environment_is_not_available_before_its_web_server_answers(endpoint: MwaaEndpoint) -> None:
    endpoint.create("slow")
    (endpoint.state / "silent-slow").touch()
    endpoint.end(signal.SIGKILL)
    endpoint.start()
    assert endpoint.describe("slow")["Status"] == "MAINTENANCE"
    (endpoint.state / "silent-slow").unlink()
    assert endpoint.describe("slow")["Status"] == "AVAILABLE"
