"""Which modules are imported before a role starts, and that those which a version has not got do no harm."""

import sys

import pytest

from tests.inside_modules import inside

modules = inside("role_modules")


def test_roles_in_one_process_share_what_each_of_them_needs() -> None:
    shared = modules.modules_to_preload((2, 2, 2))
    assert len(shared) == len(set(shared))
    assert {"airflow.www.app", "airflow.jobs.scheduler_job", "celery.worker.worker", "boto3"} <= set(shared)


@pytest.mark.parametrize("version", [(2, 2, 2), (2, 10, 3), (3, 0, 6)])
def test_a_role_of_its_own_imports_nothing_of_the_others(version: tuple[int, ...]) -> None:
    by_role = {
        role: set(modules.modules_of_role(role, version)) for role in ("webserver", "scheduler", "worker")
    }
    web = {name for name in by_role["webserver"] if ".www.app" in name or "fastapi" in name}
    assert web
    assert not web & (by_role["scheduler"] | by_role["worker"])
    assert not {name for name in by_role["scheduler"] if name.startswith("celery.worker")}
    assert not {name for name in by_role["worker"] if "scheduler" in name}
    # Who reads DAG files writes their permissions.
    assert ("airflow.www.security" in by_role["scheduler"]) == (version < (3,))
    assert modules.modules_of_role("triggerer", version)[0] == "airflow"


def test_before_2_the_command_line_imports_everything() -> None:
    assert "airflow.bin.cli" in modules.modules_of_role("worker", (1, 10, 12))
    assert "airflow.www_rbac.app" in modules.modules_to_preload((1, 10, 12))


def test_what_a_version_has_not_got_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    modules.preload(["airflow.of.tomorrow", "colorsys"])
    assert "colorsys" in sys.modules
