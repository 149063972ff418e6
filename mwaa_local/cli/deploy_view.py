"""A deployment, its plan and what comes of it as people read them, in 80 columns."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from mwaa_local.aws_ports import CallerIdentity, EnvironmentRecord
from mwaa_local.cli.deploy_session import Prepared, Site
from mwaa_local.cli.finding_report import render_report
from mwaa_local.cli.preflight import SITE
from mwaa_local.cli.render import WIDTH, paint, render_fact, render_size, render_table, wrap
from mwaa_local.deploy.git_facts import GitFacts
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.plan_steps import (
    Conflict,
    Delete,
    Plan,
    Reason,
    Restore,
    Step,
    UpdateEnvironment,
    Upload,
)
from mwaa_local.deployment import Deployment
from mwaa_local.validation.finding import Finding, Severity

MOST_ROWS = 40
MOST_NAMES = 8
LEFTOVER = "not in project"
_INDENT = 15
_COLOURS = {"upload": "green", "restore": "green", "delete": "red", "update": "cyan"}
PARTS = {
    Part.PLUGINS: "plugins",
    Part.REQUIREMENTS: "requirements",
    Part.STARTUP_SCRIPT: "script",
}
_REASONS = {
    Reason.NEW: "new",
    Reason.CHANGED: "changed",
    Reason.UNKNOWN: "may differ",
    Reason.GONE: "was deleted",
}


def render_site(deployment: Deployment, site: Site) -> str:
    """Return where a deployment goes, and who asks for it."""
    lines = [f"{deployment.name}: s3://{deployment.bucket} in {deployment.region}", ""]
    lines += render_fact("Account", f"{site.identity.account}, {describe_caller(site.identity)}", _INDENT)
    lines += render_fact("Environment", _environment(deployment, site.environment), _INDENT)
    if site.git is not None:
        lines += render_fact("Project", describe_git(site.git), _INDENT)
    return "\n".join(lines)


def describe_caller(identity: CallerIdentity) -> str:
    """Return who we are to AWS: `role deploy (session ci)`, `user alice`."""
    kind, _, name = identity.arn.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        role, _, session = name.partition("/")
        return f"role {role} (session {session})"
    if kind == "user":
        return f"user {name.rpartition('/')[2]}"
    return "root user" if kind == "root" else identity.arn


def describe_git(git: GitFacts) -> str:
    """Return the commit, and whether the files are what it holds."""
    commit = f"commit {git.commit[:12]}" if git.commit else "no commit yet"
    where = f" on {git.branch}" if git.branch else ""
    files = (
        f", {git.changed} changed or unknown {'file' if git.changed == 1 else 'files'}" if git.dirty else ""
    )
    return f"{commit}{where}{files}"


def _environment(deployment: Deployment, environment: EnvironmentRecord | None) -> str:
    if environment is None:
        return (
            f"{deployment.environment} (missing)"
            if deployment.environment
            else "none: only the bucket is filled"
        )
    return (
        f"{environment.name}: {environment.status}, Airflow {environment.airflow_version}, "
        f"{environment.environment_class}"
    )


def render_prepared(prepared: Prepared, *, coloured: bool, leftover: str = LEFTOVER) -> str:
    """Return the plan and everything that stands in its way; `leftover` says why something is deleted."""
    blocks = [render_site(prepared.chosen.deployment, prepared.site)]
    if prepared.plan.steps:
        blocks.append("\n".join(render_steps(prepared.plan.steps, leftover, coloured=coloured)))
    blocks.append("\n".join(render_rest(prepared.plan)))
    if prepared.plan.conflicts:
        blocks.append("\n".join(_conflicts(prepared.plan.conflicts, coloured=coloured)))
    blocks.append("\n".join(_findings(prepared.gate.findings, coloured=coloured)))
    if prepared.plan.timing and not prepared.is_stopped:
        blocks.append("\n".join(_timing(prepared.plan.timing)))
    return "\n\n".join(filter(None, blocks))


def render_steps(steps: Sequence[Step], leftover: str, *, coloured: bool) -> list[str]:
    """Return the table of the steps, the most important columns first: keys may be long."""
    rows = [_row(step, leftover) for step in steps if not isinstance(step, UpdateEnvironment)]
    updates = [_row(step, leftover) for step in steps if isinstance(step, UpdateEnvironment)]
    shown = [*rows[: MOST_ROWS - 1], *updates]
    header, *lines = render_table(("STEP", "WHY", "SIZE", "WHAT"), shown)
    painted = [
        paint(line, _COLOURS[row[0]], coloured=coloured) for row, line in zip(shown, lines, strict=True)
    ]
    more = len(rows) - len(rows[: MOST_ROWS - 1])
    return [
        f"  {line}"
        for line in (header, *painted, *([f"... and {more} more (--json has all)"] if more else []))
    ]


def _row(step: Step, leftover: str) -> tuple[str, str, str, str]:
    match step:
        case Upload():
            return "upload", _REASONS[step.reason], render_size(step.file.size), step.file.key
        case Restore():
            return "restore", "earlier version", "", step.key
        case Delete():
            return "delete", leftover, "", step.key
        case UpdateEnvironment():
            parts = ", ".join(PARTS.get(change.part, change.part.value) for change in step.sources)
            return "update", "new version", "", f"{step.name} ({parts})"
        case _:
            assert_never(step)


def render_rest(plan: Plan) -> list[str]:
    """Return what a plan leaves alone, and what is to be known about it."""
    lines = [] if plan.steps else ["Nothing to do: bucket and environment have what the project has."]
    if plan.unchanged:
        lines.append(f"Unchanged: {_files(len(plan.unchanged))}.")
    if plan.left:
        lines += _names(
            f"Left in the bucket by an earlier deploy ({len(plan.left)}; --delete removes them):", plan.left
        )
    if plan.remote_only:
        lines += _names(f"Not put there by us, left alone ({len(plan.remote_only)}):", plan.remote_only)
    for note in plan.notes:
        lines += wrap(note, WIDTH)
    return lines


def _names(title: str, names: Sequence[str]) -> list[str]:
    more = len(names) - MOST_NAMES
    rest = [f"  ... and {more} more"] if more > 0 else []
    return [title, *(f"  {name}" for name in names[:MOST_NAMES]), *rest]


def _conflicts(conflicts: Sequence[Conflict], *, coloured: bool) -> list[str]:
    rows = [
        ("delete" if conflict.deletion else "upload", conflict.obstacle.value, conflict.key)
        for conflict in conflicts[:MOST_ROWS]
    ]
    header, *lines = render_table(("CONFLICT", "WHAT LIES THERE WAS", "WHERE"), rows)
    more = len(conflicts) - len(rows)
    rest = [f"... and {more} more (--json has all)"] if more else []
    return [
        *(
            f"  {line}"
            for line in (header, *(paint(line, "red", coloured=coloured) for line in lines), *rest)
        ),
        "",
        *wrap(
            "Look at them (--diff), then say which ones to overwrite: "
            f"--take-over {conflicts[0].key}{' ...' if len(conflicts) > 1 else ''}",
            WIDTH,
        ),
    ]


def _findings(findings: Sequence[Finding], *, coloured: bool) -> list[str]:
    """Return what the checks say, without the notes: those are for the commands that check."""
    shown = [each for each in findings if each.severity is not Severity.INFO or each.source == SITE]
    notes = len(findings) - len(shown)
    lines = [render_report(shown, coloured=coloured)] if shown else []
    return [
        *lines,
        *(
            [f"The checks have {notes} more {'note' if notes == 1 else 'notes'} (--json has all)."]
            if notes
            else []
        ),
    ]


def _timing(sentences: Sequence[str]) -> Iterator[str]:
    for number, sentence in enumerate(sentences):
        yield from render_fact("In effect" if number == 0 else "", sentence, _INDENT)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def conclude(prepared: Prepared) -> str:
    """Return the plan in one sentence."""
    plan, gate = prepared.plan, prepared.gate
    if prepared.is_stopped:
        errors = sum(1 for each in gate.findings if each.severity == "error")
        reasons = [
            f"{number} {word}{'' if number == 1 else 's'}"
            for number, word in ((len(plan.conflicts), "conflict"), (errors, "error"))
            if number
        ]
        if plan.refusal is not None and not reasons:
            return f"{plan.refusal.message} {plan.refusal.hint} Nothing was changed."
        return f"Stopped by {' and '.join(reasons)}; nothing was changed."
    return f"Planned: {summarise(plan)}."


def summarise(plan: Plan) -> str:
    """Return how many steps of each kind there are, in words."""
    numbers = [
        (len(plan.uploads), "upload"),
        (sum(1 for step in plan.steps if isinstance(step, Restore)), "restored version"),
        (len(plan.deletions), "deletion"),
    ]
    parts = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in numbers if number]
    parts += ["an update of the environment"] if plan.update else []
    return ", ".join(parts) or "nothing to do"
