"""Which AWS variables a role of the environment gets: the local endpoint, a profile's credentials, or nothing."""

from typing import assert_never

from mwaa_local.aws.account import ACCESS_KEY, SECRET_KEY
from mwaa_local.config import AwsKind, AwsMode

NO_FILE = "/dev/null"


def aws_environment(
    mode: AwsMode, endpoint_url: str, region: str, credentials_url: str = "", token: str = ""
) -> dict[str, str]:
    """Return the AWS variables of a role.

    `endpoint_url` is the local endpoint's (`http://127.0.0.1:PORT`); `credentials_url` and `token` are needed for a
    profile only. In every mode the user's own AWS files are out of sight: tasks get what is named here, nothing more.
    """
    common = {
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_CONFIG_FILE": NO_FILE,
        "AWS_SHARED_CREDENTIALS_FILE": NO_FILE,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    match mode.kind:
        case AwsKind.LOCAL:
            return {
                **common,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_ENDPOINT_URL": endpoint_url,
                # MWAA's API and others want `api.`, `env.` before the host's name.
                "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
                # For botocores that do not know these (before 1.31, 1.37.5): see inside/mwaa_inside/aws_shim.py.
                "MWAA_LOCAL_AWS_ENDPOINT": endpoint_url,
            }
        case AwsKind.PROFILE:
            return {
                **common,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials_url,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
            }
        case AwsKind.NONE:
            return common
        case _ as unreachable:
            assert_never(unreachable)


def celery_environment(queue: str, queue_url: str) -> dict[str, str]:
    """Return the variables that `mwaa_inside.celery_config` and the SQS client inside the environment read."""
    return {"MWAA_LOCAL_SQS_QUEUE": queue, "MWAA_LOCAL_SQS_QUEUE_URL": queue_url}
