"""The project's folder as its own bucket holds it: what `deploy` would put into one."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.aws.home_bucket import DAGS, HomeFile
from mwaa_local.config import Project
from mwaa_local.deploy.digests import Digests
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.stage import StagingSite, build_manifest
from mwaa_local.deployment import DeployedTree, Deployment, S3Layout

LAYOUT = S3Layout(DAGS, "plugins.zip", "requirements.txt", "startup.sh")
MEMBERS = {Part.PLUGINS: "Plugins", Part.REQUIREMENTS: "Requirements", Part.STARTUP_SCRIPT: "StartupScript"}


def read_folder(project: Project, options: Namespace) -> Iterator[HomeFile]:
    """Yield the files of a project; ProjectError for what no bucket can hold."""
    work = Path(options.state).absolute() / "staged"
    deployment = Deployment(
        name="home",
        bucket=options.bucket,
        region=options.region,
        profile=None,
        environment=options.environment,
        version=options.airflow,
        layout=LAYOUT,
        dags=(DeployedTree(project.dags, DAGS),),
        plugins=project.plugins,
        requirements=project.requirements,
        startup_script=project.startup_script,
        extras=(),
        lock=False,
        state=".mwaa-local",
    )
    digests = Digests(work / "digests.json")
    manifest = build_manifest(deployment, StagingSite(project.root, work), digests)
    digests.save()
    for file in manifest.files:
        yield HomeFile(file.key, file.source, file.sha256, file.md5, MEMBERS.get(file.part, ""))
