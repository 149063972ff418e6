"""cache: what projects share on this machine, and removing what none has used for a while."""

import json
import time
from collections.abc import Sequence
from typing import Any

import click

from mwaa_local.cli.app import make_app, path_mentions
from mwaa_local.cli.lifecycle import confirm
from mwaa_local.cli.options import json_option
from mwaa_local.cli.render import render_duration, render_size, render_table
from mwaa_local.errors import UsageError
from mwaa_local.runtime.cache_contents import (
    ENVIRONMENTS,
    CacheItem,
    Size,
    changed_files,
    choose_items,
    list_items,
    measure,
    remove_items,
)

HEADER = ("KIND", "NAME", "SIZE", "FREES", "USED", "")
DAYS = 30.0


@click.group()
def cache_command() -> None:
    """Show and prune what projects share: environments, database templates, what images are built with."""


@cache_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List what is in the cache; FREES leaves out files that projects or uv's own cache hold too."""
    host = make_app().host
    items = list_items(host.cache, host.locks, path_mentions())
    now = time.time()
    rows = [(item, measure(item.folder)) for item in items]
    if as_json:
        click.echo(json.dumps([_document(item, size, now) for item, size in rows], indent=2))
    else:
        click.echo(render_items(rows, now) if rows else "Nothing is cached.")


@cache_command.command("prune")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    envvar="MWAA_LOCAL_OLDER_THAN",
    help=f"Remove what was not used for so many days [default: {DAYS:.0f}].",
)
@click.option("--all", "everything", is_flag=True, help="Remove all that is not in use.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def prune_command(older_than: float | None, everything: bool, yes: bool, as_json: bool) -> None:
    """Remove what no project has used for a while; a start builds it again when it needs it.

    Projects keep their own environments and databases. What is in use now stays.
    """
    if everything and older_than is not None:
        raise UsageError("--all and --older-than contradict each other.", hint="give one of them")
    host = make_app().host
    now = time.time()
    days = 0.0 if everything else DAYS if older_than is None else older_than
    items = list_items(host.cache, host.locks, path_mentions())
    rows = [(item, measure(item.folder)) for item in choose_items(items, days, now)]
    if rows:
        click.echo(render_items(rows, now), err=True)
        confirm(f"Remove {'this' if len(rows) == 1 else f'these {len(rows)}'}?", yes=yes)
    removed = set(remove_items([item for item, _ in rows], host.locks))
    gone = [(item, size) for item, size in rows if item in removed]
    if as_json:
        click.echo(json.dumps([_document(item, size, now) for item, size in gone], indent=2))
    else:
        click.echo(_summary([size for _, size in gone]))


def render_items(rows: Sequence[tuple[CacheItem, Size]], now: float) -> str:
    """Return the table of items and, where there are several, their sum."""
    lines = [
        (
            item.kind,
            item.name if item.name != item.kind else "",
            render_size(size.taken),
            render_size(size.freed),
            f"{render_duration(now - item.used)} ago",
            _remark(item, now),
        )
        for item, size in rows
    ]
    return "\n".join(render_table(HEADER, lines))


def _remark(item: CacheItem, now: float) -> str:
    state = "in use" if item.is_in_use(now) else "edited" if _changed(item) else ""
    return "; ".join(part for part in (item.purpose, state) if part)


def _changed(item: CacheItem) -> tuple[str, ...]:
    return changed_files(item.folder) if item.kind == ENVIRONMENTS else ()


def _document(item: CacheItem, size: Size, now: float) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": item.name,
        "purpose": item.purpose or None,
        "folder": str(item.folder),
        "bytes": size.taken,
        "freed_bytes": size.freed,
        "last_used": item.used,
        "in_use": item.is_in_use(now),
        "changed_files": list(_changed(item)),
    }


def _summary(sizes: Sequence[Size]) -> str:
    if not sizes:
        return "Nothing to remove."
    freed = render_size(sum(size.freed for size in sizes))
    return f"Removed {len(sizes)}: {freed} freed."
