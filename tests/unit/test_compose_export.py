"""What an exported Compose file has beside it: all that its containers need, and nothing of the project's own state."""

import json
from pathlib import Path

import pytest
import yaml

from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.compose_export import ExportPlace, export_compose
from mwaa_local.runtime.worker_duties import load_order
from tests.compose_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "orders")


def make_authority(folder: Path) -> None:
    folder.mkdir()
    (folder / "certificate.pem").write_text("an authority")


def test_the_file_comes_with_its_secrets_its_authority_and_the_bounds_of_its_workers(
    site: Site, tmp_path: Path
) -> None:
    place = ExportPlace(tmp_path / "environment.yml")
    loaded = site.load(executor="celery", autoscale=True, max_workers="2")
    export_compose(site.runtime, loaded, place, site.progress, make_authority)

    services = yaml.safe_load(place.file.read_text())["services"]
    order = load_order(place.data / "run" / "beats")
    assert order is not None
    assert order.workers == ("worker-1", "worker-2")
    for worker in order.workers:
        assert services[worker]["environment"]["MWAA_LOCAL_RUN"] == order.run_id
        assert services[worker]["environment"]["MWAA_LOCAL_SCALED"] == "1"
    mounted = {each["target"]: Path(each.get("source", "")) for each in services["aws"]["volumes"]}
    assert (mounted["/authority"] / "certificate.pem").read_text() == "an authority"
    assert mounted["/run/mwaa-local"] == place.data / "run" / "beats"
    assert json.loads((place.secrets / "roles.json").read_text())["database_url"]
    assert not site.compose.orders


def test_a_place_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "environment.data").write_text("a file")
    place = ExportPlace(tmp_path / "environment.yml")
    with pytest.raises(RuntimeStateError, match=r"environment\.data"):
        export_compose(site.runtime, site.load(), place, site.progress, make_authority)
