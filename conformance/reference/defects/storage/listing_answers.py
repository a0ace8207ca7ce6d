"""Defects of what a listing says beside its keys: version, markers, prefixes, folders."""

from __future__ import annotations

import re
from dataclasses import replace
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
    noticed_by = (
        "storage/listing/start-after-is-exclusive#a-folder-s-name",
        "storage/listing/start-after-is-exclusive#a-key",
        "storage/listing/start-after-is-exclusive#behind-the-prefix",
        "storage/listing/start-after-is-exclusive#below-a-key",
        "storage/listing/start-after-is-exclusive#below-a-key-page-by-page",
        "storage/listing/start-after-is-exclusive#between",
        "storage/listing/start-after-is-exclusive#the-last",
        "storage/listing/start-after-is-exclusive#with-a-delimiter",
    )

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


class FirstVersionTellsADayOnly(Defect):
    """S3 API Reference, ListObjects, LastModified: a timestamp, as ListObjectsV2 has it."""

    surface = "storage"
    noticed_by = ("storage/listing/tells-what-head-tells",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"(<LastModified>[0-9-]*T)[0-9:.]*Z", rb"\g<1>00:00:00Z", answer.body)
        return answer


class FirstVersionForgetsThePrefix(Defect):
    """S3 API Reference, ListObjects, Prefix: the answer says which prefix its keys begin with."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"<Prefix>[^<]*</Prefix>", b"<Prefix></Prefix>", answer.body, count=1)
        return answer


class WholeBucketIsUngrouped(Defect):
    """S3 API Reference, ListObjectsV2, Delimiter: it groups keys whether or not there is a prefix."""

    surface = "storage"
    noticed_by = ("storage/listing/lists-what-is-there#in-the-whole-bucket",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return wanted if wanted.prefix else replace(wanted, delimiter="")


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
    noticed_by = ("storage/key/ordinary-names-are-kept#trailing-slash",)

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


class MaxKeysToldAsTheServersOwn(Defect):
    """S3 API Reference, ListObjectsV2, MaxKeys: the maximum number of keys of this answer, not of any."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked", "storage/listing/says-what-was-asked#of-the-whole-run")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = re.sub(rb"<MaxKeys>\d+<", b"<MaxKeys>1000<", answer.body)
        return answer


class FolderItselfListedBesideIt(Defect):
    """S3 API Reference, ListObjectsV2, Delimiter: keys that are rolled up are not returned elsewhere."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-groups#of-a-folder-itself",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.keys = sorted({*page.keys, *({*page.prefixes} & {*names})})
        return page


class CarriageReturnsNotEscaped(Defect):
    """XML 1.0 section 2.11: a reader takes a carriage return for a newline where it stands as it is."""

    surface = "storage"
    noticed_by = ("storage/key/control-characters-do-not-break-listings#return",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = answer.body.replace(b"&#13;", b"\r")
        return answer


class EncodedListingsForgetThePrefix(Defect):
    """S3 API Reference, ListObjectsV2, Prefix: told as it was asked, encoded where that was asked too."""

    surface = "storage"
    noticed_by = ("storage/listing/what-was-asked-is-encoded-too",)

    def echoed(self, original: Any, call: Call, wanted: Wanted, encoded: bool) -> list[str]:
        told: list[str] = original(call, replace(wanted, prefix="") if encoded else wanted, encoded)
        return told
