"""The endpoint process: `python -m mwaa_local.aws.server --port N --state DIR [...]`.

Serves the environment's AWS on 127.0.0.1 (in a container on its network) until SIGTERM, or until the process given by
--parent is no longer its parent.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.aws.account import ACCOUNT_ID, CREDENTIALS_PATH, HEALTH_PATH, TOKEN_VARIABLE
from mwaa_local.aws.environment_settings import SETTINGS_VARIABLE
from mwaa_local.aws.listening import listen_early, make_server
from mwaa_local.aws.web_doors.settings import (
    LOOPBACK,
    add_door_options,
    open_asked_doors,
    take_key,
    web_server_hostname,
)
from mwaa_local.errors import MwaaLocalError

if TYPE_CHECKING:
    from mwaa_local.aws.access_keys import AccessKeys
    from mwaa_local.aws.application import Environ, Handler
    from mwaa_local.aws.home_bucket import HomeBucket
    from mwaa_local.aws.metrics.figures import Machine
    from mwaa_local.aws.mwaa_api.backend import EnvironmentBackend
    from mwaa_local.aws.mwaa_api.handler import MwaaApi
    from mwaa_local.aws.mwaa_api.work import Work
    from mwaa_local.aws.persistence import S3Store
    from mwaa_local.aws.persistence_services import ServiceStore
    from mwaa_local.aws.queues import QueueStore

    MakeBackend = Callable[[argparse.Namespace, S3Store], EnvironmentBackend]
    MakeHome = Callable[[argparse.Namespace, S3Store], HomeBucket | None]

JOURNAL = "queues.jsonl"

NO_CREATION = (
    "This endpoint runs in a container and cannot start environments: start the project with "
    "`mwaa-local start --runtime native` to create some."
)

log = logging.getLogger("mwaa_local.aws")


def main(
    arguments: Sequence[str] | None = None,
    make_backend: "MakeBackend | None" = None,
    make_home: "MakeHome | None" = None,
    machine: "Machine | None" = None,
) -> int:
    """Serve; return 0 after SIGTERM or the parent's end, or the error's exit code.

    `make_backend` gives what runs the environments of the MWAA API; without it they are records only. `make_home` gives
    what fills the project's own bucket, `machine` what tells how much processes use.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log.setLevel(logging.INFO)
    _configure_moto()
    try:
        _serve(options, make_backend, make_home, machine)
    except MwaaLocalError as error:
        log.error("%s %s", error.message, error.hint)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mwaa_local.aws.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--state", type=Path, required=True, help="folder that keeps queues, objects, environments"
    )
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--queue", default="", help="the Celery queue to create")
    parser.add_argument("--bucket", default="", help="the environment's bucket to create")
    parser.add_argument("--secrets", type=Path, help="YAML or .env file of connections and variables")
    parser.add_argument("--airflow", default="", help="Airflow version that reads the secrets")
    parser.add_argument(
        "--profile", default="", help=f"serve this profile's credentials (token in {TOKEN_VARIABLE})"
    )
    parser.add_argument(
        "--parent", type=int, default=0, help="stop when this is no longer the parent process"
    )
    parser.add_argument("--served-as", default="", help="the endpoint's name in a network of containers")
    _add_mwaa_options(parser)
    add_door_options(parser)
    return parser


def _add_mwaa_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the MWAA API; `mwaa-local start` hands their variables on."""
    parser.add_argument(
        "--strict-support",
        action="store_true",
        default=os.environ.get("MWAA_LOCAL_STRICT_SUPPORT", "").lower() in ("1", "true", "yes"),
        help="refuse versions past their end of support, as MWAA does",
    )
    parser.add_argument(
        "--realistic-times",
        type=float,
        nargs="?",
        const=1.0,
        default=os.environ.get("MWAA_LOCAL_REALISTIC_TIMES") or 0.0,
        metavar="FACTOR",
        help="environments take as long as on MWAA (times FACTOR)",
    )
    parser.add_argument(
        "--require-credentials",
        type=Path,
        default=os.environ.get("MWAA_LOCAL_REQUIRE_CREDENTIALS") or None,
        metavar="FILE",
        help="take requests of these access keys only: ID [SECRET [ROLE]] a line",
    )


def _configure_moto() -> None:
    """Set what moto reads when it is imported: so nothing of moto may be imported before."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT_ID
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)


def _serve(
    options: argparse.Namespace,
    make_backend: "MakeBackend | None",
    make_home: "MakeHome | None",
    machine: "Machine | None",
) -> None:
    # Imported here, after _configure_moto.
    from mwaa_local.aws.access_keys import load_access_keys
    from mwaa_local.aws.application import Endpoint
    from mwaa_local.aws.guard import Guard
    from mwaa_local.aws.log_groups import LogGroups
    from mwaa_local.aws.metrics.service import start_metrics

    listener = listen_early(options)
    key = take_key(os.environ)
    store, objects, services = _restored(options)
    # In a container there is no room for further environments, which would be containers, too.
    backend = make_backend(options, objects) if make_backend and options.listen == LOOPBACK else None
    keys = load_access_keys(options.require_credentials) if options.require_credentials else {}
    home = make_home(options, objects) if make_home else None
    api, work = _mwaa_api(options, backend, key, keys)
    api.environments.home_files = home.settings if home else dict

    @contextmanager
    def recording(environ: "Environ") -> Iterator[None]:
        with objects.recording():
            yield
        services.record(str(environ.get("HTTP_X_AMZ_TARGET", "")))

    logs = LogGroups(api.environments.all, options.state, options.environment)
    metrics = start_metrics(options, api.environments, machine)

    def prepare(environ: "Environ") -> None:
        if home is not None:
            home.prepare(environ)
        logs.prepare(environ)
        metrics.prepare(environ)

    guard = Guard(keys, api.is_for) if keys else None
    application = Endpoint(_handlers(options, store), api, recording, prepare, guard, options.served_as)
    server = make_server(options, application, listener)
    open_asked_doors(options, key)
    log.info("serving on http://%s:%d", options.listen, options.port)
    work.resume()
    try:
        server.serve_forever()
    finally:
        work.end()
        metrics.end()


def _restored(options: argparse.Namespace) -> "tuple[QueueStore, S3Store, ServiceStore]":
    """Return what keeps queues, objects and secrets, with all that was in them and what the options name."""
    from mwaa_local.aws import persistence
    from mwaa_local.aws.journal import Journal
    from mwaa_local.aws.persistence_services import ServiceStore
    from mwaa_local.aws.queues import install
    from mwaa_local.aws.secrets import load_secrets
    from mwaa_local.aws.seeding import Seed, apply_seed

    options.state.mkdir(parents=True, exist_ok=True)
    secrets = load_secrets(options.secrets, options.airflow) if options.secrets else ()
    store = install(Journal(options.state / JOURNAL))
    objects = persistence.install(options.state)
    services = ServiceStore(options.state)
    services.restore()
    with objects.recording():
        apply_seed(Seed(options.region, options.queue, options.bucket, secrets))
    return store, objects, services


def _mwaa_api(
    options: argparse.Namespace, backend: "EnvironmentBackend | None", key: bytes, keys: "AccessKeys"
) -> "tuple[MwaaApi, Work]":
    from mwaa_local.aws.environments.home import Home, WithHome, home_environment
    from mwaa_local.aws.mwaa_api.assembly import ApiOptions, assemble
    from mwaa_local.aws.mwaa_api.records_only import RecordsOnly
    from mwaa_local.aws.mwaa_api.work import Pace

    others = backend or RecordsOnly(f"localhost:{options.port}")
    pace = Pace(options.realistic_times)
    api_options = ApiOptions(options.state, options.region, options.strict_support, pace, keys)
    if options.listen != LOOPBACK:
        api_options = replace(api_options, no_creation=NO_CREATION)
    if not options.doors_port:
        return assemble(api_options, others, time.time)
    home = Home(
        name=options.environment,
        version=options.airflow,
        region=options.region,
        bucket=options.bucket,
        queue=options.queue,
        settings=os.environ.pop(SETTINGS_VARIABLE, ""),
        web_host=web_server_hostname(options.doors_port),
        web_port=options.web_port,
        key=key,
        inner_host=options.web_host,
    )
    api_options = replace(api_options, home=home_environment(home, time.time()))
    return assemble(api_options, WithHome(home, others), time.time)


def _handlers(options: argparse.Namespace, store: "QueueStore") -> "dict[str, Handler]":
    """Return what answers on our own paths."""
    from mwaa_local.aws.application import health
    from mwaa_local.aws.queue_paths import queue_handlers

    handlers: dict[str, Handler] = {HEALTH_PATH: health, **queue_handlers(store)}
    if options.profile:
        from mwaa_local.aws.credentials import credentials_handler

        handlers[CREDENTIALS_PATH] = credentials_handler(options.profile, os.environ.pop(TOKEN_VARIABLE, ""))
    return handlers


if __name__ == "__main__":
    raise SystemExit(main())
