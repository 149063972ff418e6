"""Two people deploy at once: who comes second is told, and can take a lock that was left."""

import json
import time

from tests.cli.deploying import DeployedSite

LOCK = ".mwaa-local/staging/lock.json"


def lock(site: DeployedSite, began: float) -> None:
    """Have somebody else hold the lock."""
    site.put(LOCK, json.dumps({"holder": "another", "user": "alice@laptop", "began": began}))


def test_who_comes_second_is_told_who_deploys(site: DeployedSite) -> None:
    site.make_environment()
    lock(site, time.time())
    done = site.deploy()
    assert done.exit_code == 1
    assert done.stderr.endswith(
        "Error: alice@laptop is deploying this too: that began less than a minute ago.\n"
        "  Hint: Wait until it has ended. If it was killed, take its lock: add --break-lock.\n"
    )
    assert site.objects() == {}


def test_a_lock_that_was_left_can_be_taken(site: DeployedSite) -> None:
    site.make_environment()
    lock(site, time.time())
    done = site.deploy("--break-lock")
    assert done.exit_code == 0
    assert "Took the lock of alice@laptop, who began less than a minute ago.\n" in done.stderr
    assert site.objects().keys() == {"dags/orders.py"}


def test_no_lock_is_taken_where_the_deployment_wants_none(site: DeployedSite) -> None:
    site.configure("lock = false")
    site.make_environment()
    lock(site, time.time())
    assert site.deploy().exit_code == 0
