"""Whether the keys of a deployment go together: nothing twice, nothing in the way of something else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from mwaa_local.deployment import Deployment
from mwaa_local.deployment_table import DeploymentTable
from mwaa_local.errors import ConfigError


@dataclass(frozen=True, slots=True)
class _Place:
    """A key (or the prefix of a tree) and the setting that it comes from."""

    setting: str
    """The key of the table."""
    key: str
    is_tree: bool

    def holds(self, other: "_Place") -> bool:
        return other.key.startswith(f"{self.key}/")


def check_layout(deployment: Deployment, table: DeploymentTable) -> None:
    """Complain about the first two settings that cannot both be."""
    places = tuple(_places(deployment))
    for one, other in combinations(places, 2):
        if one.key == other.key:
            raise _error(table, other, f"is {_name(one)} too", "Give each a place of its own.")
        # requirements.txt in the DAG folder is well: a single object may lie in a tree, but a tree in nothing.
        outer, inner = (one, other) if one.holds(other) else (other, one)
        if outer.holds(inner) and (inner.is_tree or not outer.is_tree):
            raise _error(table, inner, f"lies below {_name(outer)}", "Give each a place of its own.")
    _check_state(deployment, table, places)


def _check_state(deployment: Deployment, table: DeploymentTable, places: tuple[_Place, ...]) -> None:
    state = _Place("receipts", deployment.state, True)
    # Where Airflow reads, a receipt would be taken for a file of the DAG folder, whoever's part of it that is.
    for place in (*places, _Place("dag_s3_path", deployment.layout.dags, True)):
        if place.key == state.key or place.holds(state) or (state.holds(place)):
            raise _error(
                table,
                state,
                f"and {_name(place)} lie in one another",
                f'Choose a place beside the layout, such as ".mwaa-local/{deployment.name}".',
            )


def _places(deployment: Deployment) -> Iterator[_Place]:
    layout = deployment.layout
    for tree in deployment.dags:
        setting = "dag_s3_path" if tree.key == layout.dags else "dags"
        yield _Place(setting, tree.key, tree.source.is_dir())
    for setting, key in (
        ("plugins_s3_path", layout.plugins),
        ("requirements_s3_path", layout.requirements),
        ("startup_script_s3_path", layout.startup_script),
    ):
        if key is not None:
            yield _Place(setting, key, False)
    for tree in deployment.extras:
        yield _Place("extras", tree.key, tree.source.is_dir())


def _name(place: _Place) -> str:
    return f'"{place.key}" ({place.setting})'


def _error(table: DeploymentTable, place: _Place, problem: str, hint: str) -> ConfigError:
    return ConfigError(
        f"{table.file.origin(*table.path, place.setting)}: {_name(place)} {problem}.", hint=hint
    )
