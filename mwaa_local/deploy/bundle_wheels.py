"""Brings the wheels of a bundle into a folder: fetches those that there are, builds those that can be built.

pip does both: MWAA's own pip, in an interpreter of MWAA's Python. uv resolves but has no command that downloads wheels,
and pip's `--platform` and hashes bring exactly the files that the resolution named, on every laptop.
"""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mwaa_local.catalog import MwaaVersion
from mwaa_local.deploy.archive import digest_file
from mwaa_local.deploy.lock_file import LockedPackage
from mwaa_local.deploy.requirements_bundle import BundledWheel, BundlePlan, ChosenWheel
from mwaa_local.errors import RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.wheel_tags import python_abi, supported_platforms

_BUILD = ("wheel", "--quiet", "--no-deps", "--use-pep517", "--no-cache-dir")
_EPOCH = (1980, 1, 1, 0, 0, 0)

RunPip = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs MWAA's pip with arguments, and variables on top of the user's."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where and with what wheels are made."""

    run_pip: RunPip
    work: Path
    """For files of our own; made by the caller, thrown away by the caller."""
    wheels: Path
    """Where the wheels go."""
    version: MwaaVersion
    index_lines: tuple[str, ...]
    """Lines of the requirements that say where packages come from."""


def make_wheels(plan: BundlePlan, shop: Workshop) -> tuple[BundledWheel, ...]:
    """Fetch and build what a plan says; RequirementsError names every package that cannot be had."""
    local = [each for each in plan.fetch if each.file.path]
    remote = [each for each in plan.fetch if not each.file.path]
    for chosen in local:
        shutil.copyfile(shop.work / chosen.file.path, shop.wheels / chosen.file.name)
    if remote:
        _fetch(remote, shop)
    made = [_bundled(each.package.name, shop.wheels / each.file.name) for each in plan.fetch]
    refused: list[str] = []
    for package in plan.build:
        built = _build(package, shop)
        if isinstance(built, str):
            refused.append(built)
        else:
            made.append(built)
    if refused:
        raise RequirementsError(
            "\n".join(refused),
            hint="Choose a version that has a wheel for MWAA's Python on Linux x86_64, or name a folder that holds "
            "such a wheel with --find-links.",
        )
    return tuple(sorted(made, key=lambda wheel: wheel.name))


def _fetch(chosen: Iterable[ChosenWheel], shop: Workshop) -> None:
    file = shop.work / "fetch.txt"
    file.write_text("\n".join([*shop.index_lines, *(_pin(each) for each in chosen)]) + "\n", encoding="utf-8")
    arguments = [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        str(shop.wheels),
        "-r",
        str(file),
    ]
    arguments += [
        "--implementation",
        "cp",
        "--python-version",
        shop.version.python,
        "--abi",
        python_abi(shop.version),
    ]
    for platform in supported_platforms(shop.version):
        arguments += ["--platform", platform]
    result = shop.run_pip(arguments, {})
    missing = [each.file.name for each in chosen if not (shop.wheels / each.file.name).is_file()]
    if result.exit_code or missing:
        what = f"{', '.join(missing[:5])} could not be fetched" if missing else "pip failed"
        raise RequirementsError(
            f"{what}.\n{_last_lines(result.stderr)}",
            hint="Check the network and the index (PIP_INDEX_URL); what was fetched is kept by pip.",
        )


def _pin(chosen: ChosenWheel) -> str:
    package = chosen.package
    asked = (
        f"{package.name} @ {chosen.file.url}" if package.is_direct else f"{package.name}=={package.version}"
    )
    return f"{asked} --hash=sha256:{chosen.file.sha256}" if chosen.file.sha256 else asked


def _build(package: LockedPackage, shop: Workshop) -> BundledWheel | str:
    """Build a wheel that runs everywhere, or say why there is none."""
    out = shop.work / f"build-{package.name}"
    out.mkdir()
    asked, pins = _source(package, shop)
    if asked is None:
        abi = f"Python {shop.version.python} on Linux x86_64"
        return f"{_title(package)} has no wheel for {abi}, and no source to build one from."
    file = out / "source.txt"
    file.write_text("\n".join([*shop.index_lines, asked + pins]) + "\n", encoding="utf-8")
    build_constraints = out / "build-constraints.txt"
    build_constraints.write_text(
        "".join(f"{line}\n" for line in shop.version.build_constraints), encoding="utf-8"
    )
    result = shop.run_pip(
        [*_BUILD, "--no-binary", package.name, "-w", str(out), "-r", str(file)],
        {
            # The same source gives the same wheel, on any day.
            "SOURCE_DATE_EPOCH": "315532800",
            "PYTHONHASHSEED": "0",
            "PIP_CONSTRAINT": str(build_constraints),
            "PIP_BUILD_CONSTRAINT": str(build_constraints),
        },
    )
    built = sorted(out.glob("*.whl"))
    if result.exit_code or not built:
        return f"{_title(package)} has only a source package, which cannot be built here:\n" + _last_lines(
            result.stderr
        )
    if not built[0].name.endswith("-none-any.whl"):
        return (
            f"{_title(package)} has only a source package, and it holds compiled code: "
            f"a wheel that is built here ({built[0].name}) need not run on MWAA."
        )
    target = shop.wheels / built[0].name
    normalise_wheel(built[0], target)
    return _bundled(package.name, target, built=True)


def _title(package: LockedPackage) -> str:
    return f"{package.name} {package.version}".rstrip()


def _source(package: LockedPackage, shop: Workshop) -> tuple[str | None, str]:
    if "+file:" in package.tree:
        # `name @ address` needs a host in the address for pip before 23.
        return f"{package.tree}{'&' if '#' in package.tree else '#'}egg={package.name}", ""
    if "+" in package.tree.split("/")[0]:
        return f"{package.name} @ {package.tree}", ""
    if package.tree:
        # Building writes beside the source, and that is the user's.
        copy = shop.work / f"source-{package.name}"
        shutil.copytree(shop.work / package.tree, copy, ignore=shutil.ignore_patterns(".git", ".mwaa-local"))
        return f"{package.name} @ {copy.as_uri()}", ""
    source = package.source
    if source is None:
        return None, ""
    pins = f" --hash=sha256:{source.sha256}" if source.sha256 else ""
    if source.path:
        path = (shop.work / source.path).resolve()
        return f"{package.name} @ {path.as_uri()}", f" --hash=sha256:{digest_file(path)}"
    return (
        f"{package.name} @ {source.url}" if package.is_direct else f"{package.name}=={package.version}"
    ), pins


def normalise_wheel(source: Path, target: Path) -> None:
    """Write a wheel anew with the times, the order and the compression that every wheel of a bundle has."""
    with zipfile.ZipFile(source) as wheel, zipfile.ZipFile(target, "w", strict_timestamps=False) as copy:
        # RECORD, which lists the others, comes last, as the format recommends.
        for name in sorted(wheel.namelist(), key=lambda name: (name.endswith(".dist-info/RECORD"), name)):
            old = wheel.getinfo(name)
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = (
                3,
                0o100755 << 16 if old.external_attr >> 16 & 0o111 else 0o100644 << 16,
            )
            copy.writestr(info, wheel.read(name))


def _bundled(name: str, path: Path, *, built: bool = False) -> BundledWheel:
    try:
        _, version, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise RequirementsError(
            f"{path.name}: {error}.", hint="Rename the wheel as its metadata says."
        ) from error
    return BundledWheel(name, str(version), path.name, built)


def _last_lines(output: str) -> str:
    lines = [
        re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", line.rstrip()) for line in output.splitlines() if line.strip()
    ]
    kept = [line for line in lines if not line.lstrip().startswith(("WARNING:", "DEPRECATION:", "[notice]"))]
    return "\n".join(f"    {line}" for line in kept[-12:])
