"""Where an image is pushed to: a repository's address, taken apart; Amazon ECR's carry account and region."""

import re
from dataclasses import dataclass

from mwaa_local.errors import UsageError

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z]{2}[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
)
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST = re.compile(r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry; `account` and `region` are "" where the registry is not Amazon ECR."""

    host: str
    name: str
    account: str = ""
    region: str = ""

    @property
    def address(self) -> str:
        """Return the address without a tag."""
        return f"{self.host}/{self.name}" if self.host else self.name

    @property
    def is_ecr(self) -> bool:
        """Tell whether it is one of Amazon ECR."""
        return bool(self.account)


def parse_repository(text: str) -> Repository:
    """Take an address apart; UsageError if it is none, or has a tag: the tag is the image's own."""
    host, slash, name = text.partition("/")
    if not slash or not _HOST.fullmatch(host):
        host, name = "", text
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{text!r} is no repository to push to.",
            hint="for example 123456789012.dkr.ecr.eu-west-1.amazonaws.com/airflow: lower case, and without a tag",
        )
    ecr = _ECR.fullmatch(host)
    return Repository(host, name, ecr["account"], ecr["region"]) if ecr else Repository(host, name)
