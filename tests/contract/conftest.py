"""What several contract suites need: PostgreSQL's programs and databases, and AWS endpoints."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mwaa_local.errors import DatabaseError
from mwaa_local.runtime.database_user import DatabaseUser, choose_database_user
from mwaa_local.runtime.postgres import Postgres
from mwaa_local.runtime.postgres_binaries import BinarySearch, PostgresBinaries, find_binaries
from tests.contract.endpoint_process import SECRETS, Endpoint
from tests.postgres_site import MACHINE, Site, made


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> PostgresBinaries:
    path = tuple(Path(folder) for folder in os.get_exec_path())
    search = BinarySearch(None, path, tmp_path_factory.mktemp("cache"), (sys.executable, "-m", "uv"), 13, 10)
    try:
        return find_binaries(search, MACHINE.runner, MACHINE.lock)
    except DatabaseError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL: {error.message}")


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def site(shared_folder: Path, binaries: PostgresBinaries) -> Iterator[Site]:
    """A database in a folder of its own, run by ourselves or (as root) in a user namespace."""
    home = Path(tempfile.mkdtemp(dir=shared_folder))
    cache = shared_folder / "cache"
    cache.mkdir(exist_ok=True)
    yield from made(
        Postgres(binaries, choose_database_user(MACHINE.runner, os.getuid(), home, cache), MACHINE)
    )


@pytest.fixture
def site_of_nobody(shared_folder: Path, binaries: PostgresBinaries) -> Iterator[Site]:
    """The same, run by the account `nobody`: what remains where root may not make user namespaces."""
    if os.getuid() != 0:
        pytest.skip("only root can become another account")
    home = Path(tempfile.mkdtemp(dir=shared_folder))
    cache = shared_folder / "cache of nobody"
    cache.mkdir(exist_ok=True)
    MACHINE.runner.run(["chown", "nobody", str(home), str(cache)])
    yield from made(Postgres(binaries, DatabaseUser(("--user", "nobody"), "nobody", home, cache), MACHINE))


@pytest.fixture(params=["site", "site_of_nobody"])
def each_site(request: pytest.FixtureRequest) -> Site:
    site: Site = request.getfixturevalue(request.param)
    return site


@pytest.fixture
def new_endpoint(tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    started: list[Endpoint] = []

    def new(*arguments: str, **variables: str) -> Endpoint:
        state = tmp_path / f"state {len(started)}"
        state.mkdir()
        endpoint = Endpoint(state, arguments=arguments, variables=variables)
        started.append(endpoint)
        endpoint.start()
        return endpoint

    yield new
    for endpoint in started:
        endpoint.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that the tests of this module share; they use queues and keys of their own."""
    state = tmp_path_factory.mktemp("state")
    (state / "secrets.yaml").write_text(SECRETS)
    shared = Endpoint(state, arguments=("--secrets", str(state / "secrets.yaml"), "--airflow", "2.2.2"))
    shared.start()
    yield shared
    shared.end(signal.SIGKILL)
