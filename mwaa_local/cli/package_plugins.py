"""package-plugins: plugins/ to a plugins.zip that MWAA loads, and the same checks on anybody's zip."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mwaa_local.catalog import DEFAULT_VERSION, MwaaVersion, load_version
from mwaa_local.cli.finding_lines import count_findings, render_findings
from mwaa_local.cli.options import project_option
from mwaa_local.cli.render import is_coloured, render_size
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.archive import WrittenArchive, write_archive
from mwaa_local.deploy.archive_check import list_archive
from mwaa_local.deploy.ignored import load_ignored
from mwaa_local.deploy.plugins_tree import PluginsTree, add_files, collect_plugins
from mwaa_local.deploy.wheels import collect_wheels
from mwaa_local.errors import ProjectError
from mwaa_local.plugins_archive import ArchiveListing
from mwaa_local.project import find_project, path_overrides
from mwaa_local.validation.finding import Finding, has_errors
from mwaa_local.validation.plugin_checks import PluginArchive
from mwaa_local.validation.plugin_rules import check_plugins
from mwaa_local.validation.reports import findings_document, render_json, render_sarif

ARCHIVE = "plugins.zip"
FINDINGS = 3


@dataclass(frozen=True, slots=True)
class Packed:
    """What a run of the command found and made."""

    listing: ArchiveListing
    findings: tuple[Finding, ...]
    tree: PluginsTree | None = None
    written: WrittenArchive | None = None

    @property
    def exit_code(self) -> int:
        """Return what the command ends with."""
        return FINDINGS if has_errors(self.findings) else 0


@click.command()
@project_option
@click.option("--version", metavar="VERSION", help="MWAA version [default: the project's].")
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--sarif", is_flag=True, help="Print findings for code scanning.")
def package_plugins_command(
    folder: Path, check: Path | None, as_json: bool, sarif: bool, **wishes: Any
) -> int:
    """Pack plugins/ into a plugins.zip that MWAA loads, and prove it.

    The same files give the same bytes on every machine. --check says what is wrong with somebody else's zip.
    The exit code is 3 if there is an error; nothing is written then.
    """
    if check is not None:
        version = _version_for_check(folder, wishes)
        listing = list_archive(check)
        done = Packed(listing, check_plugins(PluginArchive(listing, version, str(check))))
    else:
        done = _pack(folder, wishes)
    _show(done, as_json=as_json, sarif=sarif)
    return done.exit_code


def _pack(folder: Path, wishes: dict[str, Any]) -> Packed:
    project, loaded = _load(folder, wishes)
    if project.plugins is None:
        raise ProjectError(
            f"{project.root} has no plugins folder.",
            hint="Make plugins/, or name another folder with --plugins.",
        )
    tree = collect_plugins(project.plugins, load_ignored(project.plugins, project.root))
    for wheels in wishes["with_wheels"]:
        tree = add_files(tree, collect_wheels(wheels))
    target: Path = wishes["output"] or project.root / ARCHIVE
    shown = os.path.relpath(project.plugins, project.root)
    findings = check_plugins(PluginArchive(tree.listing, loaded.version, str(target), shown))
    if has_errors(findings):
        return Packed(tree.listing, findings, tree)
    written = write_archive(tree.files, target, compress=wishes["compress"])
    return Packed(tree.listing, findings, tree, written)


def _load(folder: Path, wishes: dict[str, Any]) -> tuple[Project, LoadedConfig]:
    project = find_project(folder, path_overrides({"plugins": wishes["plugins"]}, os.environ))
    return project, load_config(project, {"version": wishes["version"]}, os.environ)


def _version_for_check(folder: Path, wishes: dict[str, Any]) -> MwaaVersion:
    """Return the version to judge for; a zip can be checked where there is no project."""
    if wishes["version"]:
        return load_version(wishes["version"])
    try:
        return _load(folder, wishes)[1].version
    except ProjectError:
        return load_version(DEFAULT_VERSION)


def _show(done: Packed, *, as_json: bool, sarif: bool) -> None:
    if sarif:
        click.echo(render_sarif(done.findings), nl=False)
    elif as_json:
        click.echo(render_json(_document(done)), nl=False)
    else:
        click.echo("\n".join(_lines(done)))


def _document(done: Packed) -> dict[str, object]:
    document = findings_document(done.findings)
    document["files"] = [
        {"name": entry.name, "size": entry.size, "executable": entry.is_executable}
        for entry in done.listing.files
    ]
    document["size"] = done.listing.size
    if done.tree:
        document["left_out"] = list(done.tree.left_out)
    if done.written:
        document["archive"] = {
            "path": str(done.written.path),
            "size": done.written.size,
            "sha256": done.written.sha256,
            "changed": done.written.changed,
        }
    return document


def _lines(done: Packed) -> list[str]:
    lines = render_findings(done.findings, coloured=is_coloured())
    files = len(done.listing.files)
    summary = f"{files} file{'' if files == 1 else 's'}, {render_size(done.listing.size)} unpacked"
    if done.tree and done.tree.left_out:
        lines.append(f"Left out: {_some(done.tree.left_out)}.")
    if done.written:
        same = "" if done.written.changed else ", unchanged"
        lines.append(f"{done.written.path}: {summary}, {render_size(done.written.size)}{same}.")
        lines.append(f"  SHA-256 {done.written.sha256}")
    elif done.tree:
        lines.append(f"Nothing was written: {count_findings(done.findings)} ({summary}).")
    else:
        lines.append(
            f"{summary}, {render_size(done.listing.packed)} packed: {count_findings(done.findings)}."
        )
    return lines


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
