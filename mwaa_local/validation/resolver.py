"""Asks uv what pip on MWAA would choose: MWAA's platform and Python, the base environment's versions preferred.

pip keeps what is installed wherever a line allows it; so does a resolver that is told to prefer those versions. Only
what the requirements reach is looked at, as pip does: whether the rest still works is `environment_health`'s.
"""

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local import __version__
from mwaa_local.catalog import Pin
from mwaa_local.errors import CommandError, RequirementsError
from mwaa_local.package_metadata import PackageRequires
from mwaa_local.ports import CommandResult, CommandRunner
from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.base_wheels import extras_of, write_base_wheels
from mwaa_local.validation.distribution_files import PackageFiles, parse_lock
from mwaa_local.validation.index_choice import IndexChoice, choose_indexes, learn_index
from mwaa_local.validation.requirement_options import FileOptions
from mwaa_local.validation.resolution import Refusal, Resolution, ResolvedPackage, parse_resolution
from mwaa_local.validation.resolver_memory import AnswerMemory, decisive_variables, digest_of, local_files
from mwaa_local.validation.strict_metadata import STRICT_SINCE, FetchMetadata, find_invalid

_PLATFORMS = {"Amazon Linux 2": "x86_64-manylinux_2_28", "Amazon Linux 2023": "x86_64-manylinux_2_34"}
"""The nearest to MWAA's C library (2.26 and 2.34) that uv can be told of; what needs more is sorted out afterwards."""

_TIMEOUT = 150.0
"""Seconds; a search that takes longer goes through hundreds of versions, and after minutes takes gigabytes."""

_NEEDS_NOTHING = tuple(
    f'[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n'
    for name in ("mysqlclient", "psycopg2", "pycurl")
)
"""MWAA's image has the headers that these want before they say that they depend on nothing; this machine may not."""


@dataclass(frozen=True, slots=True)
class ResolverTools:
    """What resolving needs from outside."""

    commands: CommandRunner
    uv: Path
    environ: Mapping[str, str]
    """Of the user, without what would change where uv installs."""
    folder: Path
    """For files of ours that may be made again at any time."""
    fetch_metadata: FetchMetadata
    interpreter: Path | None = None
    """MWAA's Python, where this machine has it: source packages are asked for their metadata with it."""
    memory: AnswerMemory | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be resolved."""

    lines: tuple[str, ...]
    constraints: tuple[str, ...]
    options: FileOptions
    remote_lines: tuple[str, ...] = ()
    remote_constraints: tuple[str, ...] = ()
    soft: tuple[Pin, ...] = ()
    """Versions to prefer over those that are installed."""
    unpreferred: tuple[str, ...] = ()
    """Installed packages whose versions are not to be preferred."""
    base_wheels: bool = False
    """Whether preinstalled packages are offered as files: for those that the index no longer has."""
    build_constraints: tuple[str, ...] = ()
    """What source packages are built with."""
    no_deps: bool = False

    @property
    def is_moving(self) -> bool:
        """Return whether a line names a branch of a repository, which may be another tomorrow."""
        return any("git+" in line or "hg+" in line or "svn+" in line for line in self.lines)


class Resolver:
    """Answers questions about one base environment."""

    def __init__(self, base: BaseEnvironment, tools: ResolverTools) -> None:
        self._base = base
        self._tools = tools
        tools.folder.mkdir(parents=True, exist_ok=True)
        # A folder of its own: two commands may run at once.
        self._work = Path(tempfile.mkdtemp(prefix="work-", dir=tools.folder))
        self._times: list[float] = []
        weakref.finalize(self, shutil.rmtree, self._work, ignore_errors=True)

    @property
    def asked(self) -> float | None:
        """Return when the oldest of the answers so far was given, in seconds since the epoch; None without a memory."""
        return min(self._times, default=None)

    def resolve(self, question: Question) -> Resolution | Refusal:
        """Answer; a Refusal that is a network failure is no verdict."""
        output = self._work / "resolved.txt"

        def ask() -> tuple[int, str]:
            self._write_preferences(output, question)
            # With its index addresses: uv's own default is worth knowing.
            result = self._run([*self._command(question, output), "--emit-index-url"], question)
            learn_index(self._tools.folder, self._indexes(question), result.stdout)
            return result.exit_code, result.stderr if result.exit_code else result.stdout + result.stderr

        code, text = self._remembered("resolve", question, ask)
        return Refusal(text) if code else parse_resolution(text)

    def find_files(self, question: Question, packages: Sequence[ResolvedPackage]) -> tuple[PackageFiles, ...]:
        """Return the files of exactly these packages; none where the resolver cannot say."""
        exact = tuple(f"{each.name}=={each.version}" for each in packages if each.version and not each.url)
        if not exact:
            return ()
        output = self._work / "pylock.toml"
        asked = replace(
            question, lines=exact, constraints=(), remote_lines=(), remote_constraints=(), no_deps=True
        )

        def ask() -> tuple[int, str]:
            output.unlink(missing_ok=True)
            result = self._run(self._command(asked, output), asked)
            if result.exit_code:
                return result.exit_code, result.stderr
            return 0, output.read_text("utf-8")

        code, text = self._remembered("files", asked, ask)
        return () if code else parse_lock(text)

    def find_invalid(self, files: Sequence[PackageFiles]) -> tuple[PackageFiles, ...]:
        """Return the packages that MWAA's pip passes over because their metadata is not valid."""
        if self._base.target.pip_number < STRICT_SINCE:
            return ()
        # Versions of the official constraints are known to install.
        official = {(pin.name, pin.version) for pin in self._base.constraints}
        files = [each for each in files if (each.name, each.version) not in official]
        return find_invalid(files, self._tools.fetch_metadata, self._tools.folder / "strict")

    def _remembered(
        self, kind: str, question: Question, ask: Callable[[], tuple[int, str]]
    ) -> tuple[int, str]:
        """Return uv's exit code and text, from memory where the same was asked before."""
        memory = self._tools.memory
        if memory is None or question.is_moving:
            return ask()
        key = self._key(kind, question)
        found = memory.recall(key)
        if found is not None:
            self._times.append(found.asked)
            return found.exit_code, found.text
        code, text = ask()
        self._times.append(memory.now())
        if not (code and Refusal(text).is_network_failure):
            memory.remember(key, code, text)
        return code, text

    def _key(self, kind: str, question: Question) -> str:
        base, tools = self._base, self._tools
        uv = tools.uv.stat()
        folders = (*question.options.find_links, *tools.environ.get("UV_FIND_LINKS", "").split(","))
        return digest_of(
            (
                (__version__, kind, question, str(tools.interpreter), uv.st_size, uv.st_mtime_ns),
                (base.version.airflow, base.target, base.pins, base.requires, base.source_requires),
                decisive_variables(tools.environ),
                local_files((*question.lines, *question.constraints), folders),
            )
        )

    def _indexes(self, question: Question) -> IndexChoice:
        return choose_indexes(question.options, self._tools.environ, self._tools.folder)

    def _run(self, command: Sequence[str], question: Question) -> CommandResult:
        environ = self._indexes(question).environ
        try:
            return self._tools.commands.run(command, env=environ, cwd=self._work, timeout=_TIMEOUT)
        except CommandError as error:
            open_lines = [line for line in question.lines if "==" not in line and "@" not in line]
            raise RequirementsError(
                f"Which packages pip would install could not be found out. {error.message}",
                hint="Pin what the file leaves open"
                + (f" ({', '.join(open_lines[:5])})" if open_lines else "")
                + ": pip on MWAA would search for long, too.",
            ) from error

    def _source_requires(self, options: FileOptions) -> PackageRequires:
        """Return what is known of packages without a wheel: another place than the index may have one of its own."""
        elsewhere = options.find_links or options.no_index or options.index_url or options.extra_index_urls
        return () if elsewhere else self._base.source_requires

    def _base_wheels(self) -> Path:
        """Return the folder of what is preinstalled, as wheels; few questions need it, and it takes a moment."""
        digest = hashlib.sha256(repr(self._base.requires).encode()).hexdigest()[:16]
        return write_base_wheels(
            self._base, self._tools.folder / f"base-{self._base.version.airflow}-{digest}"
        )

    def _write_preferences(self, output: Path, question: Question) -> None:
        preferred = {pin.name: pin.version for pin in (*self._base.pins, *question.soft)}
        lines = (
            f"{each}=={version}" for each, version in preferred.items() if each not in question.unpreferred
        )
        _write_lines(output, lines)

    def _command(self, question: Question, output: Path) -> list[str]:
        work, base = self._work, self._base
        lines = [*question.lines, *(f"-r {url}" for url in question.remote_lines)]
        constraints = [*question.constraints, *(f"-c {url}" for url in question.remote_constraints)]
        _write_lines(work / "requirements.in", lines)
        _write_lines(work / "constraints.txt", constraints)
        tables = [
            self._indexes(question).table,
            *(
                _metadata_table(pin, each)
                for pin, each in (*base.requires, *self._source_requires(question.options))
            ),
            *_NEEDS_NOTHING,
        ]
        _write_lines(work / "uv.toml", tables)
        command = [str(self._tools.uv), "pip", "compile", str(work / "requirements.in")]
        command += ["--constraints", str(work / "constraints.txt"), "--output-file", str(output)]
        command += ["--config-file", str(work / "uv.toml")]
        if question.base_wheels or question.options.no_index:
            command += ["--find-links", str(self._base_wheels())]
        command += [
            "--python-version",
            base.target.python,
            "--python-platform",
            _PLATFORMS[base.version.base_os],
        ]
        command += [
            "--no-header",
            "--annotation-style",
            "line",
            "--no-progress",
            "--no-sources",
            "--color",
            "never",
        ]
        if self._tools.interpreter is not None:
            command += ["--python", str(self._tools.interpreter)]
        if question.build_constraints:
            _write_lines(work / "build-constraints.txt", question.build_constraints)
            command += ["--build-constraints", str(work / "build-constraints.txt")]
            # uv remembers a package's metadata whatever it was built with: not to be mixed with the usual builds.
            command += ["--cache-dir", str(self._tools.folder / "old-builds")]
        if question.no_deps:
            command.append("--no-deps")
        return command + _option_arguments(question.options)


def _option_arguments(options: FileOptions) -> list[str]:
    arguments = []
    for name, values in (
        ("--find-links", options.find_links),
        ("--allow-insecure-host", options.trusted_hosts),
        ("--no-binary", options.no_binary),
        ("--only-binary", options.only_binary),
    ):
        for value in values:
            arguments += [name, value]
    if options.no_index:
        arguments.append("--no-index")
    if options.prereleases:
        arguments += ["--prerelease", "allow"]
    return arguments


def _metadata_table(pin: Pin, requires: tuple[str, ...]) -> str:
    listed = ", ".join(f"{_quoted(line)}" for line in requires)
    extras = ", ".join(_quoted(extra) for extra in sorted({e for line in requires for e in extras_of(line)}))
    return (
        f'[[dependency-metadata]]\nname = "{pin.name}"\nversion = "{pin.version}"\n'
        f"requires-dist = [{listed}]\nprovides-extra = [{extras}]\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
