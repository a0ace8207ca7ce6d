"""Defects that break the promise "Object metadata is returned as stored"."""

from __future__ import annotations

import base64
import gzip
import re
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import done_though_refused

CRC32 = "x-amz-checksum-crc32"

ROWS = (
    row(
        "modified-after-its-answer",
        "RFC 9110 section 8.8.2.1: Last-Modified is later than Date.",
        "storage/object/dates-agree",
        object_headers=lambda original, found: dict(original(replace(found, modified=found.modified + 20))),
    ),
    row(
        "metadata-cut-short",
        'S3 User Guide, "User-defined object metadata": too large metadata is cut instead of refused.',
        "storage/object/large-metadata-is-stored-or-refused",
        metadata_too_large=lambda original, size: False,
        metadata=lambda original, call: {name: value[:1024] for name, value in original(call).items()},
    ),
    row(
        "content-type-lost",
        "S3 API Reference, PutObject: it is replaced by application/octet-stream.",
        "storage/object/system-headers-come-back#content-type,html-without-charset,plain-without-charset",
        content_type=lambda original, call: "application/octet-stream",
    ),
    row(
        "stored-before-its-metadata",
        "S3 API Reference, MetadataTooLarge: an object with too large metadata is refused, but stored.",
        "storage/object/large-metadata-is-stored-or-refused",
        answered=done_though_refused("MetadataTooLarge"),
    ),
)


@defect("storage/object/any-metadata-comes-back", shortest=2)
def metadata_read_as_a_list(metadata: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Working with object metadata": a metadata value is cut at its first comma or semicolon."""
    return {name: re.split(";|,(?![a-z])", value)[0] for name, value in metadata(call).items()}


@defect("storage/object/content-encoding-comes-back")
def unpacked_under_its_coding(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """S3 API Reference, GetObject, Content-Encoding: the bytes are decompressed, but Content-Encoding stays."""
    stored: StoredObject = new_object(call, md5, checksums)
    packed = stored.headers.get("content-encoding") == "gzip" and stored.body[:2] == b"\x1f\x8b"
    return replace(stored, body=gzip.decompress(stored.body)) if packed else stored


@defect("storage/object/content-type-is-reported")
def no_default_content_type(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, PutObject: an object without a Content-Type is returned without one."""
    if answer.headers.get("content-type") == "binary/octet-stream":
        del answer.headers["Content-Type"]
    return answer


@defect("storage/object/dates-agree")
def date_in_iso_form(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 6.6.1: Date is in ISO 8601 form."""
    answer.headers["Date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return answer


@defect("storage/object/dates-agree")
def last_modified_of_the_source_copied(new_object: Any, call: Call, md5: str, checksums: Any) -> StoredObject:
    """S3 API Reference, GetObject, Last-Modified: a Last-Modified field in the request changes it."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, modified=784111777) if "last-modified" in call.headers else stored


@defect("storage/object/fields-have-their-form")
async def checksums_of_head_are_numbers(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, HeadObject, x-amz-checksum-crc32: it is a decimal number."""
    answer: Answer = await get_object(call, bucket)
    if call.request.method == "HEAD" and (checksum := answer.headers.get(CRC32)):
        answer.headers[CRC32] = str(int.from_bytes(base64.b64decode(checksum)))
    return answer


@defect("storage/object/large-metadata-is-stored-or-refused")
def large_metadata_is_server_error(metadata_too_large: Any, size: int) -> bool:
    """S3 API Reference, MetadataTooLarge: too large metadata is answered with a 5xx."""
    if metadata_too_large(size):
        raise server_error()
    return False


@defect("storage/object/last-modified-is-now")
def copy_has_the_date_of_its_source(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObjectResult, LastModified: it is the source's date."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, modified=stored.modified)


@defect("storage/object/last-modified-is-now")
def last_modified_in_local_time(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """RFC 9110 section 8.8.2.1: Last-Modified is in local time."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, modified=stored.modified + 7200)


@defect("storage/object/last-modified-is-now")
async def copy_touches_its_source(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject: a copy changes the source's Last-Modified."""
    answer: Answer = await copy_object(call, bucket)
    surface = gateway(copy_object)
    name, key = surface.copy_source(call)
    if (name, key) != (bucket.name, call.key):
        held = surface.buckets[name]
        held.put(key, replace(held.objects[key], modified=surface.seconds()))
    return answer


@defect("storage/object/last-modified-is-now", state=lambda: SimpleNamespace(first={}))
def listed_with_the_date_of_the_first(state: Any, listed_object: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 API Reference, Object, LastModified: an overwritten object is listed with its first date."""
    stored: StoredObject | None = listed_object(bucket, key)
    first = state.first.setdefault(f"{bucket.name}/{key}", stored.modified) if stored else 0
    return replace(stored, modified=first) if stored else None


class ChangedInPlaceKeepsItsDate(Defect):
    """S3 API Reference, CopyObject: a copy onto itself keeps the old date."""

    noticed_by = ("storage/object/last-modified-is-now",)
    in_place = False

    def changes(self, original: Any, call: Call, source: Source, replaced: bool) -> bool:
        self.in_place = True
        return bool(original(call, source, replaced))

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copied: StoredObject = original(call, stored, replaced)
        copied, self.in_place = replace(copied, modified=stored.modified) if self.in_place else copied, False
        return copied


@defect("storage/object/last-modified-is-now")
def listed_as_modified_whenever_one_asks(listed_object: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 API Reference, Object, LastModified: it is the time of the listing."""
    found: StoredObject | None = listed_object(bucket, key)
    return found and replace(found, modified=gateway(listed_object).seconds())


@defect("storage/object/metadata-comes-back#unusual-names")
def fields_with_underscores_dropped(authenticate: Any, request: Request) -> Signer:
    """RFC 9110 section 5.1: fields whose names contain underscores are dropped."""
    left = [pair for pair in request.headers.raw if b"_" not in pair[0]]
    return authenticate(replace(request, headers=Headers(raw=left)))


@defect(
    "storage/object/metadata-comes-back#unusual-names,nearly-two-kb,of-a-folder,of-a-long-name",
    "storage/sdk/put-and-get#base",
)
def metadata_lost(metadata: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Working with object metadata": user metadata is lost."""
    return {}


@defect("storage/object/repeated-metadata-is-joined")
def repeated_metadata_refused(metadata: Any, call: Call) -> dict[str, str]:
    """RFC 9110 section 5.3: a repeated metadata field is refused."""
    found: dict[str, str] = metadata(call)
    if any(len(call.headers.getlist(f"x-amz-meta-{name}")) > 1 for name in found):
        raise Fault("InvalidArgument")
    return found


@defect("storage/object/repeated-metadata-is-joined")
def repeated_metadata_once(metadata: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "User-defined object metadata": of a repeated metadata field, one value is kept."""
    metadata(call)
    return {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}


@defect(
    "storage/object/system-headers-come-back#cache-control,content-disposition,content-language,expires",
    "storage/object/content-encoding-comes-back",
)
def system_headers_lost(system_headers: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "System-defined object metadata": Cache-Control and similar fields are lost."""
    return {"content-type": gateway(system_headers).content_type(call)}


@defect("storage/object/system-headers-come-back#octet-stream")
def type_of_any_bytes_guessed(system_headers: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, PutObject, Content-Type: application/octet-stream is replaced by a guess from the key."""
    fields: dict[str, str] = system_headers(call)
    guessed = call.key.endswith(".html") and call.headers.get("content-type") == "application/octet-stream"
    return {name: "text/html" if guessed and name.lower() == "content-type" else fields[name] for name in fields}


@defect("storage/object/metadata-beyond-ascii-is-unaltered#cjk,emoji,latin")
def metadata_beyond_ascii_in_question_marks(metadata: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, PutObject, x-amz-meta-: non-ASCII characters become question marks."""
    return {name: value.encode("ascii", "replace").decode() for name, value in metadata(call).items()}
