"""Proves an offline bundle: installs it with MWAA's pip into a copy of MWAA's environment, with the network cut off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.deploy.bundle_folder import WHEELS
from mwaa_local.deploy.requirements_bundle import PACKAGED_FILE, PLUGINS
from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner

LIMIT = 540.0
"""Seconds: MWAA gives the installation nine minutes."""

_NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody answers there."""

_CUT_OFF = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_RETRIES": "0",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_INDEX_URL": f"{_NOWHERE}/simple",
    **dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), _NOWHERE
    ),
}


@dataclass(frozen=True, slots=True)
class OfflineInstall:
    """How the installation went."""

    succeeded: bool
    output: str
    without_network: bool
    """The process had no network at all (as root on Linux), rather than one that leads nowhere."""


def install_offline(
    bundle: Path, python: Path, work: Path, commands: CommandRunner, environ: Mapping[str, str]
) -> OfflineInstall:
    """Install `bundle/packaged_requirements.txt` into the environment of `python`, which is changed by that."""
    text = (bundle / PACKAGED_FILE).read_text(encoding="utf-8")
    file = work / PACKAGED_FILE
    # As an address: in an option, a path with a space would be two words.
    file.write_text(text.replace(PLUGINS, (bundle / WHEELS).resolve().as_uri()), encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "-r", str(file)]
    isolated = _isolation(commands)
    variables = {
        "PATH": environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(work),
        "LC_ALL": "C.UTF-8",
        **_CUT_OFF,
    }
    result = commands.run([*isolated, *command], env=variables, cwd=work, timeout=LIMIT)
    return OfflineInstall(result.exit_code == 0, (result.stdout + result.stderr).strip(), bool(isolated))


def _isolation(commands: CommandRunner) -> Sequence[str]:
    """Return what a command starts with to have no network, where this user may do that."""
    for prefix in (["unshare", "-n"], ["unshare", "-r", "-n"]):
        try:
            if commands.run([*prefix, "true"], timeout=10).exit_code == 0:
                return prefix
        except CommandError:
            return ()
    return ()
