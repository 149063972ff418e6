"""What `[deployments.NAME]` in `mwaa-local.toml` says: which bucket, which environment, and what goes where.

Values only; `deployment_loading.py` reads them. A key or prefix never begins or ends with a slash.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class S3Layout:
    """Where an environment takes its files from, as MWAA's settings name it; None: the environment has none."""

    dags: str
    """DagS3Path: a prefix, `dags` or `airflow/dags`."""
    plugins: str | None
    """PluginsS3Path: a key, `plugins.zip`."""
    requirements: str | None
    """RequirementsS3Path: a key."""
    startup_script: str | None
    """StartupScriptS3Path: a key."""


@dataclass(frozen=True, slots=True)
class DeployedTree:
    """A folder or a file of the project and the key (or the prefix) of the bucket that it goes to."""

    source: Path
    """Absolute."""
    key: str
    include: tuple[str, ...] = ()
    """Patterns as in .gitignore, relative to `source`: only these; all when there are none."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One named deployment, every default filled in and every `${VARIABLE}` replaced."""

    name: str
    bucket: str
    region: str
    profile: str | None
    environment: str | None
    """The MWAA environment to update; None: only the bucket is ours to fill."""
    version: str
    """The MWAA version that the environment runs, as far as the configuration says."""
    layout: S3Layout
    dags: tuple[DeployedTree, ...]
    """Everything that goes below DagS3Path: usually one tree, two for two copies of one folder."""
    plugins: Path | None
    """The plugins folder, or a plugins.zip that somebody made."""
    requirements: Path | None
    startup_script: Path | None
    extras: tuple[DeployedTree, ...]
    """Further folders and files, outside what MWAA reads."""
    lock: bool
    """Whether a lock object in the bucket keeps two deploys apart."""
    state: str
    """The prefix of receipts and lock, beside the layout and never below DagS3Path: `.mwaa-local/NAME`."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return everything of the bucket that is ours to manage: prefixes of trees and single keys."""
        single = (self.layout.plugins, self.layout.requirements, self.layout.startup_script)
        trees = (tree.key for tree in (*self.dags, *self.extras))
        return tuple(sorted({*trees, *(key for key in single if key)}))
