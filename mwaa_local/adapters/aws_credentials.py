"""Looks whether the user's own AWS configuration yields credentials, without using or showing them."""

import botocore.session
from botocore.exceptions import BotoCoreError


def find_credentials(profile: str | None) -> str:
    """Return how botocore finds the credentials of a profile (None: the default chain); empty if it finds none.

    Nothing is asked over the network: instance roles are left out, and sessions are not refreshed.
    """
    try:
        session = botocore.session.Session(profile=profile)
        chain = session.get_component("credential_provider")
        chain.remove("iam-role")
        found = chain.load_credentials()
    except BotoCoreError:
        return ""
    return str(found.method) if found is not None else ""
