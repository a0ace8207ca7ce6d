"""Variants of objects."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from dataclasses import replace
from email.header import Header
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import fault

RequestedRange = tuple[int | None, int | None] | None

VERSION = re.compile("0{8}[0-9]{24}")
ENCRYPTION = "x-amz-server-side-encryption"
LOCK = "x-amz-object-lock-"


@variant()
def invalid_range_without_content_range(unsatisfiable: Any, size: int) -> Fault:
    """RFC 9110 section 15.5.17: Content-Range in 416 is a SHOULD."""
    return Fault("InvalidRange")


@variant()
def multi_range_answered_by_first(requested_range: Any, value: str) -> RequestedRange:
    """Of several ranges, the first is sent."""
    return requested_range(value.partition(",")[0])


@variant()
def multi_range_not_implemented(requested_range: Any, value: str) -> RequestedRange:
    """Several ranges are answered with 501."""
    if "," in value:
        raise Fault("NotImplemented")
    return requested_range(value)


@variant()
def path_like_keys_refused(check_key: Any, key: str) -> None:
    """Keys with empty, ``.`` or ``..`` segments are refused with 400 instead of stored."""
    check_key(key)
    if {"", ".", ".."} & set(key.removesuffix("/").split("/")):
        raise Fault("InvalidArgument", "The key has a segment that this server cannot store.")


@variant()
def metadata_unlimited(metadata_too_large: Any, size: int) -> bool:
    """Metadata above two kibibytes is stored whole."""
    return False


@variant()
def missing_length_is400(require_length: Any, call: Call) -> None:
    """A PUT without a length is 400 InvalidRequest."""
    try:
        require_length(call)
    except Fault:
        raise Fault("InvalidRequest") from None


@variant()
def key_too_long_invalid_argument(check_key: Any, key: str) -> None:
    """A key above 1,024 bytes is reported as InvalidArgument."""
    try:
        check_key(key)
    except Fault:
        raise Fault("InvalidArgument") from None


@variant()
def if_match_on_nothing412(check_write: Any, conditions: Conditions, found: StoredObject | None) -> None:
    """If-Match on a missing key is 412 (RFC 9110 section 13.1.1)."""
    try:
        check_write(conditions, found)
    except Fault:
        raise Fault("PreconditionFailed") from None


class WhatOvertookAnUploadStands(Variant):
    """S3 User Guide, multipart upload: another request since the opening "might take precedence".

    A deletion may too, without the object ever being visible.
    """

    changes: Counter[tuple[str, str]] = Counter()
    at_opening: dict[str, int] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        await original(bucket, key, stored, conditions)
        self.changes[bucket.name, key] += 1

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        await original(bucket, key, conditions)
        self.changes[bucket.name, key] += 1

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.at_opening[next(reversed(bucket.uploads))] = self.changes[bucket.name, call.key]
        return answer

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: Any, conditions: Conditions) -> None:
        if self.at_opening.get(upload.upload_id, 0) == self.changes[bucket.name, upload.key]:
            await original(bucket, upload, stored, conditions)
        else:
            gateway(original).check_write(conditions, bucket.objects.get(upload.key))
            await gateway(original).drop_upload(bucket, upload)


class VersionsStored(Variant):
    """PutObject, x-amz-version-id: versioning is on; deletions leave delete markers, which responses report."""

    count = 0

    async def on_object(self, original: Any, call: Call) -> Answer:
        if VERSION.fullmatch(call.query.get("versionId", "")):
            call = replace(call, query={name: text for name, text in call.query.items() if name != "versionId"})
        return await original(call)

    def _add_version(self, answer: Answer, marker: bool) -> None:
        self.count += 1
        answer.headers["x-amz-version-id"] = f"{self.count:032d}"
        if marker:
            answer.headers["x-amz-delete-marker"] = "true"

    async def _object_answered(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._add_version(answer, marker=False)
        return answer

    put_object = copy_object = complete_upload = _object_answered

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._add_version(answer, marker=True)
        return answer

    async def delete_entry(self, original: Any, bucket: Bucket, entry: Any, quiet: bool) -> str:
        result: str = await original(bucket, entry, quiet)
        marker = "<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>1</DeleteMarkerVersionId></Deleted>"
        return result.replace("</Deleted>", marker)


class EncryptedAtRest(Variant):
    """PutObject, x-amz-server-side-encryption: every object is encrypted, which is reported; its ETag is no MD5."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (200, 206) and request.path.count("/") > 1:
            answer.headers[ENCRYPTION] = "aws:kms"
            answer.headers[f"{ENCRYPTION}-aws-kms-key-id"] = "arn:aws:kms:region:1:key/1"
        return answer

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=f"{gateway(original).owner_id(md5)}{md5[:8]}")


@variant()
def key_too_long_uri_too_long(check_key: Any, key: str) -> None:
    """A key above 1,024 bytes is 414 (RFC 9110 section 15.5.15), for which S3 has no code."""
    try:
        check_key(key)
    except Fault:
        raise fault("URITooLong", 414) from None


@variant()
def invalid_range_is_bad_request(requested_range: Any, value: str) -> RequestedRange:
    """RFC 9110 section 14.2: an invalid Range may be rejected, here with 400."""
    requested: RequestedRange = requested_range(value)
    if requested is None and value.startswith("bytes="):
        raise Fault("InvalidArgument")
    return requested


class LocksStored(Variant):
    """PutObject, x-amz-object-lock-mode: Object Lock is on; GET and HEAD report the lock."""

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        headers = call.headers.mutablecopy()
        for name in [name for name in headers if name.startswith(LOCK)]:
            del headers[name]
        original(replace(call, request=replace(call.request, headers=headers)))

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        locks = {name: value for name, value in call.headers.items() if name.startswith(LOCK)}
        return replace(copy, headers=copy.headers | locks)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        locks = {name: value for name, value in call.headers.items() if name.startswith(LOCK)}
        headers: dict[str, str] = original(call)
        return headers | locks


@variant()
def metadata_of_the_gateway(object_headers: Any, found: StoredObject) -> dict[str, str]:
    """GetObject, x-amz-meta-: the gateway adds metadata of its own."""
    headers: dict[str, str] = object_headers(found)
    return {"x-amz-meta-stored-by": "node 7", "x-amz-storage-class": "STANDARD"} | headers


@variant()
def date_to_come_counts_for_none(modified_since_holds: Any, date: int, found: StoredObject | None) -> bool:
    """RFC 2616 section 14.25: a future date is ignored, as "invalid"."""
    return date > time.time() or bool(modified_since_holds(date, found))


@variant()
def etag_of_each_write(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """RFC 9110 section 8.8.3: entity tags are opaque; each write has its own, even of equal bytes."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, etag=secrets.token_hex(16))


@variant()
def range_of_all_is_the_whole(requested_span: Any, call: Call, found: StoredObject) -> tuple[int, int] | None:
    """RFC 9110 section 14.2: 206 is a SHOULD; a range of the whole object is answered with 200."""
    span: tuple[int, int] | None = requested_span(call, found)
    return None if span == (0, found.size) else span


@variant()
def metadata_beyond_ascii_encoded(metadata: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "User-defined object metadata": values beyond ASCII are returned encoded by RFC 2047."""
    found: dict[str, str] = metadata(call)
    return {name: value if value.isascii() else Header(value, "utf-8").encode() for name, value in found.items()}


@variant()
def metadata_beyond_ascii_refused(metadata: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "User-defined object metadata": metadata is US-ASCII over REST; other values may be refused."""
    found: dict[str, str] = metadata(call)
    if not all(map(str.isascii, found.values())):
        raise Fault("InvalidArgument")
    return found
