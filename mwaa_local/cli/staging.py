"""What commands about deployments begin with: the project, the deployment that is meant, and its manifest."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.config import LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.digests import Digests
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deploy.stage import StagingSite, build_manifest
from mwaa_local.deployment import Deployment
from mwaa_local.deployment_loading import load_deployment
from mwaa_local.project import find_project, path_overrides
from mwaa_local.runtime.cache_folder import cache_folder


@dataclass(frozen=True, slots=True)
class ChosenDeployment:
    """A deployment and the project that it is of."""

    project: Project
    loaded: LoadedConfig
    deployment: Deployment

    def manifest(self) -> Manifest:
        """Return what the deployment puts into the bucket, as the files are now."""
        memory = self._memory()
        digests = Digests(memory.with_suffix(".json"))
        site = StagingSite(self.project.root, memory)
        manifest = build_manifest(self.deployment, site, digests)
        digests.save()
        return manifest

    def _memory(self) -> Path:
        """Return where digests and plugins.zip are kept: outside the project, which a plan leaves as it is."""
        name = hashlib.sha256(os.fsencode(f"{self.project.root}\n{self.deployment.name}")).hexdigest()[:16]
        return cache_folder(os.environ, Path.home()) / "deploy" / name


def choose_deployment(
    folder: Path, name: str | None, flags: Mapping[str, Any] | None = None
) -> ChosenDeployment:
    """Load a deployment of the project at, or above, a folder; without a name, the only one that there is."""
    project = find_project(folder, path_overrides(flags or {}, os.environ))
    loaded = load_config(project, flags or {}, os.environ)
    return ChosenDeployment(project, loaded, load_deployment(project, loaded, name, os.environ))
