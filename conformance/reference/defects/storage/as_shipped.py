"""Defects of the kinds that gateways were shipped with, as the notes on their releases tell."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, Part, Upload

UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
PARTS_COUNT = "x-amz-mp-parts-count"
BLANKS = re.compile(" +")
NOUGHTS = re.compile("/0+([0-9]+)$")


class ForgedUrlsOfUnsignedChunks(Defect):
    """SigV4, "Using Query Parameters": a URL's signature is verified, also where chunks behind it have none."""

    surface = "storage"
    noticed_by = ("storage/presigned/wrong-secret-is-refused#with-unsigned-chunks",)
    shipped = True

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        if request.headers.get("x-amz-content-sha256") == UNSIGNED_CHUNKS and "authorization" not in request.headers:
            presented: Presented = surface.presented(request)
            key = surface.known_key(presented.credential.access_key)
            if key is not None:
                return Signer(key.organization, b"", presented.timestamp, "", "", UNSIGNED_CHUNKS)
        found: Signer = original(request)
        return found


class PartsMustBeOfOneSize(Defect):
    """S3 User Guide, "Multipart upload limits": each part has 5 MiB to 5 GiB, whatever the others have."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)
    shipped = True

    def check_part_sizes(self, original: Any, sizes: list[int]) -> None:
        if len(set(sizes[:-1])) > 1:
            raise Fault("InvalidPart", "All non-trailing parts must have the same length.")
        original(sizes)


class NoEndByOtherDelimiters(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: false where all is told, whatever the delimiter is."""

    surface = "storage"
    noticed_by = ("storage/paging/truncation-is-told",)
    shipped = True

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.truncated = page.truncated or (wanted.delimiter not in ("", "/") and page.count > 0)
        return page


class BlanksOfNamedKeysFolded(Defect):
    """XML 1.0 section 2.10: white space in a key is passed to who deletes it, each blank of it."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)
    shipped = True

    def entry_key(self, original: Any, entry: xml.Node) -> str:
        return BLANKS.sub(" ", str(original(entry)))


class WholeCopiedPartIsTheObject(Defect):
    """S3 API Reference, UploadPartCopy: without a range it copies a part, and no object, either."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#of-a-hard-name", "storage/multipart/part-can-be-copied#whole")
    shipped = True

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "x-amz-copy-source-range" not in call.headers:
            source: Source = await gateway(original).source(call)
            bucket.put(call.key, source.stored)
        return answer


class NoughtsBeforeNumbersLost(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key is a sequence of characters, also where these are digits."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#tilde-and-noughts",)
    shipped = True

    def object_key(self, original: Any, key: str) -> str:
        return NOUGHTS.sub(r"/\1", str(original(key)))


class DirectoryOfAnObjectListed(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: keys are rolled up, and nothing that is kept beside them."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-below-an-object",)
    shipped = True

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if wanted.delimiter == "/" and wanted.prefix.endswith("/") and wanted.prefix[:-1] in names:
            page.prefixes.append(f"{wanted.prefix}ec750fe0/")
        return page


class ReadingRenewsTheDate(Defect):
    """S3 API Reference, GetObject, Last-Modified: when the object was last modified, and not when it was read."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)
    shipped = True

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "GET" and answer.status == 200:
            bucket.put(call.key, replace(bucket.objects[call.key], modified=int(time.time())))
        return answer


class UploadsTakeRoomOnPages(Defect):
    """S3 API Reference, ListObjectsV2: what is listed are objects; an upload hides none by being under way."""

    surface = "storage"
    noticed_by = ("storage/multipart/invisible-until-complete",)
    shipped = True

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        prefix = call.query.get("prefix", "")
        open_there = sum(each.key.startswith(prefix) for each in bucket.uploads.values())
        room = call.query.get("max-keys", "1000")
        if open_there and room.isdigit() and int(room) <= open_there:
            call = replace(call, query={**call.query, "max-keys": "0"})
        answer: Answer = await original(call, bucket)
        return answer


class TypedFoldersHidden(Defect):
    """S3 API Reference, ListObjectsV2: an object whose key ends in a slash is listed, of whatever type it is."""

    surface = "storage"
    noticed_by = ("storage/listing/key-that-is-the-prefix",)
    shipped = True

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        def hidden(key: str) -> bool:
            return key.endswith("/") and bucket.objects[key].headers.get("content-type") == "application/octet-stream"

        return [key for key in original(bucket) if not hidden(key)]


class SecondPartBeginsEarly(Defect):
    """RFC 9110 section 14.4: the bytes that come with 206 are those of its Content-Range."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)
    shipped = True

    async def on_object(self, original: Any, call: Call) -> Answer:
        read = call.request.method == "GET" and call.query.get("partNumber") == "2" and "uploadId" not in call.query
        answer: Answer = await original(replace(call, query={}) if read else call)
        size = int(answer.headers.get("content-length", "0"))
        if read and answer.status == 200 and size > SMALLEST_PART:
            answer.status, answer.body = 206, answer.body[SMALLEST_PART - 1 : -1]
            answer.headers["Content-Range"] = f"bytes {SMALLEST_PART}-{size - 1}/{size}"
            answer.headers["Content-Length"] = str(size - SMALLEST_PART)
        return answer


class PartsCountedByTheirNumbers(Defect):
    """S3 API Reference, HeadObject, x-amz-mp-parts-count: how many parts there are, whatever their numbers."""

    surface = "storage"
    noticed_by = ("storage/multipart/numbers-may-have-gaps",)
    shipped = True

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        await original(upload, part)
        self.numbers[upload.key] = max(upload.parts)

    async def on_object(self, original: Any, call: Call) -> Answer:
        reading = call.request.method == "HEAD" and call.query.get("partNumber") == "1" and call.key in self.numbers
        answer: Answer = await original(replace(call, query={}) if reading else call)
        if reading and answer.status == 200:
            answer.headers[PARTS_COUNT] = str(self.numbers[call.key])
        return answer


class PartsCountedByReadersAlone(Defect):
    """S3 API Reference, HeadObject: identical to the GET response, in the number of parts, too, that is told."""

    surface = "storage"
    noticed_by = ("storage/object/head-equals-get#of-a-part",)
    shipped = True

    async def on_object(self, original: Any, call: Call) -> Answer:
        reading = call.request.method in ("GET", "HEAD") and call.query.get("partNumber") == "1"
        answer: Answer = await original(replace(call, query={}) if reading and "uploadId" not in call.query else call)
        if reading and answer.status == 200 and call.request.method == "GET":
            answer.headers[PARTS_COUNT] = "1"
        return answer
