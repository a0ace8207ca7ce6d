"""Defects that show where two things meet: a read and another kind of write, a key and another bucket, two digests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket

DIRECTIVE = "x-amz-metadata-directive"
SIGNATURE = "X-Amz-Signature="


class SameKeyElsewhereIsItself(Defect):
    """S3 API Reference, CopyObject: a copy to the same key of another bucket is no copy onto itself."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets#of-a-name-in-both",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if gateway(original).copy_source(call)[1] == call.key and DIRECTIVE not in call.headers:
            raise Fault("InvalidRequest")
        answer: Answer = await original(call, bucket)
        return answer


class TagsCountedAsTheyWerePut(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object, and not of those it had."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, tags)
        if before is not None and before.tags and not tags:
            counted = {**before.headers, "x-amz-tagging-count": str(len(before.tags))}
            bucket.put(key, replace(bucket.objects[key], headers=counted))


class QuerySignedAsSent(Defect):
    """SigV4, "Task 1": the query is encoded anew for the signature, however it was encoded on its way."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter#of-the-query",)

    def canonical_query(self, original: Any, request: Request) -> str:
        sent = [each for each in request.query_string.split("&") if each and not each.startswith(SIGNATURE)]
        return "&".join("=".join(pair) for pair in sorted(tuple(each.partition("=")[::2]) for each in sent))


class UrlsToPostRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, the opening of an upload too."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "POST" and SIGNATURE in request.query_string:
            raise Fault("SignatureDoesNotMatch")
        found: Signer = original(request)
        return found


class StartAfterGroupsBySlashAlone(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: keys are grouped by any, also behind a start-after."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive#with-another-delimiter",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if wanted.after and wanted.delimiter not in ("", "/"):
            page.prefixes.clear()
        return page


class CreationSeesNoParts(Defect):
    """S3 API Reference, PutObject, If-None-Match: an object that came in parts is there as any other is."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/replaces-what-matches#of-parts",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        found = bucket.objects.get(call.key)
        if found is not None and "-" in found.etag and call.headers.get("if-none-match") == "*":
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer
