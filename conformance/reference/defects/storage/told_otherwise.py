"""Defects of what is done rightly and told otherwise, or told in one place alone: by number, by HEAD, by a listing."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request, head
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject

QUOTED = re.compile(r"<ETag>&quot;(.*?)&quot;</ETag>|<ETag>\"(.*?)\"</ETag>")
NEXT_TOKEN = re.compile(rb"<NextContinuationToken>(.*?)</NextContinuationToken>")

# The number of a success.


class OverwritingAnswersNoContent(Defect):
    """S3 API Reference, PutObject, Response Syntax: HTTP/1.1 200, for an object in the place of another, too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-200",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        stood = call.key in bucket.objects
        answer: Answer = await original(call, bucket)
        answer.status = 204 if stood else answer.status
        return answer


class DeletionAnswersOk(Defect):
    """S3 API Reference, DeleteObject, Response Syntax: HTTP/1.1 204, with an object there or without."""

    surface = "storage"
    noticed_by = ("storage/object/deleted-is-204",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        stood = call.key in bucket.objects
        answer: Answer = await original(call, bucket)
        answer.status = 200 if stood else answer.status
        return answer


class RangesOfNothingUnsatisfiable(Defect):
    """S3 API Reference, NoSuchKey: a key without an object is missing, whichever part of it is asked for."""

    surface = "storage"
    noticed_by = ("storage/object/missing-is-404", "storage/object/written-is-read")

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and "range" in call.headers:
            raise gateway(original).unsatisfiable(0)
        answer: Answer = await original(call, bucket)
        return answer


# By HEAD and by listings.


class HeadTellsNoMetadata(Defect):
    """S3 API Reference, HeadObject: its answer is that of GET, without the body."""

    surface = "storage"
    noticed_by = ("storage/object/head-equals-get",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        for name in list(answer.headers) if call.request.method == "HEAD" else ():
            if name.startswith(META):
                del answer.headers[name]
        return answer


class HeadOfNothingTellsNoLength(Defect):
    """S3 API Reference, HeadObject: its answer is that of GET. A length of 0 is known to be left out by proxies."""

    surface = "storage"
    noticed_by = ("storage/object/head-equals-get#of-nothing",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and answer.headers.get("content-length") == "0":
            del answer.headers["content-length"]
            answer.headers["Date"] = formatdate(usegmt=True)
            answer.wire, answer.closes = head(answer, []), True
        return answer


class _Remembered(Defect):
    """Keeps what was deleted, for somewhere to be told still."""

    surface = "storage"

    def __init__(self) -> None:
        self.deleted: dict[tuple[str, str], StoredObject] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key in bucket.objects:
            self.deleted[bucket.name, key] = bucket.objects[key]
        await original(bucket, key, asked)


class HeadOfTheDeleted(_Remembered):
    """S3 User Guide, consistency model: after a deletion HEAD is told that there is nothing, as GET is."""

    noticed_by = ("storage/object/delete-removes", "storage/object/delete-removes#of-two-at-once")

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        kept = self.deleted.get((bucket.name, call.key))
        if call.request.method == "HEAD" and kept is not None and call.key not in bucket.objects:
            return gateway(original).object_answer(call, kept, {})
        answer: Answer = await original(call, bucket)
        return answer


class DeletedIsListed(_Remembered):
    """S3 User Guide, consistency model: after a deletion a listing has the key no more."""

    noticed_by = ("storage/object/delete-removes", "storage/object/delete-removes#of-two-at-once")

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return sorted({*original(bucket), *(key for name, key in self.deleted if name == bucket.name)})

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key) or self.deleted.get((bucket.name, key))
        return found


class ListedEtagUnquoted(Defect):
    """S3 API Reference, ListObjectsV2, sample response: a listing writes the ETag in its quotes, too."""

    surface = "storage"
    noticed_by = ("storage/object/etag-is-one-and-quoted",)

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        return QUOTED.sub(r"<ETag>\1\2</ETag>", original(key, stored, encoded, owner))


class EtagOfTheLength(Defect):
    """S3 API Reference, Object, ETag: it "reflects changes only to the contents of an object", and all of those."""

    surface = "storage"
    noticed_by = ("storage/object/etag-follows-the-bytes",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=hashlib.md5(str(stored.size).encode()).hexdigest())


class CopyToldByAnotherClock(Defect):
    """S3 API Reference, CopyObjectResult, LastModified: the object's, as it is told by HEAD afterwards."""

    surface = "storage"
    noticed_by = ("storage/copy/date-is-told",)

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        told: list[str] = original(etag, modified + 2, checksums)
        return told


class LastDeletionOfManyDenied(Defect):
    """S3 API Reference, DeleteObjects: who may delete an object may so with others, and is told of each what became."""

    surface = "storage"
    noticed_by = ("storage/sdk/delete-objects#base", "storage/sdk/delete-objects#default")

    def __init__(self) -> None:
        self.left = 0

    def entries(self, original: Any, asked: xml.Node) -> list[xml.Node]:
        found: list[xml.Node] = original(asked)
        self.left = len(found)
        return found

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        original(entry)
        self.left -= 1
        if self.left == 0:
            raise Fault("AccessDenied")


class StrangersToldOfNothing(Defect):
    """S3 API Reference, AccessDenied: who has no signature is told that, and not that there is nothing."""

    surface = "storage"
    noticed_by = (
        "storage/signature/anonymous-is-refused#create-upload",
        "storage/signature/anonymous-is-refused#list",
        "storage/signature/refusal-tells-not-what-exists#delete",
        "storage/signature/refusal-tells-not-what-exists#under-another-tag",
        "storage/signature/refusal-tells-not-what-exists#under-its-tag",
    )

    def anonymous(self, original: Any) -> Fault:
        return Fault("NoSuchKey")


# Codings.


class UnpackedUnderItsCoding(Defect):
    """S3 API Reference, GetObject, Content-Encoding: it tells which coding the bytes have that come with it."""

    surface = "storage"
    noticed_by = ("storage/object/content-encoding-comes-back",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        packed = stored.headers.get("content-encoding") == "gzip" and stored.body[:2] == b"\x1f\x8b"
        return replace(stored, body=gzip.decompress(stored.body)) if packed else stored


class CompressedUntold(Defect):
    """RFC 9110 section 8.4: a coding that was applied to the bytes is told in Content-Encoding."""

    surface = "storage"
    noticed_by = ("storage/object/other-coding-has-another-etag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        asked = "gzip" in request.headers.get("accept-encoding", "") and request.method == "GET"
        if asked and answer.status == 200 and answer.headers.get("content-type") == "text/plain":
            answer.body = gzip.compress(answer.body, mtime=0)
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


# Pages.


class MarkerIsListed(Defect):
    """S3 API Reference, ListObjects, Marker: the listing begins after this key."""

    surface = "storage"
    noticed_by = (
        "storage/paging/pages-make-the-whole#1",
        "storage/paging/groups-make-the-whole#2",
        "storage/paging/groups-make-the-whole#3",
        "storage/paging/groups-make-the-whole#4",
        "storage/paging/groups-make-the-whole#7",
        "storage/paging/groups-make-the-whole#another-delimiter",
        "storage/paging/goes-on-after-start-after",
    )

    def __init__(self) -> None:
        self.old = False

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.old = True
        try:
            answer: Answer = await original(call, bucket)
        finally:
            self.old = False
        return answer

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        place = int(original(names, wanted))
        return place - (self.old and place > 0 and names[place - 1] == wanted.after)


class PrefixEndsAtTheFirstLetter(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: as far as the delimiter goes, to its last letter."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-of-several-letters",)

    def __init__(self) -> None:
        self.more = 0

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        self.more = max(len(wanted.delimiter) - 1, 0)
        return wanted

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        told: list[str] = original([name[: len(name) - self.more] for name in prefixes], encoded)
        return told


class TokenIsACursor(Defect):
    """S3 API Reference, ListObjectsV2, ContinuationToken: it names a place, where the list goes on each time."""

    surface = "storage"
    noticed_by = ("storage/paging/token-can-be-used-again",)

    def __init__(self) -> None:
        self.token = ""
        self.gone_to: dict[str, str] = {}

    def opened_token(self, original: Any, token: str) -> str:
        self.token = token
        return self.gone_to.pop(token, None) or str(original(token))

    def continuation_token(self, original: Any, last: str) -> str:
        self.gone_to[self.token] = last
        return str(original(last))


class NextTokenToldAsThis(Defect):
    """S3 API Reference, ListObjectsV2, ContinuationToken: the one that was sent is included in the response."""

    surface = "storage"
    noticed_by = ("storage/paging/place-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if following := NEXT_TOKEN.search(answer.body):
            told = b"<ContinuationToken>" + following[1] + b"</ContinuationToken>"
            answer.body = re.sub(rb"<ContinuationToken>.*?</ContinuationToken>", lambda _: told, answer.body)
        return answer


class NoBucketsAreAllBuckets(Defect):
    """S3 API Reference, ListBuckets, prefix: the response has bucket names that begin with it, and be they none."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-of-a-prefix",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        if b"<Bucket>" not in answer.body:
            answer = original(replace(call, query={}))
        return answer
