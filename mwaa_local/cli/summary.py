"""What `start` says of an environment: addresses, versions, what differs from MWAA, DAGs and import errors."""

from dataclasses import asdict, dataclass
from typing import Any

from mwaa_local.catalog import difference_from_stock
from mwaa_local.cli.render import render_fact
from mwaa_local.config import LoadedConfig
from mwaa_local.runtime.backend import Runtime
from mwaa_local.runtime.dag_discovery import find_candidates, load_settled
from mwaa_local.runtime.metadata import ImportFailure
from mwaa_local.runtime.start_record import StartRecord
from mwaa_local.validation.dag_folder import ignore_dialect, list_dag_folder

SHOWN_DAGS = 10
USER = "admin"


@dataclass(frozen=True, slots=True)
class StartSummary:
    """A running environment in a user's words."""

    name: str
    url: str
    user: str
    password_file: str
    version: str
    python: str
    amazon_provider: str | None
    aws_endpoint: str
    executor: str
    aws: str
    differences: tuple[str, ...]
    dags: tuple[str, ...]
    paused: tuple[str, ...]
    import_errors: tuple[ImportFailure, ...]
    started: bool
    """False where it was running already."""

    def as_document(self) -> dict[str, Any]:
        """Return the form that `--json` prints."""
        document = asdict(self)
        document["import_errors"] = [
            {"file": each.file, "cause": each.cause, "traceback": each.reason} for each in self.import_errors
        ]
        return document


def build_summary(
    runtime: Runtime, record: StartRecord, loaded: LoadedConfig, *, started: bool
) -> StartSummary:
    """Collect the summary of a running environment."""
    dags = runtime.project.dags
    files = find_candidates(dags, list_dag_folder(dags, ignore_dialect(loaded)).python)
    metadata = load_settled(runtime.metadata(), files, runtime.folder, runtime.host.clock)
    return StartSummary(
        name=record.environment,
        url=f"http://127.0.0.1:{record.ports.webserver}",
        user=USER,
        password_file=str(runtime.folder.secrets),
        version=record.version,
        python=record.python,
        amazon_provider=record.amazon_provider,
        aws_endpoint=f"http://127.0.0.1:{record.ports.aws}",
        executor=record.executor,
        aws=record.aws,
        differences=difference_from_stock(loaded.version, loaded.config.amazon_provider),
        dags=tuple(dag.dag_id for dag in metadata.dags),
        paused=tuple(dag.dag_id for dag in metadata.dags if dag.is_paused),
        import_errors=metadata.import_errors,
        started=started,
    )


def render_summary(summary: StartSummary) -> str:
    """Return the lines that `start` ends with; no line is longer than its facts make it."""
    provider = f", amazon provider {summary.amazon_provider}" if summary.amazon_provider else ""
    lines = [
        f"{summary.name} is {'ready' if summary.started else 'running already'}.",
        "",
        f"  Airflow UI   {summary.url}",
        f"  User         {summary.user}   (password: mwaa-local status --show-password)",
        f"  Version      Airflow {summary.version}{provider}",
        f"  AWS          {summary.aws_endpoint if summary.aws == 'local' else summary.aws}",
    ]
    for text in summary.differences:
        lines += render_fact("Differs", text, 15)
    shown = ", ".join(summary.dags[:SHOWN_DAGS]) + (" ..." if len(summary.dags) > SHOWN_DAGS else "")
    lines += render_fact("DAGs", f"{len(summary.dags)}" + (f": {shown}" if shown else ""), 15)
    if summary.import_errors:
        lines.append(f"  Import errors ({len(summary.import_errors)})")
        lines += [f"    {failure.file}: {failure.cause}" for failure in summary.import_errors]
    return "\n".join(lines)
