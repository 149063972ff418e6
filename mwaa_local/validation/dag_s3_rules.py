"""Rules about places in S3 as code names them: addresses, buckets and keys that S3 does not take as they are meant."""

import ast
import re
from collections.abc import Iterator

from mwaa_local.validation.dag_source import DagSource
from mwaa_local.validation.rule import Problem, Surroundings, problem_at

_ADDRESS = re.compile(r"[sS]3[anAN]?:/+\S*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_ARGUMENTS = frozenset(
    {"bucket", "bucket_name", "s3_bucket", "dest_bucket", "dest_bucket_name", "source_bucket_name", "Bucket"}
)
_KEY_ARGUMENTS = frozenset(
    {
        "key",
        "s3_key",
        "bucket_key",
        "dest_bucket_key",
        "source_bucket_key",
        "dest_s3_key",
        "source_s3_key",
        "Key",
    }
)
_LONGEST = 1100
"""Characters: a bucket and a key are not longer together."""
_UNKNOWN = re.compile(r"[{}<>$%*]")
"""Signs of a template or a placeholder: what it becomes is not known here."""


def s3_path(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find addresses, buckets and keys of a shape that means something else than it seems to."""
    if "s3" not in source.text.lower():
        return
    for name, value, text in source.literals:
        if len(text) > _LONGEST:
            continue
        if _ADDRESS.match(text):
            reason = address_problem(text)
        elif name in _BUCKET_ARGUMENTS and not _UNKNOWN.search(text):
            reason = bucket_problem(text)
        elif name in _KEY_ARGUMENTS and text.startswith("/") and _is_s3(source, value):
            reason = "begins with a slash: the object would lie in a folder without a name"
        else:
            continue
        if reason:
            yield problem_at(value, f"{name}={text[:60]!r}: {reason}.")


def address_problem(address: str) -> str:
    """Say what is wrong with an address `s3://bucket/key`; empty if nothing is."""
    scheme, _, rest = address.partition(":")
    if not rest.startswith("//"):
        return "an address in S3 begins with s3://"
    if scheme not in ("s3", "s3a", "s3n"):
        return "the scheme is written in small letters: s3://"
    bucket, _, key = rest[2:].partition("/")
    if not bucket:
        return "it names no bucket"
    reason = "" if _UNKNOWN.search(bucket) else bucket_problem(bucket)
    if reason:
        return reason
    if key.startswith("/") or "//" in key:
        return "two slashes in a row make a folder without a name"
    return ""


def bucket_problem(bucket: str) -> str:
    """Say why this is no name of a bucket; empty if it is one."""
    if "/" in bucket or ":" in bucket:
        return "a bucket is named without s3:// and without slashes"
    if bucket != bucket.lower():
        return "names of buckets have no capital letters"
    if not _BUCKET.fullmatch(bucket):
        return "names of buckets have 3 to 63 small letters, digits, dots and hyphens"
    return ""


def _is_s3(source: DagSource, value: ast.expr) -> bool:
    """Tell whether the call that a key is given to is one of S3."""
    return any(
        "s3" in call.name.lower() or any(each.arg in _BUCKET_ARGUMENTS for each in call.node.keywords)
        for call in source.calls
        if any(each.value is value for each in call.node.keywords)
    )
