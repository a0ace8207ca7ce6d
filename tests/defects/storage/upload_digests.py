"""Defects that break the promise "An upload that does not match its digest is rejected"."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, query_of
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.digests import PREFIX
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import refused, without_fields

BUFFER = 64 * 1024


def _storing_refused(*codes: str, by_md5: bool) -> Callable[..., Any]:
    """Return a ``put_object`` that stores a body although its digest is refused."""

    async def put_object(original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            return await original(call, bucket)
        except Fault as fault:
            if fault.code in codes and ("content-md5" in call.headers) == by_md5:
                md5 = hashlib.md5(call.body).hexdigest()
                bucket.put(call.key, gateway(original).new_object(call, md5, {}))
            raise

    return put_object


ROWS = (
    row(
        "checksum-of-urls-ignored",
        "S3 API Reference, PutObject, x-amz-checksum-: it is ignored in presigned requests.",
        "storage/checksum/every-digest-is-compared#wrong-crc-by-url",
        check_checksum=lambda original, call: {} if "X-Amz-Signature" in call.query else dict(original(call)),
    ),
    row(
        "checksum-idle-with-md5",
        "S3 API Reference, PutObject, x-amz-checksum-: it is ignored next to a Content-MD5.",
        "storage/checksum/every-digest-is-compared#right-md5-wrong-crc",
        check_checksum=lambda original, call: {} if "content-md5" in call.headers else dict(original(call)),
    ),
    row(
        "part-checksum-ignored",
        "S3 API Reference, UploadPart, x-amz-checksum-: it is ignored.",
        "storage/multipart/differing-checksum-refuses-the-part#field,sha256,trailer",
        check_checksum=lambda original, call: {} if "uploadId" in call.query else dict(original(call)),
    ),
    row(
        "checksum-of-tags-not-compared",
        "S3 API Reference, PutObjectTagging, x-amz-checksum-: it is ignored.",
        "storage/tagging/differing-checksum-keeps-the-tags",
        check_checksum=lambda original, call: {} if "tagging" in call.query else original(call),
    ),
    row(
        "refused-for-its-md5-but-stored",
        "S3 API Reference, InvalidDigest: a body that is refused for its Content-MD5 is stored.",
        "storage/checksum/broken-md5-stores-nothing#hex",
        "storage/checksum/md5-that-differs-stores-nothing#large-body,by-url,empty-body",
        put_object=_storing_refused("InvalidDigest", "BadDigest", by_md5=True),
    ),
    row(
        "refused-for-its-checksum-but-stored",
        'S3 User Guide, "Checking object integrity": a body that is refused for its checksum is stored.',
        "storage/checksum/that-differs-stores-nothing#crc32",
        "storage/checksum/broken-value-stores-nothing#crc32",
        "storage/checksum/announced-checksum-is-required",
        "storage/checksum/every-digest-is-compared#wrong-crc-in-chunks,right-crc-wrong-sha,wrong-crc-unsigned",
        "storage/checksum/every-digest-is-compared#wrong-crc-large-body,wrong-crc-empty-body,wrong-crc-right-sha",
        put_object=_storing_refused("BadDigest", "InvalidRequest", by_md5=False),
    ),
)


@defect("storage/checksum/announced-checksum-is-required")
def lost_checksum_not_missed(check_checksum: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, PutObject, x-amz-sdk-checksum-algorithm: the announced checksum may be missing."""
    stated = any(each.startswith(PREFIX) for each in (*call.headers, *call.trailers))
    return dict(check_checksum(call)) if stated else {}


@defect("storage/checksum/broken-md5-stores-nothing#hex,no-base64,short")
def invalid_md5_ignored(check_digests: Any, call: Call) -> str:
    """S3 API Reference, InvalidDigest: an invalid Content-MD5 is ignored."""
    try:
        md5: str = check_digests(call)
    except Fault as fault:
        if fault.code != "InvalidDigest":
            raise
        md5 = check_digests(without_fields(call, "content-md5"))
    return md5


@defect("storage/checksum/broken-value-stores-nothing#crc32,crc32c,crc64nvme,sha1,sha256")
def broken_checksum_ignored(check_checksum: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Checking object integrity": a malformed checksum is ignored."""
    try:
        found: dict[str, str] = check_checksum(call)
    except Fault as fault:
        if fault.code != "InvalidRequest":
            raise
        found = {}
    return found


@defect("storage/checksum/every-digest-is-compared#wrong-md5-in-chunks")
def md5_with_chunks_ignored(check_digests: Any, call: Call) -> str:
    """S3 API Reference, PutObject, Content-MD5: it is ignored for chunked payloads."""
    in_chunks = "x-amz-decoded-content-length" in call.headers
    return hashlib.md5(call.body).hexdigest() if in_chunks else str(check_digests(call))


@defect("storage/checksum/every-digest-is-compared#right-crc-wrong-md5")
def md5_idle_with_checksum(check_digests: Any, call: Call) -> str:
    """S3 API Reference, BadDigest: Content-MD5 is ignored next to a checksum."""
    beside = any(PREFIX + each in call.headers for each in ALGORITHMS)
    return hashlib.md5(call.body).hexdigest() if beside else str(check_digests(call))


@defect("storage/checksum/md5-that-differs-stores-nothing#by-url,unsigned")
def md5_of_unsigned_payload_ignored(check_digests: Any, call: Call) -> str:
    """S3 API Reference, PutObject, Content-MD5: it is ignored for unsigned payloads."""
    return str(check_digests(call)) if call.payload_is_signed else hashlib.md5(call.body).hexdigest()


@defect("storage/checksum/md5-that-matches-is-stored", "storage/checksum/that-matches-is-stored#crc64nvme,sha1,sha256")
def compared_body_is_spent(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """S3 User Guide, "Checking object integrity": a body with a digest is stored as an empty object."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, body=b"") if checksums or "content-md5" in call.headers else stored


@defect("storage/checksum/md5-that-matches-is-stored", "storage/checksum/that-matches-is-stored#crc32,crc32c")
def digests_not_implemented(request: Request) -> Answer | None:
    """S3 API Reference, PutObject: a request with a digest is answered with 501."""
    digests = [name for name in request.headers if name == "content-md5" or name.startswith("x-amz-checksum-c")]
    return refused(501, "NotImplemented") if digests and request.method == "PUT" else None


@defect("storage/checksum/that-differs-stores-nothing#crc32c,crc64nvme,sha1,sha256")
def only_crc32_verified(checksum_matches: Any, algorithm: str, value: str, body: bytes) -> bool:
    """S3 User Guide, "Checking object integrity": only CRC32 is verified."""
    return algorithm != "crc32" or bool(checksum_matches(algorithm, value, body))


@defect(
    "storage/multi-delete/wrong-md5-deletes-nothing",
    "storage/multi-delete/wrong-checksum-deletes-nothing",
    "storage/multi-delete/more-than-a-thousand-is-refused",
)
async def refused_document_deletes(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteObjects: a refused document deletes its keys."""
    try:
        return await delete_objects(call, bucket)
    except Fault:
        with contextlib.suppress(Fault):
            for entry in xml.parse(call.body, "Delete").all("Object"):
                bucket.remove(entry.require("Key"))
        raise


@defect("storage/multipart/differing-md5-refuses-the-part", "storage/multipart/other-payload-refuses-the-part")
async def refused_part_loses_the_earlier(answered: Any, request: Request) -> Answer:
    """S3 API Reference, UploadPart: a refused part removes the earlier one."""
    try:
        return await answered(request)
    except Fault:
        query, bucket = query_of(request), gateway(answered).buckets.get(gateway(answered).target(request)[0])
        upload = bucket.uploads.get(query.get("uploadId", "")) if bucket is not None else None
        if request.method == "PUT" and upload is not None and query.get("partNumber", "").isdigit():
            upload.parts.pop(int(query["partNumber"]), None)
        raise


@defect("storage/multipart/other-payload-refuses-the-part")
def parts_unhashed(read_payload: Any, call: Call) -> None:
    """S3 API Reference, Signature Version 4: the payload hash of a part is not verified."""
    if "partNumber" in call.query and not call.signer.payload_hash.startswith("STREAMING"):
        call.body = call.request.body
    else:
        read_payload(call)
