"""Which certificates programs trust that talk to an environment's web server: what they do anyway, and our authority.

The variables name one file, in place of what a program trusts otherwise: so that file has everything.
"""

import datetime
import importlib.util
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from mwaa_local.aws.web_doors.settings import AUTHORITY, authority_certificate
from mwaa_local.runtime.state import write_private

BUNDLE_VARIABLES = ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Where curl, Python and the SDKs look for the certificates that they trust."""
TASK_VARIABLES = BUNDLE_VARIABLES[1:]
"""Those that tasks get; their AWS is not reached over HTTPS."""
SYSTEM = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/cert.pem"),
    Path("/etc/ssl/cert.pem"),
)
"""The store of Debian and its like, of Red Hat's, of Alpine and macOS."""
END = "-----END CERTIFICATE-----"


def write_bundle(bundle: Path, environ: Mapping[str, str], authority: Path, *, for_all: bool = False) -> None:
    """Write the certificates that the user's programs trust already, and the authority's.

    `for_all`: also what programs trust for which none of the variables is set, as the file will be for them as well.
    """
    paths = [*_named(environ, bundle)]
    paths += _usual() if for_all or not paths else ()
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in dict.fromkeys(paths)]
    write_private(bundle, "".join(_certificates("".join((*texts, authority.read_text(encoding="ascii"))))))


def ensure_certificate(cache: Path) -> Path:
    """Return the certificate of the user's authority, which the first environment to start makes."""
    path = authority_certificate(cache)
    if not path.is_file():
        make_authority(cache / AUTHORITY)
    return path


def make_authority(folder: Path) -> None:
    """Make an authority in a folder, if there is none."""
    # Cryptography takes a moment to import, once for each user.
    from mwaa_local.aws.web_doors.authority import ensure_authority

    ensure_authority(folder, datetime.datetime.fromtimestamp(time.time(), datetime.UTC))


def _named(environ: Mapping[str, str], ours: Path) -> Iterator[Path]:
    """Yield the bundles that a user's variables name."""
    named = (Path(environ[name]) for name in BUNDLE_VARIABLES if environ.get(name))
    yield from (path for path in named if _is_readable(path) and path.name != ours.name)


def _usual() -> list[Path]:
    """Return the system's bundle and botocore's, which is everybody's."""
    botocore = importlib.util.find_spec("botocore")
    packaged = [Path(botocore.origin).parent / "cacert.pem"] if botocore and botocore.origin else []
    return [path for path in (*SYSTEM, *packaged) if _is_readable(path)]


def _is_readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


def _certificates(text: str) -> Iterator[str]:
    """Yield each certificate once: files of several origins hold the same ones."""
    seen = set()
    for part in text.split(END)[:-1]:
        _, _, body = part.rpartition("-----BEGIN CERTIFICATE-----")
        if "".join(body.split()) not in seen:
            seen.add("".join(body.split()))
            yield f"-----BEGIN CERTIFICATE-----\n{body.strip()}\n{END}\n"
