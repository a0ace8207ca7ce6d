"""Defects that break the promise "An upload that does not match its digest is rejected"."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, query_of
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.digests import PREFIX
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.rows import row
from tests.defects.support.storage import MD5_OF_NOTHING, refused, without_fields

BUFFER = 64 * 1024

ROWS = (
    row(
        "checksum-of-urls-ignored",
        "S3 API Reference, PutObject, x-amz-checksum-: it is compared, also where what it comes with is a URL's.",
        "storage/checksum/every-digest-is-compared#wrong-crc-by-url",
        check_checksum=lambda original, call: {} if "X-Amz-Signature" in call.query else dict(original(call)),
    ),
    row(
        "checksum-idle-beside-md5",
        "S3 API Reference, PutObject, x-amz-checksum-: it is compared, also where a Content-MD5 is right.",
        "storage/checksum/every-digest-is-compared#right-md5-wrong-crc",
        check_checksum=lambda original, call: {} if "content-md5" in call.headers else dict(original(call)),
    ),
    row(
        "checksum-of-deletions-not-compared",
        'S3 User Guide, "Checking object integrity": a list of keys that differs from its checksum deletes nothing.',
        "storage/multi-delete/wrong-checksum-deletes-nothing",
        check_integrity=lambda original, call: gateway(original).check_digests(call),
    ),
    row(
        "part-checksum-ignored",
        "S3 API Reference, UploadPart, x-amz-checksum-: a part that differs from its checksum is refused.",
        "storage/multipart/differing-checksum-refuses-the-part#field",
        "storage/multipart/differing-checksum-refuses-the-part#sha256",
        "storage/multipart/differing-checksum-refuses-the-part#trailer",
        check_checksum=lambda original, call: {} if "uploadId" in call.query else dict(original(call)),
    ),
    row(
        "checksum-of-tags-not-compared",
        (
            "S3 API Reference, PutObjectTagging, x-amz-checksum-: a document that was changed on its way changes "
            "no tags."
        ),
        "storage/tagging/differing-checksum-keeps-the-tags",
        check_checksum=lambda original, call: {} if "tagging" in call.query else original(call),
    ),
)


class LostChecksumNotMissed(Defect):
    """S3 API Reference, PutObject, x-amz-sdk-checksum-algorithm: what it announces must come."""

    surface = "storage"
    noticed_by = ("storage/checksum/announced-checksum-is-required",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        stated = any(each.startswith(PREFIX) for each in (*call.headers, *call.trailers))
        return dict(original(call)) if stated else {}


class InvalidMd5Ignored(Defect):
    """S3 API Reference, InvalidDigest: a Content-MD5 that is none is refused."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-md5-stores-nothing#hex",
        "storage/checksum/broken-md5-stores-nothing#no-base64",
        "storage/checksum/broken-md5-stores-nothing#short",
    )

    def check_digests(self, original: Any, call: Call) -> str:
        try:
            md5: str = original(call)
        except Fault as fault:
            if fault.code != "InvalidDigest":
                raise
            md5 = original(without_fields(call, "content-md5"))
        return md5


class _StoredWhereRefused(Defect):
    """S3 User Guide, "Checking object integrity": what is refused for a digest is not stored."""

    codes: ClassVar[tuple[str, ...]] = ()
    by_md5 = False

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code in self.codes and ("content-md5" in call.headers) == self.by_md5:
                md5 = hashlib.md5(call.body).hexdigest()
                bucket.put(call.key, gateway(original).new_object(call, md5, {}))
            raise
        return answer


class RefusedForItsMd5ButStored(_StoredWhereRefused):
    """S3 API Reference, InvalidDigest: a body that is refused for its Content-MD5 does not take the object's place."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-md5-stores-nothing#hex",
        "storage/checksum/md5-that-differs-stores-nothing#large-body",
        "storage/checksum/md5-that-differs-stores-nothing#by-url",
        "storage/checksum/md5-that-differs-stores-nothing#empty-body",
    )
    codes, by_md5 = ("InvalidDigest", "BadDigest"), True


class BrokenChecksumIgnored(Defect):
    """S3 User Guide, "Checking object integrity": a value that can be no checksum is refused, not passed over."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-value-stores-nothing#crc32",
        "storage/checksum/broken-value-stores-nothing#crc32c",
        "storage/checksum/broken-value-stores-nothing#crc64nvme",
        "storage/checksum/broken-value-stores-nothing#sha1",
        "storage/checksum/broken-value-stores-nothing#sha256",
    )

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        try:
            found: dict[str, str] = original(call)
        except Fault as fault:
            if fault.code != "InvalidRequest":
                raise
            found = {}
        return found


class Md5BesideChunksIgnored(Defect):
    """S3 API Reference, PutObject, Content-MD5: it is compared, also where the payload comes in chunks."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-digest-is-compared#wrong-md5-in-chunks",)

    def check_digests(self, original: Any, call: Call) -> str:
        in_chunks = "x-amz-decoded-content-length" in call.headers
        return hashlib.md5(call.body).hexdigest() if in_chunks else str(original(call))


class Md5IdleBesideChecksum(Defect):
    """S3 API Reference, BadDigest: a Content-MD5 is compared, also where a checksum is right."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-digest-is-compared#right-crc-wrong-md5",)

    def check_digests(self, original: Any, call: Call) -> str:
        beside = any(PREFIX + each in call.headers for each in ALGORITHMS)
        return hashlib.md5(call.body).hexdigest() if beside else str(original(call))


class Md5OfUnsignedPayloadIgnored(Defect):
    """S3 API Reference, PutObject, Content-MD5: compared most of all where no signature is of the payload."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-differs-stores-nothing#by-url",
        "storage/checksum/md5-that-differs-stores-nothing#unsigned",
    )

    def check_digests(self, original: Any, call: Call) -> str:
        return str(original(call)) if call.payload_is_signed else hashlib.md5(call.body).hexdigest()


class LargeBodyMd5Ignored(Defect):
    """S3 API Reference, BadDigest: bytes whose Content-MD5 is another are not stored, large as they may be."""

    surface = "storage"
    noticed_by = ("storage/checksum/md5-that-differs-stores-nothing#large-body",)

    def check_digests(self, original: Any, call: Call) -> str:
        return hashlib.md5(call.body).hexdigest() if len(call.body) > BUFFER else str(original(call))


class Md5OfNothingIgnored(Defect):
    """S3 API Reference, BadDigest: no bytes have an MD5, too, and another is of bytes that were lost."""

    surface = "storage"
    noticed_by = ("storage/checksum/md5-that-differs-stores-nothing#empty-body",)

    def md5_matches(self, original: Any, stated: bytes, computed: bytes) -> bool:
        return computed.hex() == MD5_OF_NOTHING or bool(original(stated, computed))


class ComparedBodyIsSpent(Defect):
    """S3 User Guide, "Checking object integrity": what was compared with its digest is stored, and not what is left."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-matches-is-stored",
        "storage/checksum/that-matches-is-stored#crc64nvme",
        "storage/checksum/that-matches-is-stored#sha1",
        "storage/checksum/that-matches-is-stored#sha256",
    )

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=b"") if checksums or "content-md5" in call.headers else stored


class DigestsNotImplemented(Defect):
    """S3 API Reference, PutObject: Content-MD5 and x-amz-checksum- are taken with a body."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-matches-is-stored",
        "storage/checksum/that-matches-is-stored#crc32",
        "storage/checksum/that-matches-is-stored#crc32c",
    )

    def intercept(self, request: Request) -> Answer | None:
        digests = [name for name in request.headers if name == "content-md5" or name.startswith("x-amz-checksum-c")]
        return refused(501, "NotImplemented") if digests and request.method == "PUT" else None


class OnlyCrc32Verified(Defect):
    """S3 User Guide, "Checking object integrity": each of the five algorithms is verified."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/that-differs-stores-nothing#crc32c",
        "storage/checksum/that-differs-stores-nothing#crc64nvme",
        "storage/checksum/that-differs-stores-nothing#sha1",
        "storage/checksum/that-differs-stores-nothing#sha256",
    )

    def checksum_matches(self, original: Any, algorithm: str, value: str, body: bytes) -> bool:
        return algorithm != "crc32" or bool(original(algorithm, value, body))


class RefusedForItsChecksumButStored(_StoredWhereRefused):
    """S3 User Guide, "Checking object integrity": a body that is refused for its checksum is not stored."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/that-differs-stores-nothing#crc32",
        "storage/checksum/broken-value-stores-nothing#crc32",
        "storage/checksum/announced-checksum-is-required",
        "storage/checksum/every-digest-is-compared#wrong-crc-in-chunks",
        "storage/checksum/every-digest-is-compared#right-crc-wrong-sha",
        "storage/checksum/every-digest-is-compared#wrong-crc-unsigned",
        "storage/checksum/every-digest-is-compared#wrong-crc-large-body",
        "storage/checksum/every-digest-is-compared#wrong-crc-empty-body",
        "storage/checksum/every-digest-is-compared#wrong-crc-right-sha",
    )
    codes = ("BadDigest", "InvalidRequest")


class RefusedDocumentDeletes(Defect):
    """S3 API Reference, DeleteObjects: a document that is refused, at its end or for its digest, deletes nothing."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/wrong-md5-deletes-nothing",
        "storage/multi-delete/wrong-checksum-deletes-nothing",
        "storage/multi-delete/more-than-a-thousand-is-refused",
    )

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            with contextlib.suppress(Fault):
                for entry in xml.parse(call.body, "Delete").all("Object"):
                    bucket.remove(entry.require("Key"))
            raise
        return answer


class RefusedPartLosesTheEarlier(Defect):
    """S3 API Reference, UploadPart: a part that is refused does not take the place of the one that came before it."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/differing-md5-refuses-the-part",
        "storage/multipart/other-payload-refuses-the-part",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Fault:
            query, bucket = query_of(request), gateway(original).buckets.get(gateway(original).target(request)[0])
            upload = bucket.uploads.get(query.get("uploadId", "")) if bucket is not None else None
            if request.method == "PUT" and upload is not None and query.get("partNumber", "").isdigit():
                upload.parts.pop(int(query["partNumber"]), None)
            raise
        return answer


class PartsUnhashed(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, of a part also."""

    surface = "storage"
    noticed_by = ("storage/multipart/other-payload-refuses-the-part",)

    def read_payload(self, original: Any, call: Call) -> None:
        if "partNumber" in call.query and not call.signer.payload_hash.startswith("STREAMING"):
            call.body = call.request.body
        else:
            original(call)
