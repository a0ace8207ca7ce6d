"""Defects that break the promise "Object metadata is returned as stored"."""

from __future__ import annotations

import base64
import gzip
import re
import time
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import _DoneAllTheSame

CRC32 = "x-amz-checksum-crc32"

ROWS = (
    row(
        "modified-after-its-answer",
        "RFC 9110 section 8.8.2.1: Last-Modified is not later than the Date of the answer that tells it.",
        "storage/object/dates-agree",
        object_headers=lambda original, found: dict(original(replace(found, modified=found.modified + 20))),
    ),
    row(
        "metadata-cut-short",
        'S3 User Guide, "User-defined object metadata": what is too large is refused, not cut.',
        "storage/object/large-metadata-is-stored-or-refused",
        metadata_too_large=lambda original, size: False,
        metadata=lambda original, call: {name: value[:1024] for name, value in original(call).items()},
    ),
    row(
        "metadata-of-one-and-a-half-kib",
        'S3 User Guide, "Working with object metadata": user metadata may be 2 KB.',
        "storage/object/metadata-comes-back#nearly-two-kb",
        metadata_too_large=lambda original, size: size > 1536,
    ),
    row(
        "content-type-forgotten",
        "S3 API Reference, PutObject: the Content-Type is given back.",
        "storage/object/system-headers-come-back#content-type",
        "storage/object/system-headers-come-back#html-without-charset",
        "storage/object/system-headers-come-back#plain-without-charset",
        content_type=lambda original, call: "application/octet-stream",
    ),
)


class MetadataReadAsAList(Defect):
    """S3 User Guide, "Working with object metadata": a value is kept whole, commas and semicolons included."""

    surface = "storage"
    noticed_by = ("storage/object/any-metadata-comes-back",)
    shortest = 2

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: re.split(";|,(?![a-z])", value)[0] for name, value in original(call).items()}


class UnpackedUnderItsCoding(Defect):
    """S3 API Reference, GetObject, Content-Encoding: it tells which coding the bytes have that come with it."""

    surface = "storage"
    noticed_by = ("storage/object/content-encoding-comes-back",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        packed = stored.headers.get("content-encoding") == "gzip" and stored.body[:2] == b"\x1f\x8b"
        return replace(stored, body=gzip.decompress(stored.body)) if packed else stored


class NoDefaultContentType(Defect):
    """S3 API Reference, PutObject: an object without a Content-Type has that of bytes of any kind."""

    surface = "storage"
    noticed_by = ("storage/object/content-type-is-reported",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("content-type") == "binary/octet-stream":
            del answer.headers["Content-Type"]
        return answer


class DateInIsoForm(Defect):
    """RFC 9110 section 6.6.1: Date is an HTTP-date."""

    surface = "storage"
    noticed_by = ("storage/object/dates-agree",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return answer


class LastModifiedTakenOver(Defect):
    """S3 API Reference, GetObject, Last-Modified: when the object was written, whatever its writer says of that."""

    surface = "storage"
    noticed_by = ("storage/object/dates-agree",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, modified=784111777) if "last-modified" in call.headers else stored


class ChecksumsOfHeadAreNumbers(Defect):
    """S3 API Reference, HeadObject, x-amz-checksum-crc32: in Base64, as GET tells it."""

    surface = "storage"
    noticed_by = ("storage/object/fields-have-their-form",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "HEAD" and (told := answer.headers.get(CRC32)):
            answer.headers[CRC32] = str(int.from_bytes(base64.b64decode(told)))
        return answer


class StoredBeforeItsMetadata(_DoneAllTheSame):
    """S3 API Reference, MetadataTooLarge: an object that is refused for its metadata is not there without it."""

    codes = ("MetadataTooLarge",)
    noticed_by = ("storage/object/large-metadata-is-stored-or-refused",)


class LargeMetadataIsServerError(Defect):
    """S3 API Reference, MetadataTooLarge: more metadata than there may be is the caller's mistake."""

    surface = "storage"
    noticed_by = ("storage/object/large-metadata-is-stored-or-refused",)

    def metadata_too_large(self, original: Any, size: int) -> bool:
        if original(size):
            raise server_error()
        return False


class CopyHasTheDateOfItsSource(Defect):
    """S3 API Reference, CopyObjectResult, LastModified: when the copy was made; caches keep what it was copied over."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, modified=stored.modified)


class LastModifiedInLocalTime(Defect):
    """RFC 9110 section 8.8.2.1: Last-Modified is never later than the answer, and in GMT."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, modified=stored.modified + 7200)


class CopyTouchesItsSource(Defect):
    """S3 API Reference, CopyObject: it creates a copy of an object, which stays as it is."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface = gateway(original)
        name, key = surface.copy_source(call)
        if (name, key) != (bucket.name, call.key):
            held = surface.buckets[name]
            held.put(key, replace(held.objects[key], modified=surface.seconds()))
        return answer


class ListedWithTheDateOfTheFirst(Defect):
    """S3 API Reference, Object, LastModified: the date when the object was last modified, in listings too."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def __init__(self) -> None:
        self.first: dict[str, int] = {}

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        stored: StoredObject | None = original(bucket, key)
        first = self.first.setdefault(f"{bucket.name}/{key}", stored.modified) if stored else 0
        return replace(stored, modified=first) if stored else None


class ChangedInPlaceKeepsItsDate(Defect):
    """S3 API Reference, CopyObject: an object that is copied onto itself is a new one, with a date of its own."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def __init__(self) -> None:
        self.in_place = False

    def changes(self, original: Any, call: Call, source: Source, replaced: bool) -> bool:
        self.in_place = True
        return bool(original(call, source, replaced))

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copied: StoredObject = original(call, stored, replaced)
        copied, self.in_place = replace(copied, modified=stored.modified) if self.in_place else copied, False
        return copied


class ListedAsModifiedWheneverOneAsks(Defect):
    """S3 API Reference, Object, LastModified: when the object was last modified, and not when it is listed."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        return found and replace(found, modified=gateway(original).seconds())


class FieldsWithUnderscoresDropped(Defect):
    """RFC 9110 section 5.1: an underscore is a letter of a name as others are; without the field no signature holds."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back#unusual-names",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        left = [pair for pair in request.headers.raw if b"_" not in pair[0]]
        signer: Signer = original(replace(request, headers=Headers(raw=left)))
        return signer


class MetadataForgotten(Defect):
    """S3 User Guide, "Working with object metadata": user metadata is given back."""

    surface = "storage"
    noticed_by = (
        "storage/object/metadata-comes-back#unusual-names",
        "storage/object/metadata-comes-back#nearly-two-kb",
        "storage/object/metadata-comes-back#of-a-folder",
        "storage/object/metadata-comes-back#of-a-long-name",
        "storage/sdk/put-and-get#base",
    )

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {}


class RepeatedMetadataRefused(Defect):
    """RFC 9110 section 5.3: a field that is sent twice is one with both values; a sender may combine them or not."""

    surface = "storage"
    noticed_by = ("storage/object/repeated-metadata-is-joined",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        if any(len(call.headers.getlist(f"x-amz-meta-{name}")) > 1 for name in found):
            raise Fault("InvalidArgument")
        return found


class RepeatedMetadataOnce(Defect):
    """S3 User Guide, "User-defined object metadata": fields of one name are joined, none is lost."""

    surface = "storage"
    noticed_by = ("storage/object/repeated-metadata-is-joined",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        original(call)
        return {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}


class SystemHeadersForgotten(Defect):
    """S3 User Guide, "System-defined object metadata": Cache-Control and its like are given back."""

    surface = "storage"
    noticed_by = (
        "storage/object/system-headers-come-back#cache-control",
        "storage/object/system-headers-come-back#content-disposition",
        "storage/object/system-headers-come-back#content-language",
        "storage/object/system-headers-come-back#expires",
        "storage/object/content-encoding-comes-back",
    )

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        return {"content-type": gateway(original).content_type(call)}


class TypeOfAnyBytesGuessed(Defect):
    """S3 API Reference, PutObject, Content-Type: the type that was given, whatever the key's ending may say."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back#octet-stream",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        guessed = call.key.endswith(".html") and call.headers.get("content-type") == "application/octet-stream"
        return {name: "text/html" if guessed and name.lower() == "content-type" else told[name] for name in told}
