"""Watches what a start has begun until every service is healthy, and says which one failed and why."""

from dataclasses import dataclass

from mwaa_local.errors import RoleFailedError
from mwaa_local.runtime.convergence import Phase
from mwaa_local.runtime.environment_status import is_healthy
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.leftovers import is_running
from mwaa_local.runtime.metadata import MetadataClient
from mwaa_local.runtime.preparation import Prepared
from mwaa_local.runtime.service_logs import tail
from mwaa_local.runtime.state import ServiceReport, StateFolder, load_status

FAILURES_TO_GIVE_UP = 3
SPAWN_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class StartWatch:
    """Watches the environment of one state folder."""

    folder: StateFolder
    host: Host

    def wait(self, prepared: Prepared, patience: float) -> None:
        """Return when every service is healthy; RoleFailedError where one keeps ending, or is late."""
        clock = self.host.clock
        deadline = clock.monotonic() + patience
        spawned = clock.monotonic()
        admin_is_set = not prepared.has_login
        while True:
            reports = {report.name: report for report in load_status(self.folder) if not report.leaving}
            database = reports.get("postgres")
            if not admin_is_set and database is not None and database.phase is Phase.HEALTHY:
                python = prepared.environment.environment.python
                client = MetadataClient(python, prepared.database_url, self.host.commands)
                client.set_admin_password(prepared.secrets.admin_password)
                admin_is_set = True
            if is_healthy(reports.values()):
                return
            for report in reports.values():
                if report.failures >= FAILURES_TO_GIVE_UP and not report.was_healthy:
                    raise self._failure(
                        report, f"ended {report.failures} times (exit code {report.last_exit})"
                    )
            if clock.monotonic() > deadline:
                late = [report for report in reports.values() if report.phase is not Phase.HEALTHY]
                if late:
                    raise self._failure(late[0], f"was not healthy after {patience:.0f} s")
                raise self._supervisor_failure()
            if (
                not reports
                and clock.monotonic() - spawned > SPAWN_PATIENCE
                and not is_running(self.folder, self.host.watch)
            ):
                raise self._supervisor_failure()
            clock.sleep(0.05)

    def _failure(self, report: ServiceReport, what: str) -> RoleFailedError:
        lines = tail(self.folder.log(report.name), 15) or tail(self.folder.log("launcher"), 15)
        hint = f"the whole log: mwaa-local logs {report.name}"
        if report.name == "postgres":
            hint += "; if its data are damaged, start with an empty database: mwaa-local reset-db"
        return RoleFailedError(
            f"The {report.name} {what}. Its last log lines:\n" + "\n".join(f"    {line}" for line in lines),
            hint=hint,
        )

    def _supervisor_failure(self) -> RoleFailedError:
        lines = tail(self.folder.log("supervisor"), 15)
        return RoleFailedError(
            "The supervisor did not start:\n" + "\n".join(f"    {line}" for line in lines),
            hint="run `mwaa-local doctor`",
        )
