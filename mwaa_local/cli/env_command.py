"""env: the variables with which other programs reach this environment's AWS, for a shell or as JSON."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from mwaa_local.aws.access_keys import own_key
from mwaa_local.aws.web_doors.settings import authority_certificate
from mwaa_local.cli.look import Look, look
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.trust import BUNDLE_VARIABLES, write_bundle
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.stack import parse_stack

BUNDLE = "ca-bundle.pem"
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
"""What would lead a client elsewhere, or spoil the credentials."""
OLD_CLIENTS = """\
For a shell: eval "$(mwaa-local env aws)"
botocore before 1.37.5 has no such switch for the prefixes `api.` and `env.` of MWAA's host names: pass
Config(inject_host_prefix=False) there; before 1.31 pass endpoint_url, or --endpoint-url, as well."""


@click.group(name="env")
def env_command() -> None:
    """Print variables for other programs."""


@env_command.command("aws")
@project_option
@json_option
def aws_command(folder: Path, as_json: bool) -> None:
    """Print the variables with which the AWS CLI and SDKs reach this environment's AWS, MWAA's API included.

    For the shell at hand: eval "$(mwaa-local env aws)"
    """
    seen = look(folder)
    seen.running()
    variables = aws_variables(seen, os.environ)
    if as_json:
        click.echo(json.dumps({**variables, **dict.fromkeys(UNSET)}, indent=2))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f"unset {' '.join(UNSET)}")
    click.echo(OLD_CLIENTS, err=True)


def aws_variables(seen: Look, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables; the bundle of certificates that they name is written."""
    stack = parse_stack(seen.folder.stack.read_text(encoding="utf-8", errors="replace"))
    roles = [dict(service.environment) for service in stack.services if service.role]
    of_tasks = roles[0] if roles else {}
    region = of_tasks.get("AWS_REGION", "us-east-1")
    key = own_key(next((dict(each.environment) for each in stack.services if each.name == "aws"), {}))
    variables = {
        # Tasks may have been given the real AWS: this is the local one all the same.
        "AWS_ENDPOINT_URL": of_tasks.get("AWS_ENDPOINT_URL", f"http://127.0.0.1:{seen.running().ports.aws}"),
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    authority = authority_certificate(cache_folder(environ, Path.home()))
    if authority.is_file():
        bundle = seen.folder.root / "run" / BUNDLE
        write_bundle(bundle, environ, authority)
        variables |= dict.fromkeys(BUNDLE_VARIABLES, str(bundle))
        variables["NODE_EXTRA_CA_CERTS"] = str(authority)
    return variables
