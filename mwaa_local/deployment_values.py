"""What one value of `[deployments.NAME]` may be: bucket names, keys, patterns, and `${VARIABLE}` in any text."""

import re
from collections.abc import Mapping
from dataclasses import replace

from mwaa_local.config_values import Given, check_text

KEY_BYTES = 1024
"""S3's limit for a key."""

_VARIABLE = re.compile(r"\$\$|\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::(.+)")
_RESERVED = (("xn--", "sthree-", "amzn-s3-demo-"), ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
_PROFILE = re.compile(r"[^\s\[\]]+( [^\s\[\]]+)*")


def expand(given: Given, environ: Mapping[str, str]) -> Given:
    """Replace `${VARIABLE}` in a text, or in each text of a list, and `$$` by a dollar; other values stay."""

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "$"
        if not _VARIABLE_NAME.fullmatch(name):
            raise given.error(f"holds {found[0]}, which names no variable", "For example: ${ENV}.")
        if not environ.get(name):
            raise given.error(
                f"needs the environment variable {name}, which is not set",
                f"Set it, for example: {name}=staging mwaa-local ...",
            )
        return environ[name]

    def expanded(value: object) -> object:
        return _VARIABLE.sub(value_of, value) if isinstance(value, str) else value

    value = given.value
    return replace(
        given, value=[expanded(each) for each in value] if isinstance(value, list) else expanded(value)
    )


def check_bucket(given: Given) -> str:
    """Return a bucket's name as S3 takes it."""
    name = check_text(given)
    arn = _BUCKET_ARN.fullmatch(name)
    if name.startswith("s3://") or arn:
        plain = (arn[1] if arn else name.removeprefix("s3://")).split("/")[0]
        raise given.error(
            f"cannot be {name!r}", f'Give the bare name: "{plain}". Keys have their own settings.'
        )
    starts, ends = _RESERVED
    if (
        not _BUCKET.fullmatch(name)
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(starts)
        or name.endswith(ends)
    ):
        raise given.error(
            f"cannot be {name!r}",
            "Bucket names are 3 to 63 lower-case letters, digits, dots and hyphens, and begin and end with a "
            "letter or digit; a few prefixes and suffixes are S3's own.",
        )
    return name


def check_key(given: Given) -> str:
    """Return a key or a prefix of the bucket, which neither begins nor ends with a slash."""
    key = check_text(given)
    if key.startswith("s3://"):
        rest = key.removeprefix("s3://").partition("/")[2].strip("/")
        raise given.error(
            f"cannot be {key!r}", f'Leave the bucket out: "{rest or given.name.partition("_")[0]}".'
        )
    if key != key.strip("/"):
        where = "begins" if key.startswith("/") else "ends"
        plain = key.strip("/")
        hint = f'Write it without: "{plain}".' if plain else "The bucket itself cannot be given to MWAA."
        raise given.error(f"cannot be {key!r}: it {where} with a slash", hint)
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise given.error(
            f"cannot be {key!r}", 'S3 has no "//", "." or ".." as folders: write the plain path.'
        )
    if "\\" in key or not key.isprintable():
        raise given.error(f"cannot be {key!r}", "Use slashes between folders, and printable characters.")
    if len(key.encode()) > KEY_BYTES:
        raise given.error("is too long", f"S3 takes keys of up to {KEY_BYTES} bytes.")
    return key


def check_profile_name(given: Given) -> str:
    """Return the name of a profile of the AWS configuration."""
    name = check_text(given)
    if not _PROFILE.fullmatch(name):
        raise given.error(f"cannot be {name!r}", "Give the name of a profile in ~/.aws/config.")
    return name


def check_patterns(given: Given) -> tuple[str, ...]:
    """Return patterns as in .gitignore; one text stands for a list of one."""
    values = [given.value] if isinstance(given.value, str) else given.value
    if not isinstance(values, list) or not values:
        raise given.error("must be a list of patterns", 'For example: include = ["etl/", "/.airflowignore"]')
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise given.error(f"holds {value!r}, which is no pattern", 'For example: include = ["etl/"]')
    return tuple(values)
