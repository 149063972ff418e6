"""What the rules about a plugins.zip look for; `plugin_rules` lists the rules and says why each one is there."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion
from mwaa_local.plugins_archive import ArchiveEntry, ArchiveListing, EntryKind, escape_reason
from mwaa_local.validation.finding import Severity
from mwaa_local.wheel_tags import wheel_problem

RECOMMENDED = 1 << 30
"""Bytes: MWAA's guide recommends less for plugins.zip and requirements together."""

STORAGE = 10 << 30
"""Bytes: the disk of a component, of which unpacked plugins are only a part."""

_SUSPICIOUS_RATIO = 200
_SUSPICIOUS_SIZE = 100 << 20

_JUNK = frozenset(
    {"__pycache__", "__MACOSX", ".DS_Store", ".git", ".svn", ".hg", "Thumbs.db", ".idea", ".vscode"}
)
_MACHINES = {
    3: "32-bit x86",
    22: "s390",
    21: "PowerPC",
    40: "32-bit ARM",
    183: "ARM64 (aarch64)",
    243: "RISC-V",
}
_X86_64 = 62


@dataclass(frozen=True, slots=True)
class PluginArchive:
    """What a rule may look at."""

    listing: ArchiveListing
    version: MwaaVersion
    file: str
    """What the user calls the archive."""
    folder: str | None = None
    """What the user calls the folder that it is made of; None for an archive of somebody else's."""

    @property
    def moved_aws_mwaa(self) -> bool:
        """Return whether MWAA's own plugin lies outside the plugins folder (2.9.2 on)."""
        return self.version.number >= (2, 9, 2)


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """One thing that is wrong; about one entry, or about the whole archive."""

    message: str
    entry: str = ""
    hint: str = ""
    """Instead of the rule's own."""
    severity: Severity | None = None
    """Instead of the rule's own."""


Problems = Iterator[PluginProblem]
Check = Callable[[PluginArchive], Problems]


def damage(archive: PluginArchive) -> Problems:
    """Yield what cannot be read."""
    if archive.listing.damage:
        yield PluginProblem(f"{archive.file} is not a zip that can be read: {archive.listing.damage}.")
    for entry in archive.listing.entries:
        if entry.problem:
            yield PluginProblem(f"its content cannot be read: {entry.problem}.", entry.name)


def escapes(archive: PluginArchive) -> Problems:
    """Yield names that lead out of the folder."""
    for entry in archive.listing.entries:
        reason = escape_reason(entry.name)
        if reason:
            yield PluginProblem(f"{reason}: it would be unpacked outside the plugins folder.", entry.name)


def backslashes(archive: PluginArchive) -> Problems:
    """Yield names with backslashes, which Linux takes for a part of the name."""
    for entry in archive.listing.entries:
        if "\\" in entry.name and not escape_reason(entry.name):
            yield PluginProblem("its name holds backslashes, which are no folders on Linux.", entry.name)


def links(archive: PluginArchive) -> Problems:
    """Yield symbolic links."""
    for entry in archive.listing.entries:
        if entry.kind is EntryKind.SYMLINK:
            yield PluginProblem("it is a symbolic link, which may point anywhere once unpacked.", entry.name)


def encrypted(archive: PluginArchive) -> Problems:
    """Yield encrypted entries."""
    for entry in archive.listing.entries:
        if entry.encrypted:
            yield PluginProblem("it is encrypted, and MWAA has no password.", entry.name)


def names(archive: PluginArchive) -> Problems:
    """Yield names that are neither ASCII nor marked as UTF-8."""
    for entry in archive.listing.entries:
        if not entry.is_text_name:
            message = "its name is not marked as UTF-8: each program reads it in its own way."
            yield PluginProblem(message, entry.name)


def duplicates(archive: PluginArchive) -> Problems:
    """Yield names that are there twice, and files that are folders too."""
    counts = Counter(entry.name for entry in archive.listing.files)
    for name, count in counts.items():
        if count > 1:
            message = f"it is in the archive {count} times; which one wins depends on who unpacks."
            yield PluginProblem(message, name)
    above = {
        "/".join(parts[:depth])
        for parts in (entry.name.split("/") for entry in archive.listing.entries)
        for depth in range(1, min(len(parts), 100))
    }
    for name in sorted(above & counts.keys()):
        yield PluginProblem("it is a file and a folder at once.", name)


def nested_root(archive: PluginArchive) -> Problems:
    """Yield a complaint if the folder itself was zipped instead of what is in it."""
    files = [e.name for e in archive.listing.files if not e.name.startswith(("__MACOSX", ".DS_Store"))]
    if files and all(name.startswith("plugins/") for name in files):
        yield PluginProblem(
            "Everything is in a folder plugins/: MWAA would have plugins/plugins/, and no import would work."
        )
    elif archive.folder is None and (top := _wrapping_folder(files)):
        yield PluginProblem(
            f"Everything is in a folder {top}/ that is no package; the root of the archive is MWAA's plugins folder.",
            severity=Severity.WARNING,
        )


def _wrapping_folder(files: list[str]) -> str:
    """Return the only folder at the top, if it is no package but the modules in it look like plugins."""
    tops = {name.split("/")[0] for name in files}
    if len(tops) != 1 or any("/" not in name for name in files):
        return ""
    top = tops.pop()
    has_modules = any(name.count("/") == 1 and name.endswith(".py") for name in files)
    return top if has_modules and f"{top}/__init__.py" not in files else ""


def lost_executables(archive: PluginArchive) -> Problems:
    """Yield scripts that will not be executable."""
    for entry in archive.listing.files:
        if entry.kind is EntryKind.FILE and entry.is_script and not entry.is_executable:
            message = "it is a script but will not be executable: PermissionError when a task runs it."
            yield PluginProblem(message, entry.name)


def foreign_wheels(archive: PluginArchive) -> Problems:
    """Yield wheels that pip on MWAA refuses."""
    wanted = f"Python {archive.version.python} on Linux x86_64"
    for entry in archive.listing.files:
        if entry.name.endswith(".whl"):
            problem = wheel_problem(entry.name.rpartition("/")[2], archive.version)
            if problem:
                yield PluginProblem(f"pip refuses this wheel for {wanted}: {problem}.", entry.name)


def source_packages(archive: PluginArchive) -> Problems:
    """Yield source packages."""
    for entry in archive.listing.files:
        if entry.name.endswith((".tar.gz", ".tar.bz2")) and "-" in entry.name.rpartition("/")[2]:
            message = "a source package cannot be built without a network: building needs other packages."
            yield PluginProblem(message, entry.name)


def wheels_twice(archive: PluginArchive) -> Problems:
    """Yield packages of which there are several versions."""
    versions: dict[str, dict[str, str]] = {}
    for entry in archive.listing.files:
        parts = entry.name.rpartition("/")[2].split("-")
        if entry.name.endswith(".whl") and len(parts) > 1:
            versions.setdefault(parts[0].lower().replace("_", "-"), {})[parts[1]] = entry.name
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            yield PluginProblem(
                f"There are wheels of {len(found)} versions of {name}: {', '.join(sorted(found))}."
            )


def reserved_names(archive: PluginArchive) -> Problems:
    """Yield names that MWAA has in that folder or imports itself."""
    tops = {entry.name.split("/")[0] for entry in archive.listing.files}
    for name in sorted(tops & {"aws_mwaa", "aws_mwaa.py", "celery_config", "celery_config.py"}):
        if not archive.moved_aws_mwaa:
            message = (
                "MWAA keeps its own of this name in the plugins folder, and yours would collide with it."
            )
            yield PluginProblem(message, name)
        elif name.startswith("aws_mwaa"):
            message = "MWAA imports its own module of this name, and yours could be taken for it."
            yield PluginProblem(message, name)


def local_settings(archive: PluginArchive) -> Problems:
    """Yield a note about Airflow's own hook for settings."""
    if any(entry.name == "airflow_local_settings.py" for entry in archive.listing.files):
        if archive.moved_aws_mwaa:
            yield PluginProblem("MWAA runs it in every Airflow process.", "airflow_local_settings.py")
        else:
            message = f"MWAA honours it from 2.9.2 on; nothing says that {archive.version.airflow} does."
            hint = "Do not rely on it."
            yield PluginProblem(message, "airflow_local_settings.py", hint, Severity.WARNING)


def junk(archive: PluginArchive) -> Problems:
    """Yield what serves nobody, in one line."""
    found = {label for entry in archive.listing.files if (label := _junk_label(entry))}
    if found:
        count = sum(bool(_junk_label(entry)) for entry in archive.listing.files)
        total = len(archive.listing.files)
        yield PluginProblem(f"{count} of {total} files serve nobody: {', '.join(sorted(found))}.")


def _junk_label(entry: ArchiveEntry) -> str:
    parts = entry.name.split("/")
    if "." in parts[-1] and parts[-1].endswith((".pyc", ".pyo")):
        return "*.pyc"
    return next((part for part in parts if part in _JUNK), "")


def storage(archive: PluginArchive) -> Problems:
    """Yield a complaint if a component's disk cannot hold it."""
    if archive.listing.size > STORAGE:
        size = archive.listing.size >> 20
        yield PluginProblem(
            f"Unpacked it has {size} MiB, and the disk of a component has 10 GB for everything."
        )


def recommended_size(archive: PluginArchive) -> Problems:
    """Yield a warning above the size that MWAA recommends."""
    size = max(archive.listing.size, archive.listing.packed)
    if RECOMMENDED < size <= STORAGE:
        yield PluginProblem(f"It has {size >> 20} MiB; MWAA recommends less than 1 GB with all requirements.")


def bombs(archive: PluginArchive) -> Problems:
    """Yield entries that unpack to hundreds of times their size."""
    for entry in archive.listing.entries:
        if entry.size > _SUSPICIOUS_SIZE and entry.size > _SUSPICIOUS_RATIO * max(entry.packed, 1):
            message = f"its {entry.packed} bytes unpack to {entry.size}: this looks like a zip bomb."
            yield PluginProblem(message, entry.name)


def native_code(archive: PluginArchive) -> Problems:
    """Yield programs and libraries for other machines."""
    for entry in archive.listing.files:
        reason = _foreign_program(entry.head)
        if reason:
            yield PluginProblem(f"it is a program for {reason}; MWAA runs Linux on x86_64.", entry.name)


def _foreign_program(head: bytes) -> str:
    if head.startswith(b"\x7fELF") and len(head) >= 20:
        machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
        return "" if machine == _X86_64 else _MACHINES.get(machine, "another processor")
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf"):
        return "macOS"
    return "Windows" if head.startswith(b"MZ\x90\x00") else ""


def empty(archive: PluginArchive) -> Problems:
    """Yield a note about an archive without files."""
    if not archive.listing.files and not archive.listing.damage:
        yield PluginProblem("There is no file in it: the environment will have no plugins.")
