"""The buckets of moto's S3 as the rules see them, and as environments read them."""

from dataclasses import dataclass

from moto.s3.models import FakeBucket, FakeKey, s3_backends

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.environments.source import RemoteObject


@dataclass(frozen=True, slots=True)
class MotoBucket:
    """One bucket, looked at when asked."""

    bucket: FakeBucket

    @property
    def region(self) -> str:
        """Return the region that it lies in."""
        return str(self.bucket.region_name)

    @property
    def is_versioned(self) -> bool:
        """Tell whether it keeps versions."""
        return bool(self.bucket.versioning_status == "Enabled")

    @property
    def blocks_public_access(self) -> bool:
        """Tell whether all four blocks of public access are on."""
        block = self.bucket.public_access_block
        if block is None:
            return False
        return all(str(value).lower() == "true" for value in vars(block).values())

    def has_version(self, key: str, version: str) -> bool:
        """Tell whether an object has this version, and it is no delete marker."""
        return any(
            isinstance(each, FakeKey) and each.version_id == version
            for each in self.bucket.keys.getlist(key, [])
        )

    def objects(self, prefix: str) -> tuple[RemoteObject, ...]:
        """Return the current objects below a prefix."""
        found = []
        for key in list(self.bucket.keys):
            current = self.bucket.keys.get(key) if str(key).startswith(prefix) else None
            if isinstance(current, FakeKey):
                state = f"{current.version_id} {current.etag} {current.last_modified.isoformat()}"
                found.append(RemoteObject(key, state))
        return tuple(found)

    def read(self, key: str, version: str = "") -> bytes | None:
        """Return an object's content (the current one without a version), None if there is none."""
        versions = self.bucket.keys.getlist(key, [])
        if version:
            found = next((each for each in versions if each.version_id == version), None)
        else:
            found = versions[-1] if versions else None
        return bytes(found.value) if isinstance(found, FakeKey) else None


def find_bucket(name: str) -> MotoBucket | None:
    """Return a bucket of this process's account, None if there is none."""
    bucket = s3_backends[ACCOUNT_ID]["aws"].buckets.get(name)
    return MotoBucket(bucket) if bucket is not None else None
