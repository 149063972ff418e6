"""The rules of `bucket_rules.py` as they are documented."""

from dataclasses import dataclass

_BUCKET = "MWAA user guide, Create an Amazon S3 bucket for Amazon MWAA"
_MODEL = "the service model of MWAA in botocore"


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """A rule as it is documented; `level` is that of its worst remark."""

    id: str
    level: str
    summary: str
    source: str


RULES = tuple(
    RuleDescription(*each)
    for each in (
        (
            "bucket-region",
            "error",
            "The bucket lies in another region than the environment.",
            _BUCKET,
        ),
        (
            "bucket-versioning",
            "error",
            "The bucket keeps no versions, which MWAA needs; a warning where no update is due.",
            _BUCKET,
        ),
        (
            "bucket-public-access",
            "error",
            "The bucket does not block all public access; a warning where no update is due.",
            _BUCKET,
        ),
        ("bucket-encryption", "warning", "The bucket has no default encryption.", _BUCKET),
        ("bucket-unchecked", "info", "A setting of the bucket may not be read.", _BUCKET),
        (
            "environment-missing",
            "error",
            "There is no environment of that name in the region.",
            "MWAA-FACTS 1.1",
        ),
        ("environment-bucket", "error", "The environment reads another bucket.", _MODEL),
        (
            "environment-paths",
            "error",
            "The environment reads its DAGs from another path; a warning for other files, which move with an update.",
            _MODEL,
        ),
        (
            "environment-version",
            "error",
            "The environment runs another Airflow than the one that the project was checked for.",
            "MWAA-FACTS 1.1",
        ),
        (
            "environment-support",
            "info",
            "The version is past its end of support: environments can be updated, but not made.",
            "MWAA-FACTS 1.1",
        ),
        (
            "environment-status",
            "error",
            "The environment cannot be updated in its status; a warning where no update is due.",
            _MODEL,
        ),
        (
            "path-shape",
            "error",
            "A path that MWAA does not understand: it is relative, a key of the bucket.",
            _MODEL,
        ),
        ("git-dirty", "warning", "What is deployed is in no commit.", "git status"),
    )
)
"""Every rule, in the order in which they are applied."""
