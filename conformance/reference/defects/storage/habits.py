"""Habits of real gateways, each right nearly everywhere: what ends a page, a part, a URL, a document too early."""

from __future__ import annotations

import bisect
import posixpath
import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.sequences import drop_uploads
from conformance.reference.http import Answer, Request
from conformance.reference.storage import canonical, xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, StoredObject

DATE = "x-amz-date"
_HASH = re.compile("[0-9a-f]{64}")

# Where a page begins that follows one which ended at a folder.


class FolderEndsAtTheLastOfAscii(Defect):
    """S3 API Reference, ListObjectsV2: a folder is told once, whatever letters the names within begin with."""

    surface = "storage"
    noticed_by = ("storage/paging/groups-make-the-whole#1",)
    shipped = True

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        if wanted.delimiter and wanted.after.endswith(wanted.delimiter):
            return bisect.bisect_right(names, wanted.after + "\x7f")
        return int(original(names, wanted))


# What comes behind an answer that ends with its head (RFC 9112 section 6.3).


class ErrorsOfHeadHaveABody(Defect):
    """RFC 9110 section 9.3.2: no content in the answer to HEAD; what comes is taken for the next answer."""

    surface = "storage"
    noticed_by = ("storage/errors/head-has-no-body#missing-key",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status >= 400:
            answer.astray = b"<Error/>"
        return answer


class HeadHasTheBody(Defect):
    """S3 API Reference, HeadObject: what GET answers "except that there is no response body"."""

    surface = "storage"
    noticed_by = ("storage/object/head-equals-get",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and "etag" in answer.headers:
            answer.astray = b"x" * int(answer.headers["content-length"])
        return answer


class NoContentHasABody(Defect):
    """RFC 9110 section 15.3.5: 204 ends with its head."""

    surface = "storage"
    noticed_by = ("storage/object/no-content-has-no-length",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 204:
            answer.astray = b"0\r\n\r\n"
        return answer


class NotModifiedHasABody(Defect):
    """RFC 9110 section 15.4.5: 304 ends with its head."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-tells-no-other-length",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.astray = b"<Error/>"
        return answer


# Ranges of what was uploaded in parts.


class OpenRangeEndsWithItsPart(Defect):
    """RFC 9110 section 14.1.2: a range without an end goes to the end of the object, not of the part it begins in."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)
    shipped = True

    def asked_span(self, original: Any, call: Call, found: StoredObject) -> tuple[int, int] | None:
        span: tuple[int, int] | None = original(call, found)
        if span is None or "-" not in found.etag or not call.headers["range"].endswith("-"):
            return span
        return span[0], min(span[1], (span[0] // SMALLEST_PART + 1) * SMALLEST_PART)


class RangesCached(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": after a write every read has the new bytes, of a range too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)
    shipped = True

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], StoredObject] = {}

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        asked = call.headers.get("range")
        first = found if asked is None else self.kept.setdefault((call.bucket, call.key, asked), found)
        answer: Answer = original(call, first, overrides)
        return answer


class AbsenceToldByHeadCached(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": HEAD after the first write finds the object as GET does."""

    surface = "storage"
    noticed_by = (
        "storage/object/written-is-read",
        "storage/object/written-is-read#where-an-upload-was-completed",
        "storage/object/written-is-read#where-it-was-copied-over",
    )
    shipped = True

    def __init__(self) -> None:
        self.missed: set[tuple[str, str]] = set()

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        place = (call.bucket, call.key)
        if call.request.method == "HEAD" and (call.key not in bucket.objects or place in self.missed):
            self.missed.add(place)
            raise Fault("NoSuchKey")
        answer: Answer = await original(call, bucket)
        return answer


# Signatures and URLs.


class LifeOfUrlsFromOtherFields(Defect):
    """SigV4, "Using Query Parameters": a URL lives from its X-Amz-Date, not from a field that its bearer adds."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused#dated-now",)
    shipped = True

    def __init__(self) -> None:
        self.told: float | None = None

    def authenticate(self, original: Any, request: Request) -> Any:
        self.told = canonical.seconds_of(request.headers.get(DATE, ""))
        return original(request)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if self.told is None:
            original(age, expires)

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        original(request, replace(presented, signed_headers=(*presented.signed_headers, DATE)))


class WordsTakenForUnsignedPayload(Defect):
    """SigV4, x-amz-content-sha256: the hash of the payload, or UNSIGNED-PAYLOAD; nothing else leaves it unsigned."""

    surface = "storage"
    noticed_by = ("storage/signature/payload-hash-is-checked#no-hash",)
    shipped = True

    def payload_hash(self, original: Any, given: str | None) -> str:
        return given or str(original(given))

    def payload_matches(self, original: Any, stated: str, body: bytes) -> bool:
        return bool(original(stated, body)) or not _HASH.fullmatch(stated)


# Sources, and documents.


class CopySourceCleaned(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: a key as it is, with each of its slashes."""

    surface = "storage"
    noticed_by = ("storage/copy/source-is-decoded-once#doubled-slash",)
    shipped = True

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, posixpath.normpath(key)


class NamedDeletionsDropUploads(Defect):
    """S3 API Reference, UploadPart: an upload is open until it is completed or aborted, whatever is deleted."""

    surface = "storage"
    noticed_by = ("storage/multipart/invisible-until-complete",)
    shipped = True

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        drop_uploads(bucket, entry.require("Key"))
        return str(await original(bucket, entry, quiet))


class DeletionsEndAtErrors(Defect):
    """S3 API Reference, DeleteObjects: each key is deleted or told as an error, also behind one that could not be."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)
    shipped = True

    def __init__(self) -> None:
        self.failed = False

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.failed = False
        answer: Answer = await original(call, bucket)
        return answer

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        return "" if self.failed else str(await original(bucket, entry, quiet))

    def entry_failed(self, original: Any, key: str, fault: Fault) -> str:
        self.failed = True
        return str(original(key, fault))
