"""Asks S3 for the settings of a bucket that matter to MWAA."""

from mwaa_local.adapters.object_store_transport import Call, Reply, Transport
from mwaa_local.adapters.object_store_xml import parse_answer
from mwaa_local.aws_ports import BucketFacts

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def look_at(transport: Transport) -> BucketFacts:
    """Return what can be found out, and the actions that are denied."""
    head = transport.send(Call("HEAD", None, "s3:ListBucket", accepted=frozenset({404})))
    if head.status == 404:
        raise transport.no_bucket()
    unknown: list[str] = []

    def ask(setting: str, action: str) -> Reply | None:
        call = Call("GET", None, action, ((setting, ""),), accepted=frozenset({403, 404}))
        reply = transport.send(call)
        if reply.status == 403:
            unknown.append(action)
            return None
        return reply

    versioning = ask("versioning", "s3:GetBucketVersioning")
    block = ask("publicAccessBlock", "s3:GetBucketPublicAccessBlock")
    encryption = ask("encryption", "s3:GetEncryptionConfiguration")
    return BucketFacts(
        region=head.headers.get("x-amz-bucket-region") or transport.address.region,
        versioning=None if versioning is None else _text(versioning, "Status") == "Enabled",
        public_access_blocked=None
        if block is None
        else all(_text(block, name) == "true" for name in _BLOCKS),
        encryption=None if encryption is None else _text(encryption, ".//SSEAlgorithm"),
        unknown=tuple(unknown),
    )


def _text(reply: Reply, path: str) -> str:
    return "" if reply.code else parse_answer(reply.content).findtext(path) or ""
