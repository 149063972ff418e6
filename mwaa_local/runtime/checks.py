"""What `doctor` finds on a machine: pure judgements of facts that were gathered elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

GIB = 1024**3
ENVIRONMENT_BYTES = 2 * GIB
"""Room for one environment, its project copy and a database."""
LEAST_BYTES = GIB // 2
LEAST_FILES = 1024
COMFORTABLE_FILES = 4096
GOOD_CLOCK = 1_700_000_000.0
"""November 2023: a clock before that makes certificates and signatures invalid."""


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    """`start` will fail, or does already."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `hint` is the next step where it is not ok."""

    name: str
    verdict: Verdict
    found: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class FolderFact:
    """A folder (or the nearest one above it that exists): its free bytes and whether we may write there."""

    name: str
    path: Path
    free: int
    writable: bool


@dataclass(frozen=True, slots=True)
class ToolFact:
    """A program that was looked for; `error` says why it cannot be used."""

    version: str = ""
    path: str = ""
    error: str = ""


def check_interpreter(minor: str, versions: Sequence[str], found: ToolFact, *, needed: str) -> Check:
    """Judge the interpreter of some versions; `needed` is the version of the project."""
    name = f"Python {minor}"
    uses = f"Airflow {needed}" if needed in versions else f"Airflow {', '.join(versions)}"
    if found.version:
        return Check(name, Verdict.OK, f"{found.version} at {found.path} (for {uses})")
    if needed in versions:
        hint = f"a start asks uv for one; or install it: uv python install {minor}"
        return Check(name, Verdict.WARNING, f"none on this machine, and {uses} runs on it", hint)
    return Check(name, Verdict.OK, f"none (a start of {uses} asks uv for one)")


def check_explicit_interpreter(path: Path, found: ToolFact) -> Check:
    """Judge the interpreter that the configuration names."""
    if found.version:
        return Check("Python", Verdict.OK, f"{found.version} at {path} (as configured)")
    hint = "name another one as python under [runtime], or leave it out"
    return Check("Python", Verdict.PROBLEM, f"{path} cannot be used: {found.error}", hint)


def check_uv(found: ToolFact) -> Check:
    """Judge the installer."""
    if found.error:
        return Check("uv", Verdict.PROBLEM, found.error, "reinstall mwaa-local: it brings uv")
    return Check("uv", Verdict.OK, f"{found.version} at {found.path}")


def check_folder(fact: FolderFact) -> Check:
    """Judge whether a folder can take what is put there."""
    room = f"{fact.path} ({render_bytes(fact.free)} free)"
    if not fact.writable:
        return Check(
            fact.name,
            Verdict.PROBLEM,
            f"{fact.path} cannot be written",
            "give yourself the right to write there" + _elsewhere(fact.name),
        )
    if fact.free < LEAST_BYTES:
        return Check(fact.name, Verdict.PROBLEM, room, "free some space" + _elsewhere(fact.name))
    if fact.free < ENVIRONMENT_BYTES:
        return Check(fact.name, Verdict.WARNING, room, "an environment takes about 1 GB: free some space")
    return Check(fact.name, Verdict.OK, room)


def check_edited(environment: str, changed: Sequence[str]) -> Check:
    """Judge a shared environment in which files were edited in place."""
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return Check(
        "Shared files",
        Verdict.WARNING,
        f"edited since {environment} was built: {changed[0]}{more}",
        "they are the same files in every project and in uv's cache: undo the edit; "
        "or uv cache clean, mwaa-local cache prune --all, and mwaa-local destroy in the projects",
    )


def _elsewhere(name: str) -> str:
    return ", or set MWAA_LOCAL_CACHE to another folder" if name == "Cache" else ""


def check_favourite_port(port: int, *, free: bool) -> Check:
    """Judge the port that the UI takes unless told otherwise."""
    found = "free" if free else "taken (the UI uses another one, which is remembered)"
    return Check(f"Port {port}", Verdict.OK, found)


def check_asked_port(name: str, port: int, *, free: bool, ours: bool) -> Check:
    """Judge a port that the configuration insists on."""
    if ours:
        return Check(f"Port {port} ({name})", Verdict.OK, "used by this environment")
    if free:
        return Check(f"Port {port} ({name})", Verdict.OK, "free")
    return Check(
        f"Port {port} ({name})",
        Verdict.PROBLEM,
        "taken by another program",
        f"end that program, or leave {name} out under [ports] for any free port",
    )


def check_engine(answer: str | None) -> Check:
    """Judge the Docker engine (None: the command is missing; empty: the engine does not answer)."""
    hint = "start it if you want to build images; the native runtime does not need it"
    if answer is None:
        return Check("Docker", Verdict.OK, "not installed (the native runtime does not need it)")
    if not answer:
        return Check("Docker", Verdict.WARNING, "installed, but its engine does not answer", hint)
    return Check("Docker", Verdict.OK, f"engine {answer}")


def check_compose(found: ToolFact, *, needed: bool) -> Check:
    """Judge Compose and the engine it works with, which `needed` says the project is to run on."""
    if found.version:
        return Check("Compose", Verdict.OK, f"{found.version}, engine at {found.path}")
    if needed:
        hint = "install Compose and start the engine, or take the native runtime: kind under [runtime]"
        return Check("Compose", Verdict.PROBLEM, found.error, hint)
    return Check("Compose", Verdict.OK, "none that works (only `--runtime compose` needs one)")


def check_credentials(*, present: bool, needed_profile: str | None, method: str) -> Check:
    """Judge the user's AWS credentials, which are only looked for, never shown."""
    name = "AWS credentials"
    if present:
        return Check(name, Verdict.OK, f"found ({method})")
    if needed_profile:
        return Check(
            name,
            Verdict.PROBLEM,
            f"the profile {needed_profile} has none",
            f"aws sso login --profile {needed_profile}, or aws configure --profile {needed_profile}",
        )
    return Check(name, Verdict.OK, "none (only `--aws profile:NAME` and deploying need them)")


def check_postgres(found: ToolFact) -> Check:
    """Judge PostgreSQL's programs; where the machine has none that fit, a start brings its own."""
    if found.error:
        return Check("PostgreSQL", Verdict.PROBLEM, found.error, "correct MWAA_LOCAL_POSTGRES, or unset it")
    if not found.version:
        return Check("PostgreSQL", Verdict.OK, "none on this machine; a start brings its own")
    return Check("PostgreSQL", Verdict.OK, f"{found.version} at {found.path}")


def check_user(*, is_root: bool, refusal: str) -> Check:
    """Judge how PostgreSQL, which refuses to run as root, can run for this user."""
    if not is_root:
        return Check("User", Verdict.OK, "an ordinary user")
    if refusal:
        found = f"root, and no user namespaces ({refusal}): PostgreSQL runs as another account"
        return Check("User", Verdict.WARNING, found, "run mwaa-local as an ordinary user if that fails")
    return Check("User", Verdict.OK, "root; PostgreSQL runs in a user namespace")


def check_mwaa_paths(*, wanted: bool, possible: bool) -> Check:
    """Judge whether tasks can find their files where they are on MWAA."""
    name, path = "MWAA paths", "/usr/local/airflow"
    if not wanted:
        return Check(name, Verdict.OK, f"switched off: {path} is not there for tasks")
    if not possible:
        found = f"this system gives no mount namespace: {path} is not there for tasks"
        return Check(name, Verdict.WARNING, found, "have DAG files use AIRFLOW_HOME, or their own folder")
    return Check(name, Verdict.OK, f"tasks find their files at {path}")


def check_open_files(limit: int) -> Check:
    """Judge the limit of open files, which holds for each process."""
    if limit < LEAST_FILES:
        return Check("Open files", Verdict.PROBLEM, f"at most {limit}", f"ulimit -n {COMFORTABLE_FILES}")
    return Check("Open files", Verdict.OK, f"at most {limit}")


def check_clock(now: float) -> Check:
    """Judge the clock."""
    if now < GOOD_CLOCK:
        return Check("Clock", Verdict.PROBLEM, "it is years behind", "set it: certificates would be invalid")
    return Check("Clock", Verdict.OK, "plausible")


def render_bytes(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / GIB:.1f} GB" if count >= GIB // 10 else f"{count / 1024**2:.0f} MB"


def worst(checks: Sequence[Check]) -> Verdict:
    """Return the worst verdict."""
    order = (Verdict.PROBLEM, Verdict.WARNING)
    return next((verdict for verdict in order if any(c.verdict is verdict for c in checks)), Verdict.OK)
