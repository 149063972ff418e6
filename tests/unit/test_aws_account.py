"""Names of an environment's local AWS account."""

import pytest

from mwaa_local.aws.account import bucket_name


@pytest.mark.parametrize(
    ("environment", "bucket"),
    [
        ("orders", "mwaa-local-orders-1a2b3c4d"),
        ("My_Orders v2", "mwaa-local-my-orders-v2-1a2b3c4d"),
        ("Größe & 100% (日本)", "mwaa-local-gr-e-100-1a2b3c4d"),
        ("日本", "mwaa-local-1a2b3c4d"),
        ("long " * 30, "mwaa-local-" + "-".join(["long"] * 8) + "-1a2b3c4d"),
    ],
)
def test_a_bucket_has_a_name_that_s3_allows(environment: str, bucket: str) -> None:
    assert bucket_name(environment, "1a2b3c4d") == bucket
    assert len(bucket) <= 63
