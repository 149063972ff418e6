"""The section `deploy`: `plan` and `deploy` beside `aws s3 sync` of the same files to the same S3 server, and deploys
over a line that fails at each request."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.deploy_faults import measure_faults
from bench.figures import Figure, ratio
from bench.project import COMMAND
from bench.s3_server import s3_server
from bench.session import Session, say
from tests.aws_cli import AwsCli, install_aws_cli

FILES = 10_000
IN_A_FOLDER = 100
MEMORY = 150.0
"""Megabytes that a command may take."""
_UNCHECKED = ("--skip", "validate", "--skip", "test-requirements", "--skip", "test-dags")
"""What is compared is the way to the bucket; the checks are measured by the section `checks`."""
_PROJECT = """[environment]
version = "2.2.2"

[deployments.bench]
bucket = "{bucket}"
region = "us-east-1"
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    processor: float
    megabytes: float


def measure_deploy(session: Session) -> Iterator[Figure]:
    """Measure first deploys, plans of nothing and of one changed file in turns with the CLI, then the faults."""
    say("deploy: install the AWS CLI, write 10,000 files")
    program = install_aws_cli(session.folder / "cli")
    write_files(session.folder / "project")
    rounds = []
    for number in range(session.rounds):
        say(f"deploy: round {number + 1} of {session.rounds}")
        with s3_server(session.folder) as url:
            rounds.append(_Round(session.folder, AwsCli(program, url), number).run())
    for index, (what, share) in enumerate(_BARS):
        yield from _compare(what, share, [each[index] for each in rounds])
    costs = [max(mine.megabytes for mine, _ in each) for each in rounds]
    yield Figure("memory of a deploy of 10,000 files, at most", "MB", tuple(costs), MEMORY)
    yield from measure_faults(session)


_BARS = (
    ("first deploy of 10,000 files", 1 / 3),
    ("plan for 10,000 files, nothing changed", 1 / 2),
    ("deploy of one changed file of 10,000", 1 / 2),
)


def _compare(what: str, share: float, pairs: Sequence[tuple[Cost, Cost]]) -> Iterator[Figure]:
    ours = Figure(what, "s", tuple(mine.seconds for mine, _ in pairs))
    theirs = Figure(f"`aws s3 sync`: {what}", "s", tuple(other.seconds for _, other in pairs))
    mine = Figure(f"processor time: {what}", "s", tuple(mine.processor for mine, _ in pairs))
    other = Figure(
        f"processor time of `aws s3 sync`: {what}", "s", tuple(other.processor for _, other in pairs)
    )
    yield from (ours, theirs, ratio(f"share of the time: {what}", ours, theirs, 1.0))
    yield from (mine, other, ratio(f"share of the processor time: {what}", mine, other, share))


class _Round:
    """All comparisons once, on a new server."""

    def __init__(self, folder: Path, cli: AwsCli, number: int) -> None:
        self._project = folder / "project"
        self._cli = cli
        self._number = number

    def run(self) -> list[tuple[Cost, Cost]]:
        """Return ours and the CLI's cost of each thing compared."""
        make_bucket(self._cli, "ours")
        self._cli.run("s3api", "create-bucket", "--bucket", "theirs")
        (self._project / "mwaa-local.toml").write_text(_PROJECT.format(bucket="ours"))
        pairs = [
            (self._deploy(), self._sync()),
            (self._ours("plan", "bench", *_UNCHECKED), self._sync("--dryrun")),
        ]
        changed = self._project / "dags" / "team_000" / "dag_00.py"
        changed.write_text(f"{changed.read_text()}# round {self._number}\n")
        pairs.append((self._deploy(), self._sync()))
        return pairs

    def _deploy(self) -> Cost:
        return self._ours("deploy", "bench", "--yes", *_UNCHECKED)

    def _ours(self, *arguments: str) -> Cost:
        return cost_of([COMMAND, *arguments], self._project, self._cli)

    def _sync(self, *options: str) -> Cost:
        command = [
            str(self._cli.program),
            "s3",
            "sync",
            "dags",
            "s3://theirs/dags",
            "--only-show-errors",
            *options,
        ]
        return cost_of(command, self._project, self._cli)


def cost_of(command: list[str], folder: Path, cli: AwsCli) -> Cost:
    """Run a command that must succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=cli.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{errors}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def write_files(project: Path) -> None:
    """Write small DAG files."""
    for number in range(FILES):
        folder = project / "dags" / f"team_{number // IN_A_FOLDER:03}"
        folder.mkdir(parents=True, exist_ok=True)
        text = (
            f"from airflow import DAG\nfrom datetime import datetime\n\nwith DAG('dag_{number}'):\n    pass\n"
        )
        (folder / f"dag_{number % IN_A_FOLDER:02}.py").write_text(text)


def make_bucket(cli: AwsCli, name: str) -> None:
    """Make a bucket as MWAA wants it."""
    cli.run("s3api", "create-bucket", "--bucket", name)
    cli.run(
        "s3api", "put-bucket-versioning", "--bucket", name, "--versioning-configuration", "Status=Enabled"
    )
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    wish = ",".join(f"{block}=true" for block in blocks)
    cli.run("s3api", "put-public-access-block", "--bucket", name, "--public-access-block-configuration", wish)
