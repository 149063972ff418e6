"""status, logs, open, settings."""

import json
import time
from pathlib import Path

import click

from mwaa_local.runtime.native import NativeRuntime
from mwaa_local.runtime.service_logs import follow


def follow_logs(runtime: NativeRuntime, services: tuple[str, ...]) -> None:
    """Print lines as services write them, until interrupted."""
    names = services or tuple(report.name for report in runtime.services())
    paths = tuple(runtime.folder.log(name) for name in names)
    for path, line in follow(paths, lambda: time.sleep(0.2)):
        click.echo(f"{path.stem:>12} | {line}")


__all__ = ["Path", "follow_logs", "json"]
