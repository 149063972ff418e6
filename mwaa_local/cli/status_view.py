"""What `status` prints."""

import signal

from mwaa_local.cli.render import paint, render_duration, render_fact, render_table
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.environment_status import EnvironmentStatus, Health
from mwaa_local.runtime.scaling_record import ScalingReport
from mwaa_local.runtime.state import ServiceReport

SERVICE_HEADER = ("SERVICE", "STATE", "FOR", "PID", "RESTARTS", "LAST EXIT")
NEXT_STEP = {
    Health.STOPPED: "Start it: mwaa-local start",
    Health.DIED: "Its supervisor ended unexpectedly. Start it again: mwaa-local start (everything is kept)",
    Health.UNHEALTHY: "See why: mwaa-local logs SERVICE",
}


def render_exit(code: int | None) -> str:
    """Return an exit code, or the name of the signal that ended the process."""
    if code is None:
        return "-"
    if code >= 0:
        return str(code)
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def render_status(status: EnvironmentStatus, now: float, *, coloured: bool) -> str:
    """Return what `status` prints."""
    lines = [f"{status.name} is {_health(status.health, coloured=coloured)}.", ""]
    if status.url:
        password = status.password or "see: mwaa-local status --show-password"
        lines += [
            f"  Airflow UI  {status.url}",
            f"  User        admin, password {status.password}"
            if status.password
            else f"  User        admin ({password})",
        ]
    provider = f", amazon provider {status.amazon_provider}" if status.amazon_provider else ""
    lines.append(f"  Version     Airflow {status.version}{provider}")
    for text in status.differences or ("in nothing from stock MWAA",):
        lines += render_fact("Differs", text)
    lines.append(f"  Executor    {status.executor}")
    if status.scaling is not None and status.health is not Health.DIED:
        lines.append(f"  Workers     {_scaling(status.scaling)}")
    if status.compose_project:
        lines.append(f"  Containers  of the Compose project {status.compose_project}")
    lines += _aws_lines(status)
    if status.services and status.health is not Health.STOPPED:
        lines += ["", *_service_lines(status.services, now, coloured=coloured)]
    step = NEXT_STEP.get(status.health)
    return "\n".join([*lines, "", step] if step else lines)


def _health(health: Health, *, coloured: bool) -> str:
    words = {
        Health.HEALTHY: ("running and healthy", "green"),
        Health.STARTING: ("starting", "yellow"),
        Health.UNHEALTHY: ("running, but not healthy", "red"),
        Health.STOPPED: ("not running", "yellow"),
        Health.DIED: ("not running: it died", "red"),
    }
    text, colour = words[health]
    return paint(text, colour, coloured=coloured)


def _scaling(report: ScalingReport) -> str:
    tasks = "the queue is not known yet"
    if report.running_tasks is not None:
        tasks = f"{report.running_tasks} running and {report.queued_tasks} queued tasks"
    return f"{report.workers} of {report.minimum} to {report.maximum} ({tasks})"


def _aws_lines(status: EnvironmentStatus) -> list[str]:
    if status.aws_endpoint is None:
        return [f"  AWS         {status.aws}"]
    return [
        f"  AWS         {status.aws_endpoint}",
        f"              aws --endpoint-url {status.aws_endpoint} s3 ls",
        "              (any credentials will do; `mwaa-local shell` has all of it set)",
    ]


def _service_lines(services: tuple[ServiceReport, ...], now: float, *, coloured: bool) -> list[str]:
    rows = [
        (
            service.name,
            "leaving" if service.leaving else service.phase.value,
            render_duration(now - service.since),
            str(service.pid or "-"),
            str(service.restarts),
            render_exit(service.last_exit),
        )
        for service in services
    ]
    header, *lines = render_table(SERVICE_HEADER, rows)
    painted = [
        line if service.phase is Phase.HEALTHY else paint(line, "yellow", coloured=coloured)
        for line, service in zip(lines, services, strict=True)
    ]
    notes = [f"{service.name}: {service.note}." for service in services if service.note]
    return ["  " + line for line in (header, *painted, *notes)]
