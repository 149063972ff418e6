"""How long pip needs for requirements on MWAA's smallest environment class, roughly: one processor, a modest network.

An estimate to warn with, nothing more: the figures are what such installations took on one busy processor.
"""

from collections.abc import Sequence

from mwaa_local.catalog import MwaaVersion
from mwaa_local.validation.distribution_files import PackageFiles
from mwaa_local.validation.source_builds import judge_build

LIMIT = 540.0
"""MWAA ends the installation after nine minutes (2.9.2 on; before that about ten)."""

LONG = 300.0
"""From here on a slow day may end it."""

_START = 15.0
_A_PACKAGE = 0.7
_BYTES_A_SECOND = 8e6
"""Downloaded, unpacked, and its modules compiled to byte code."""


def estimate_seconds(files: Sequence[PackageFiles], version: MwaaVersion) -> float:
    """Return the seconds for the packages that are new or changed; none for nothing."""
    if not files:
        return 0.0
    built = (each.name for each in files if not each.has_wheel_for(version))
    return (
        _START
        + _A_PACKAGE * len(files)
        + sum(each.size for each in files) / _BYTES_A_SECOND
        + sum(judge_build(name, version).minutes for name in built) * 60
    )
