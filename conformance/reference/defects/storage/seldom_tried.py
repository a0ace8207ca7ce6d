"""Defects that show only in what is seldom tried: two digests, folders, an upload's end, an odd condition."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.conditions import Conditions, http_date
from conformance.reference.storage.digests import PREFIX, checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload

DIRECTORY = {"content-type": "application/x-directory"}
MD5_OF_NOTHING = hashlib.md5(b"").hexdigest()


class ChecksumIdleBesideMd5(Defect):
    """S3 API Reference, PutObject, x-amz-checksum-: it is compared, also where a Content-MD5 is right."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-one-is-compared#right-md5-wrong-crc",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        return {} if "content-md5" in call.headers else dict(original(call))


class Md5IdleBesideChecksum(Defect):
    """S3 API Reference, BadDigest: a Content-MD5 is compared, also where a checksum is right."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-one-is-compared#right-crc-wrong-md5",)

    def check_digests(self, original: Any, call: Call) -> str:
        beside = any(PREFIX + each in call.headers for each in ALGORITHMS)
        return hashlib.md5(call.body).hexdigest() if beside else str(original(call))


class LostChecksumNotMissed(Defect):
    """S3 API Reference, PutObject, x-amz-sdk-checksum-algorithm: what it announces must come."""

    surface = "storage"
    noticed_by = ("storage/checksum/announced-must-come",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        stated = any(each.startswith(PREFIX) for each in (*call.headers, *call.trailers))
        return dict(original(call)) if stated else {}


class Md5OfNothingIgnored(Defect):
    """S3 API Reference, BadDigest: no bytes have an MD5, too, and another is of bytes that were lost."""

    surface = "storage"
    noticed_by = ("storage/checksum/md5-that-differs-stores-nothing#of-nothing",)

    def md5_matches(self, original: Any, stated: bytes, computed: bytes) -> bool:
        return computed.hex() == MD5_OF_NOTHING or bool(original(stated, computed))


class CopiedWithAnotherChecksum(Defect):
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the checksum that is made is of the object."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-is-the-one-asked",)

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        found: dict[str, str] = original(stored, asked)
        return found if asked is None else {asked: checksum(asked, stored.etag.encode())}


class FolderIsAnObject(Defect):
    """S3 API Reference, NoSuchKey: ``a/`` is no object where only ``a/b`` is one."""

    surface = "storage"
    noticed_by = (
        "storage/key/folder-is-no-object#its-marker-asked-for",
        "storage/key/folder-is-no-object#its-marker-read",
        "storage/key/folder-is-no-object#with-its-slash",
        "storage/key/folder-is-no-object#without",
    )

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        if found is None and any(each.startswith(key.rstrip("/") + "/") for each in bucket.keys):
            return StoredObject(b"", MD5_OF_NOTHING, bucket.created, DIRECTORY)
        return found


class FolderTakesWhatIsBelow(Defect):
    """S3 User Guide, "Organizing objects using prefixes": deleting ``a/`` leaves ``a/b``."""

    surface = "storage"
    noticed_by = ("storage/key/folder-can-go-alone#many",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in [name for name in bucket.keys if key.endswith("/") and name.startswith(key)]:
            bucket.remove(each)


class CompletedUploadTakesParts(Defect):
    """S3 API Reference, NoSuchUpload: a completed upload takes no more parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    def __init__(self) -> None:
        self.completed_ids: set[str] = set()

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.completed_ids.add(upload.upload_id)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            return gateway(original).stored_answer(hashlib.md5(call.body).hexdigest(), {})
        answer: Answer = await original(call, bucket)
        return answer


class LateAbortionDeletes(CompletedUploadTakesParts):
    """S3 API Reference, AbortMultipartUpload: of a completed upload there is nothing to abort, least its object."""

    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        return answer

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer


class EmptyUploadIdPassedOver(Defect):
    """S3 API Reference, UploadPart, uploadId: an empty one is none that was given, and no reason to take the object."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/half-named-part-is-not-the-object#empty-upload",
        "storage/multipart/half-named-part-is-not-the-object#empty-upload-aborted",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        left = call.query
        if left.get("uploadId") == "":
            left = {name: value for name, value in left.items() if name not in ("uploadId", "partNumber")}
        answer: Answer = await original(replace(call, query=left))
        return answer


class BrokenUnmodifiedDateFails(Defect):
    """RFC 9110 section 13.1.4: an If-Unmodified-Since that is no HTTP date is ignored."""

    surface = "storage"
    noticed_by = ("storage/condition/broken-unmodified-date-is-ignored",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        given = call.headers.get("if-unmodified-since")
        if given is not None and http_date(given) is None:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class UnmodifiedOnlyAtThatDate(Defect):
    """RFC 9110 section 13.1.4: an object that is earlier than the date was not modified since."""

    surface = "storage"
    noticed_by = ("storage/condition/unmodified-since-later",)

    def unmodified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified == date


class WriteUnlessOfTagIgnored(Defect):
    """RFC 9110 section 13.1.2: a PUT whose If-None-Match names the entity tag that there is is not performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-has-the-tag",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(asked if asked.none_match == "*" else replace(asked, none_match=None), found)


class IfMatchAnyCreates(Defect):
    """RFC 9110 section 13.1.1: If-Match: * holds only where there is an object."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-match-any-needs-an-object",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match != "*" or found is not None:
            original(asked, found)


class CopyHeedsAbsenceAlone(Defect):
    """S3 API Reference, CopyObject, If-Match: 412 where the object that would be overwritten has another ETag."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-keeps-what-changed",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        left = [pair for pair in call.headers.raw if pair[0] != b"if-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=Headers(raw=left))), bucket)
        return answer


class ReplacedCopyKeepsItsType(Defect):
    """S3 API Reference, CopyObject: with the directive REPLACE the source's Content-Type does not stay."""

    surface = "storage"
    noticed_by = ("storage/copy/type-is-replaced",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        if replaced and "content-type" not in call.headers:
            return replace(copy, headers=copy.headers | {"content-type": stored.headers["content-type"]})
        return copy


class CopyOfNothingRefused(Defect):
    """S3 API Reference, CopyObject: an object without bytes is copied like any other."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same#of-nothing",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        if not stored.body:
            raise Fault("InvalidRequest")
        copy: StoredObject = original(call, stored, replaced)
        return copy


class OverridesOfWholeReadsAlone(Defect):
    """S3 API Reference, HeadObject, response-content-type: heeded by HEAD, and with a range."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-of-parts-and-heads#range",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        whole = call.request.method == "GET" and "range" not in call.headers
        return dict(original(call)) if whole else {}


class CompressedUnderOneTag(Defect):
    """RFC 9110 section 8.8.1: a strong validator is of one representation, not also of that which is compressed."""

    surface = "storage"
    noticed_by = ("storage/object/other-coding-has-another-etag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if request.method == "GET" and accepted and answer.status == 200 and "etag" in answer.headers:
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer
