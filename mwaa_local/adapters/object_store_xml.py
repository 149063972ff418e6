"""Reads the XML that S3 answers with: listings, settings of a bucket, ids of uploads."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from mwaa_local.aws_ports import ObjectRecord
from mwaa_local.errors import AwsError


def parse_answer(content: bytes) -> ElementTree.Element:
    """Return the answer's root; AwsError if somebody else than S3 has answered."""
    # Servers that stand for S3 differ in whether they name the namespace.
    text = content.replace(b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', b"", 1)
    try:
        return ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise AwsError(
            "What answers in place of S3 does not speak its language.",
            hint="Check AWS_ENDPOINT_URL and whether a proxy stands in between.",
        ) from error


def parse_page(content: bytes) -> tuple[list[ObjectRecord], str | None]:
    """Return the objects of one page of a listing, and the token of the next page."""
    root = parse_answer(content)
    decode = unquote_plus if root.findtext("EncodingType") == "url" else str
    records = [_parse_record(element, decode) for element in root.iterfind("Contents")]
    more = root.findtext("IsTruncated") == "true"
    return records, (root.findtext("NextContinuationToken") or None) if more else None


def _parse_record(element: ElementTree.Element, decode: Callable[[str], str]) -> ObjectRecord:
    found = {child.tag: child.text or "" for child in element}
    return ObjectRecord(
        key=decode(found["Key"]),
        size=int(found.get("Size", "0")),
        etag=found.get("ETag", "").strip('"'),
        modified=datetime.fromisoformat(found["LastModified"]).timestamp(),
    )


def parse_uploads(content: bytes, key: str) -> list[str]:
    """Return the ids of the unfinished uploads in parts of exactly this key."""
    root = parse_answer(content)
    decode = unquote_plus if root.findtext("EncodingType") == "url" else str
    return [
        upload.findtext("UploadId") or ""
        for upload in root.iterfind("Upload")
        if decode(upload.findtext("Key") or "") == key
    ]
