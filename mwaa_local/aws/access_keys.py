"""Who may use the local account, where credentials are required: a list of access keys in a file of the user's.

A line is `ID [SECRET [ROLE]]`: without a secret signatures are not checked; ROLE is the Airflow role that the MWAA API
gives, or `-` for none. The first key is the one that the environment itself uses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.aws.account import ACCESS_KEY, SECRET_KEY
from mwaa_local.errors import AwsError
from mwaa_local.mwaa_tokens import AirflowRole

FORMAT = "Write one access key a line: ID [SECRET [ROLE]]."
NO_ROLE = "-"
CONSUMER_MARK = "~"
"""Workers sign as ID~NAME, so that the endpoint knows whose messages it takes back."""
REQUIRE_VARIABLE = "MWAA_LOCAL_REQUIRE_CREDENTIALS"


@dataclass(frozen=True, slots=True, repr=False)
class AccessKey:
    """A key of the list."""

    id: str
    secret: str = ""
    """Empty: signatures are not checked."""
    role: str = ""
    """As the line says; empty: the id tells."""


AccessKeys = Mapping[str, AccessKey]


def load_access_keys(file: Path) -> AccessKeys:
    """Read a list, in its order; AwsError if that cannot be."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AwsError(f"{file}: the access keys cannot be read: {error}.", hint=FORMAT) from error
    keys = {key.id: key for key in _parse(file, lines)}
    if not keys:
        raise AwsError(f"{file} has no access key.", hint=FORMAT)
    return keys


def _parse(file: Path, lines: list[str]) -> Iterator[AccessKey]:
    roles = [str(role).lower() for role in AirflowRole]
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 3:
            raise AwsError(f"{file}, line {number}: there are {len(words)} words.", hint=FORMAT)
        if len(words) == 3 and words[2] != NO_ROLE and words[2].lower() not in roles:
            raise AwsError(
                f"{file}, line {number}: {words[2]} is no role of Airflow.",
                hint=f"Roles are {', '.join(AirflowRole)}, or {NO_ROLE} for none.",
            )
        yield AccessKey(*words)


def own_key(environ: Mapping[str, str]) -> AccessKey:
    """Return the key that an environment itself uses; AwsError if its list cannot be read."""
    file = environ.get(REQUIRE_VARIABLE)
    if not file:
        return AccessKey(ACCESS_KEY, SECRET_KEY)
    first = next(iter(load_access_keys(Path(file)).values()))
    return AccessKey(first.id, first.secret or SECRET_KEY)


def key_id(signed_with: str) -> str:
    """Return the id in what a request was signed with: without the name of a worker."""
    return signed_with.partition(CONSUMER_MARK)[0]


def consumer_of(signed_with: str) -> str:
    """Return which consumer of a queue a request is from: a worker's name, or whatever was signed with."""
    _, _, name = signed_with.partition(CONSUMER_MARK)
    return name or signed_with


def role_of(signed_with: str, keys: AccessKeys | None = None) -> AirflowRole | None:
    """Return the Airflow role of a caller, None if it has none.

    On AWS the role is in the ARN of the caller's policy. The local account has no policies: the list says it, or the
    end of the id (`me-Viewer`); else it is Admin.
    """
    known = (keys or {}).get(key_id(signed_with))
    if known is not None and known.role == NO_ROLE:
        return None
    asked = (known.role if known is not None and known.role else signed_with.rpartition("-")[2]).lower()
    return next((role for role in AirflowRole if role.lower() == asked), AirflowRole.ADMIN)
