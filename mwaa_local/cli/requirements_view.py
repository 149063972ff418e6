"""The verdict on requirements as people read it, and as fields of a JSON document."""

from datetime import UTC, datetime

from mwaa_local.cli.finding_report import count, render_report
from mwaa_local.cli.render import paint, render_table
from mwaa_local.validation.file_rules import NEWER_SYSTEM
from mwaa_local.validation.package_verdict import PackageVerdict
from mwaa_local.validation.requirements_verdict import Verdict

_DECIDED = {
    "line": "the line",
    "constraint": "the constraints",
    "essential": "MWAA's essential constraints",
    "installed": "installed already",
    "index": "the newest that fits",
}


def verdict_fields(verdict: Verdict, asked: float | None = None) -> dict[str, object]:
    """Return the verdict for programs, beside its findings; `asked`: when the index was, in seconds of the epoch."""
    return {
        "airflow": verdict.airflow,
        "amazon_provider": verdict.amazon_provider,
        "python": verdict.python,
        "pip": verdict.pip,
        "installs": verdict.installs,
        "works": verdict.works,
        "forced_constraints": verdict.forced_constraints,
        "watchtower_put_back": verdict.watchtower_put_back or None,
        "estimated_seconds": round(verdict.estimated_seconds),
        "trial": [{"step": name, "ok": ok} for name, ok in verdict.tried] or None,
        "index_asked": asked if asked is None else _moment(asked).isoformat(timespec="seconds"),
        "lines": [
            {
                "file": line.location.file,
                "line": line.location.line,
                "text": line.text,
                "name": line.name or None,
                "version": version or None,
            }
            for line, version in verdict.lines
        ],
        "packages": [_package_object(package) for package in verdict.packages],
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _package_object(package: PackageVerdict) -> dict[str, object]:
    return {
        "name": package.name,
        "version": package.version or None,
        "before": package.before,
        "changed": package.is_changed,
        "decided_by": package.decided_by,
        "location": str(package.location) if package.location else None,
        "required_by": list(package.required_by),
    }


def render_verdict(verdict: Verdict, asked: float | None = None, *, coloured: bool) -> str:
    """Return the verdict for people; `asked`: when the index was, where that is worth saying."""
    provider = f", amazon provider {verdict.amazon_provider}" if verdict.amazon_provider else ""
    lines = [f"MWAA {verdict.airflow}: Python {verdict.python}, pip {verdict.pip}{provider}", ""]
    lines += _line_table(verdict)
    lines += _changes(verdict)
    if verdict.findings:
        lines += [render_report(verdict.findings, coloured=coloured), ""]
    if verdict.tried:
        lines += [_trial(verdict), ""]
    if asked is not None:
        lines.append(f"The index was asked at {_moment(asked).astimezone():%H:%M} (--refresh asks it anew).")
    return "\n".join([*lines, conclusion(verdict, coloured=coloured)])


def _line_table(verdict: Verdict) -> list[str]:
    if not verdict.lines:
        return []
    packages = {package.name: package for package in verdict.packages}
    rows = []
    for line, version in verdict.lines:
        package = packages.get(line.name)
        rows.append((str(line.location), line.text, version or "?", _why(package) if package else ""))
    return [*("  " + each for each in render_table(("LINE", "ASKS FOR", "GETS", "DECIDED BY"), rows)), ""]


def _why(package: PackageVerdict) -> str:
    place = f" ({package.location})" if package.location and package.decided_by == "constraint" else ""
    return _DECIDED[package.decided_by] + place


def _changes(verdict: Verdict) -> list[str]:
    changed = [package for package in verdict.packages if package.is_changed]
    added = [f"{each.name} {each.version}".rstrip() for each in changed if each.before is None]
    replaced = [f"{each.name} {each.before} -> {each.version}" for each in changed if each.before is not None]
    lines = []
    if added:
        lines.append(f"  Adds {len(added)}: {', '.join(added)}")
    if replaced:
        lines.append(f"  Changes {len(replaced)}: {', '.join(replaced)}")
    if verdict.watchtower_put_back:
        lines.append(f"  MWAA puts back: watchtower {verdict.watchtower_put_back}")
    if verdict.installs and not changed:
        lines.append("  Changes nothing: all of it is installed already.")
    return [*lines, ""] if lines else []


def _trial(verdict: Verdict) -> str:
    steps = ", ".join(f"{name} {'ok' if ok else 'FAILED'}" for name, ok in verdict.tried)
    return f"Installed for real with pip {verdict.pip}: {steps}."


def conclusion(verdict: Verdict, *, coloured: bool) -> str:
    """Return the verdict in one sentence."""
    if not verdict.installs:
        text, colour = "pip on MWAA refuses this and installs nothing; Airflow starts without it", "red"
    elif not verdict.works:
        text, colour = "pip on MWAA installs this, and it breaks Airflow", "red"
    elif any(finding.rule_id == NEWER_SYSTEM for finding in verdict.findings):
        text, colour = (
            "pip installs this; MWAA's system is older than some wheels, and may not manage it",
            "yellow",
        )
    else:
        text, colour = "pip on MWAA installs this, and Airflow works afterwards", "green"
    return f"{paint(text, colour, coloured=coloured)} ({count(verdict.findings)})."
