"""ImageRegistry over Amazon ECR: repositories and logins, with the user's own credentials."""

import base64
from typing import Any

from botocore.exceptions import ClientError

from mwaa_local.adapters.aws_access import Clients
from mwaa_local.adapters.aws_errors import Request, error_code, translated
from mwaa_local.docker_ports import RegistryLogin

_OURS = {"Key": "mwaa-local", "Value": "created"}
"""The tag of repositories that we have made, and may remove."""


class EcrRegistry:
    """The registry of one account in one region."""

    def __init__(self, account: str, region: str, profile: str | None = None) -> None:
        self._account = account
        self._profile = profile
        self._clients = Clients(profile, region)

    def ensure_repository(self, name: str) -> bool:
        """Make a repository unless it is there; tell whether it was made."""
        with translated(self._request("CreateRepository", name)):
            try:
                self._client.create_repository(registryId=self._account, repositoryName=name, tags=[_OURS])
            except ClientError as error:
                if error_code(error) != "RepositoryAlreadyExistsException":
                    raise
                return False
        return True

    def login(self) -> RegistryLogin:
        """Return a user and a password that are good for some hours."""
        with translated(self._request("GetAuthorizationToken", "*")):
            answer = self._client.get_authorization_token(registryIds=[self._account])
        token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        user, _, password = token.partition(":")
        return RegistryLogin(user, password)

    def remove_image(self, name: str, tag: str) -> bool:
        """Remove a tag, then the repository if we made it and it is empty; tell whether the tag was there."""
        client = self._client
        with translated(self._request("BatchDeleteImage", name)):
            try:
                answer = client.batch_delete_image(
                    registryId=self._account, repositoryName=name, imageIds=[{"imageTag": tag}]
                )
            except ClientError as error:
                if error_code(error) != "RepositoryNotFoundException":
                    raise
                return False
        self._remove_if_empty(name)
        return bool(answer["imageIds"])

    def _remove_if_empty(self, name: str) -> None:
        client = self._client
        with translated(self._request("DeleteRepository", name)):
            found = client.describe_repositories(registryId=self._account, repositoryNames=[name])
            arn = found["repositories"][0]["repositoryArn"]
            if _OURS not in client.list_tags_for_resource(resourceArn=arn)["tags"]:
                return
            try:
                client.delete_repository(registryId=self._account, repositoryName=name, force=False)
            except ClientError as error:
                # Somebody else's images are in it: then it stays.
                if error_code(error) != "RepositoryNotEmptyException":
                    raise

    @property
    def _client(self) -> Any:
        return self._clients.get("ecr")

    def _request(self, action: str, name: str) -> Request:
        resource = name if name == "*" else f"arn:aws:ecr:*:{self._account}:repository/{name}"
        return Request(f"ecr:{action}", resource, self._profile)
