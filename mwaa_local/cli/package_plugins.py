"""package-plugins: plugins/ to a plugins.zip that MWAA loads, and the same checks on anybody's zip."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.finding_report import (
    count,
    exit_code,
    print_json,
    render_report,
    report_options,
    write_reports,
)
from mwaa_local.cli.options import project_option
from mwaa_local.cli.plugin_view import describe_loads, loads_document
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.render import is_coloured, render_size
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.archive import WrittenArchive, staged_archive
from mwaa_local.deploy.archive_check import list_archive
from mwaa_local.deploy.ignored import load_ignored
from mwaa_local.deploy.plugins_tree import PluginsTree, add_files, collect_plugins
from mwaa_local.deploy.wheels import collect_wheels
from mwaa_local.errors import ProjectError
from mwaa_local.plugins_archive import ArchiveListing
from mwaa_local.project import find_project, path_overrides
from mwaa_local.validation.finding import Finding, has_errors
from mwaa_local.validation.plugin_checks import RECOMMENDED, PluginArchive
from mwaa_local.validation.plugin_load_rules import PluginLoads, check_loads
from mwaa_local.validation.plugin_rules import check_plugins

ARCHIVE = "plugins.zip"
_MANY_BYTES = 10 << 20
"""Above this the share of the limit and the largest files are worth a line."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What a run of the command found and made."""

    loaded: LoadedConfig
    project: Project | None
    archive: Path
    listing: ArchiveListing
    findings: tuple[Finding, ...]
    folder: str | None = None
    tree: PluginsTree | None = None
    written: WrittenArchive | None = None
    loads: PluginLoads | None = None


@click.command()
@project_option
@click.option("--version", metavar="VERSION", help="MWAA version [default: the project's].")
@click.option("--amazon-provider", metavar="VERSION", help="Version of the amazon provider, or `stock`.")
@click.option("--python", metavar="PATH", help="Interpreter for the environment.")
@click.option("--plugins", type=click.Path(), help="Where the project's plugins lie.")
@click.option("--check", type=click.Path(path_type=Path), metavar="FILE", help="Check a zip; pack nothing.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write plugins.zip.")
@click.option(
    "--with-wheels",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Add the wheels of a folder, as package-requirements makes it. Can be repeated.",
)
@click.option("--compress", is_flag=True, help="Smaller; the bytes then depend on this machine's zlib.")
@click.option(
    "--prove/--no-prove", default=True, help="Load the plugins in the version's Airflow, or do not."
)
@click.option("--force", is_flag=True, help="Write plugins.zip although there are errors.")
@report_options
def package_plugins_command(
    folder: Path, check: Path | None, as_json: bool, sarif: Path | None, junit: Path | None, **wishes: Any
) -> int:
    """Pack plugins/ into a plugins.zip that MWAA loads, and prove it.

    The same files give the same bytes on every machine. The proof unpacks the zip and lets the version's own plugin
    manager load it, without and with the project's requirements. What a line in .mwaaignore names is left out.

    --check says what is wrong with somebody else's zip. It runs the code in it, unless there is --no-prove.

    The exit code is 3 if there is an error; then plugins.zip stays as it was, unless there is --force.
    """
    done = _check(folder, check, wishes) if check is not None else _pack(folder, wishes)
    write_reports("package-plugins", done.findings, sarif, junit)
    if as_json:
        print_json(done.findings, _document(done))
    elif "-" not in (str(sarif), str(junit)):
        click.echo("\n".join(_lines(done)))
    return exit_code(done.findings)


def _check(folder: Path, file: Path, wishes: dict[str, Any]) -> Packed:
    project: Project | None
    try:
        project, loaded = _load(folder, wishes)
    except ProjectError:
        # A zip can be checked where there is no project.
        root = folder.absolute()
        nowhere = Project(root, root / "dags", None, None, None, None)
        project, loaded = None, load_config(nowhere, _flags(wishes), os.environ)
    listing = list_archive(file)
    findings = check_plugins(PluginArchive(listing, loaded.version, str(file)))
    checked = Packed(loaded, project, file, listing, findings)
    return _proven(checked, file) if wishes["prove"] and not has_errors(findings) else checked


@dataclass(frozen=True, slots=True)
class PackWishes:
    """How plugins are to be packed."""

    wheels: tuple[Path, ...] = ()
    """Folders of wheels that go in too."""
    target: Path | None = None
    """plugins.zip of the project, unless said otherwise."""
    compress: bool = False
    prove: bool = False
    force: bool = False
    """Write it although there are errors."""


def pack_plugins(
    project: Project,
    loaded: LoadedConfig,
    *,
    wheels: Sequence[Path],
    target: Path | None = None,
    compress: bool = False,
) -> Packed:
    """Check the project's plugins and the wheels of folders, and write plugins.zip if nothing is wrong; no proof."""
    return pack(project, loaded, PackWishes(tuple(wheels), target, compress))


def pack(project: Project, loaded: LoadedConfig, wishes: PackWishes) -> Packed:
    """Check, write, prove: plugins.zip takes its place only when no error was found, or if that is wished."""
    packed = _collected(project, loaded, wishes)
    assert packed.tree is not None
    if has_errors(packed.findings) and not wishes.force:
        return packed
    with staged_archive(packed.tree.files, packed.archive, compress=wishes.compress) as staged:
        if wishes.prove and not has_errors(packed.findings):
            packed = _proven(packed, staged.path)
        if has_errors(packed.findings) and not wishes.force:
            return packed
        return replace(packed, written=staged.put_into_place())


def _collected(project: Project, loaded: LoadedConfig, wishes: PackWishes) -> Packed:
    if project.plugins is None and not wishes.wheels:
        raise ProjectError(
            f"{project.root} has no plugins folder.",
            hint="Make plugins/, or name another folder with --plugins.",
        )
    folder = project.plugins or project.root / "plugins"
    tree = PluginsTree((), ())
    if project.plugins is not None:
        tree = collect_plugins(folder, load_ignored(folder, project.root))
    for each in wishes.wheels:
        tree = add_files(tree, collect_wheels(each))
    target = wishes.target or project.root / ARCHIVE
    shown = os.path.relpath(folder, project.root)
    findings = check_plugins(PluginArchive(tree.listing, loaded.version, str(target), shown))
    return Packed(loaded, project, target, tree.listing, findings, shown, tree)


def _pack(folder: Path, wishes: dict[str, Any]) -> Packed:
    project, loaded = _load(folder, wishes)
    names = {"wheels": wishes["with_wheels"], "target": wishes["output"]}
    return pack(
        project,
        loaded,
        PackWishes(**names, **{name: wishes[name] for name in ("compress", "prove", "force")}),
    )


def _proven(packed: Packed, archive: Path) -> Packed:
    from mwaa_local.cli.plugin_proof import Proof, prove_plugins

    proof = Proof(archive, packed.project, packed.loaded, packed.folder)
    loads = prove_plugins(proof, open_progress())
    return replace(packed, loads=loads, findings=(*packed.findings, *check_loads(loads)))


def _load(folder: Path, wishes: dict[str, Any]) -> tuple[Project, LoadedConfig]:
    project = find_project(folder, path_overrides({"plugins": wishes["plugins"]}, os.environ))
    return project, load_config(project, _flags(wishes), os.environ)


def _flags(wishes: dict[str, Any]) -> dict[str, Any]:
    return {name: wishes[name] for name in ("version", "amazon_provider", "python")}


def _document(done: Packed) -> dict[str, object]:
    document: dict[str, object] = {
        "version": done.loaded.version.airflow,
        "files": [
            {"name": entry.name, "size": entry.size, "executable": entry.is_executable}
            for entry in done.listing.files
        ],
        "size": done.listing.size,
    }
    if done.tree:
        document["left_out"] = list(done.tree.left_out)
    if done.written:
        document["archive"] = {
            "path": str(done.written.path),
            "size": done.written.size,
            "sha256": done.written.sha256,
            "changed": done.written.changed,
        }
    if done.loads:
        document["loaded"] = loads_document(done.loads)
    return document


def _lines(done: Packed) -> list[str]:
    report = render_report(done.findings, coloured=is_coloured())
    lines = [report] if report else []
    files = len(done.listing.files)
    summary = f"{files} file{'' if files == 1 else 's'}, {render_size(done.listing.size)} unpacked"
    if done.tree and done.tree.left_out:
        lines.append(f"Left out: {_some(done.tree.left_out)}.")
    if done.loads:
        lines += describe_loads(done.loads)
    if done.listing.size > _MANY_BYTES:
        share = 100 * done.listing.size / RECOMMENDED
        largest = sorted(done.listing.files, key=lambda entry: -entry.size)[:3]
        shown = ", ".join(f"{entry.name} ({render_size(entry.size)})" for entry in largest)
        lines.append(
            f"{share:.0f} % of the 1 GB that MWAA recommends with all requirements; largest: {shown}."
        )
    if done.written:
        same = ", as it was" if not done.written.changed else ""
        lines.append(f"{done.written.path}: {summary}, {render_size(done.written.size)} packed{same}.")
        lines.append(f"  SHA-256 {done.written.sha256}")
        if has_errors(done.findings):
            lines.append(f"Written although it has {count(done.findings)} (--force).")
    elif done.tree:
        as_before = f"; {done.archive} is as it was" if done.archive.is_file() else ""
        lines.append(f"Nothing was written{as_before}: {count(done.findings)} ({summary}).")
    else:
        packed = render_size(done.listing.packed)
        lines.append(f"{done.archive}: {summary}, {packed} packed: {count(done.findings)}.")
    return lines


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
