"""Makes an offline bundle of a project's requirements: resolve, fetch, build, write, prove."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import Pin, constraints_for, environment_pins, essential_for
from mwaa_local.cli.app import App
from mwaa_local.cli.plugin_proof import proof_variables
from mwaa_local.cli.progress import Progress
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.deploy.bundle_folder import WHEELS, new_bundle
from mwaa_local.deploy.bundle_proof import OfflineInstall, install_offline
from mwaa_local.deploy.bundle_resolution import BundleRequest, index_lines, resolve_bundle
from mwaa_local.deploy.bundle_wheels import Workshop, make_wheels
from mwaa_local.deploy.requirements_bundle import (
    CONSTRAINTS_FILE,
    PACKAGED_FILE,
    BundledWheel,
    BundlePlan,
    plan_bundle,
    render_constraints,
    render_packaged_requirements,
)
from mwaa_local.errors import CommandError, RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import RequirementsFiles, official_constraints, read_requirements
from mwaa_local.runtime.environment_copy import copy_environment, installed_versions
from mwaa_local.runtime.installer import run_uv
from mwaa_local.runtime.installer_environ import installer_environ
from mwaa_local.runtime.preparation import prepare_base, toolchain
from mwaa_local.runtime.venv import AirflowEnvironment

PIP_LIMIT = 1800.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was made."""

    folder: Path
    plan: BundlePlan
    wheels: tuple[BundledWheel, ...]
    size: int
    install: OfflineInstall | None
    """How it installs without a network; None if that was not asked for."""


@dataclass(frozen=True, slots=True)
class BundleWishes:
    """What the command line asks for."""

    output: Path
    complete: bool
    prove: bool


def make_bundle(
    app: App, project: Project, loaded: LoadedConfig, wishes: BundleWishes, progress: Progress
) -> Bundle:
    """Make the bundle; RequirementsError if a package cannot be had for MWAA or the bundle does not install."""
    base = prepare_base(loaded, app.host, toolchain(app.host, progress), progress)
    variables = proof_variables(loaded)
    files = read_requirements(project, {**app.host.environ, **variables}, official_constraints)
    maker = _Maker(app, loaded, base, files, variables, progress)
    with (
        new_bundle(wishes.output) as folder,
        tempfile.TemporaryDirectory(prefix="mwaa-local-bundle-") as scratch,
    ):
        plan, wheels = maker.collect(Path(scratch), folder / WHEELS, complete=wishes.complete)
        constraints = render_constraints(wheels, loaded.version)
        (folder / WHEELS / CONSTRAINTS_FILE).write_text(constraints, encoding="utf-8")
        packaged = render_packaged_requirements(wheels, plan.present, loaded.version)
        (folder / PACKAGED_FILE).write_text(packaged, encoding="utf-8")
        size = sum(file.stat().st_size for file in (folder / WHEELS).iterdir())
        install = maker.prove(folder) if wishes.prove else None
    return Bundle(wishes.output, plan, wheels, size, install)


@dataclass(frozen=True, slots=True)
class _Maker:
    app: App
    loaded: LoadedConfig
    base: AirflowEnvironment
    files: RequirementsFiles
    variables: Mapping[str, str]
    progress: Progress

    def collect(
        self, work: Path, wheels: Path, *, complete: bool
    ) -> tuple[BundlePlan, tuple[BundledWheel, ...]]:
        config, version = self.loaded.config, self.loaded.version
        mwaa = {pin.name: pin.version for pin in environment_pins(version, config.amazon_provider)}
        left_out = tuple(each.name for each in self.base.left_out)
        present = installed_versions(self.base.root) | mwaa
        request = BundleRequest(
            self.files, version, self._constraints(mwaa), essential_for(version), left_out, present
        )
        with self.progress.step("Requirements resolved"):
            packages = resolve_bundle(request, self._uv, self.base.python, work)
        plan = plan_bundle(packages, present, version, complete=complete)
        shop = Workshop(self._pip, work, wheels, version, index_lines(self.files))
        with self.progress.step(f"Wheels fetched ({len(plan.fetch)}) and built ({len(plan.build)})"):
            return plan, make_wheels(plan, shop)

    def _constraints(self, mwaa: Mapping[str, str]) -> tuple[tuple[Pin, ...], ...]:
        """Return what the version pins; at first with what is preinstalled, where the two differ."""
        if self.files.has_constraints:
            return ()
        pins = constraints_for(self.loaded.version, self.loaded.config.amazon_provider)
        kept = tuple(Pin(pin.name, mwaa.get(pin.name, pin.version)) for pin in pins)
        return (kept, pins)

    def prove(self, folder: Path) -> OfflineInstall:
        with (
            self.progress.step("Installed without a network"),
            tempfile.TemporaryDirectory(prefix="mwaa-local-proof-") as scratch,
        ):
            copy = Path(scratch, "environment")
            copy.mkdir()
            python = copy_environment(self.base.root, copy)
            self._pretend(copy)
            done = install_offline(
                folder, python, Path(scratch), self.app.host.commands, self.app.host.environ
            )
        if not done.succeeded:
            raise RequirementsError(
                "The bundle does not install into MWAA's environment without a network:\n"
                + "\n".join(f"    {line}" for line in done.output.splitlines()[-15:]),
                hint="See what is named above; --complete bundles what MWAA has already, too.",
            )
        return done

    def _pretend(self, copy: Path) -> None:
        """Let pip see what MWAA has and this environment has not (a compiler would be needed)."""
        pins = environment_pins(self.loaded.version, self.loaded.config.amazon_provider)
        versions = {pin.name: pin.version for pin in pins}
        site = next((copy / "lib").glob("python*/site-packages"))
        for each in self.base.left_out:
            number = versions.get(each.name)
            folder = site / f"{each.name.replace('-', '_')}-{number}.dist-info"
            if number and not folder.exists():
                folder.mkdir()
                text = f"Metadata-Version: 2.1\nName: {each.name}\nVersion: {number}\n"
                (folder / "METADATA").write_text(text, encoding="utf-8")
                (folder / "INSTALLER").write_text("mwaa-local\n", encoding="utf-8")

    def _uv(self, arguments: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        tools = toolchain(self.app.host, self.progress)
        return run_uv(tools, arguments, environ={**tools.environ, **self.variables, **more})

    def _pip(self, arguments: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        environ = installer_environ({**pip_environ(os.environ), **self.variables}) | dict(more)
        command = [str(self.base.python), "-m", "pip", *arguments]
        try:
            return self.app.host.commands.run(command, env=environ, cwd=Path("/"), timeout=PIP_LIMIT)
        except CommandError as error:
            return CommandResult(1, "", error.message)


def pip_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with pip's variables for what only uv was told."""
    result = dict(environ)
    for pip, names in (
        ("PIP_INDEX_URL", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
        ("PIP_EXTRA_INDEX_URL", ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
        ("PIP_FIND_LINKS", ("UV_FIND_LINKS",)),
        ("PIP_CERT", ("SSL_CERT_FILE",)),
    ):
        value = next((environ[name] for name in names if environ.get(name)), "")
        if value and not environ.get(pip):
            result[pip] = value.replace(",", " ") if pip == "PIP_FIND_LINKS" else value
    return result
