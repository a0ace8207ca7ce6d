"""Defects of what a listing says beside its keys: version, markers, prefixes, folders."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket


class SecondVersionAnsweredAsFirst(Defect):
    """S3 API Reference, ListObjectsV2: list-type=2 is answered with KeyCount and continuation tokens."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return await gateway(original).list_objects(call, bucket)


class NextMarkerMissing(Defect):
    """S3 API Reference, ListObjects, NextMarker: given where a delimiter was and more is to come."""

    surface = "storage"
    noticed_by = ("storage/paging/truncation-is-told",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        head, mark, tail = answer.body.partition(b"<NextMarker>")
        answer.body = head + tail.partition(b"</NextMarker>")[2] if mark else head
        return answer


class CommonPrefixesUnsorted(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: in order, like keys."""

    surface = "storage"
    noticed_by = ("storage/sdk/paginator",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.prefixes.reverse()
        return page


class FolderMarkerHidden(Defect):
    """S3 User Guide, "Organizing objects using prefixes": an object whose key ends in a slash is listed like any."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept",)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not key.endswith("/")]


class PageOfNothingIsNeverTheLast(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: who goes on while it is true never ends where no token comes."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-nought-is-empty",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if ("max-keys", "0") in request.query:
            answer.body = answer.body.replace(b"<IsTruncated>false<", b"<IsTruncated>true<")
        return answer
