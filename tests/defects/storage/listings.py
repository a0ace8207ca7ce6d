"""Defects of listings.

They break these promises:

- A listing contains every object exactly once.
- URL-encoded listings decode to the same keys.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import gateway
from tests.defects.rows import row
from tests.defects.support.storage import MOMENT_S

_TIME = re.compile(rb"(<LastModified>[0-9-]+)T([0-9:]+)[^<]*")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")

ROWS = (
    row(
        "listing-gets-no-answer",
        "S3 API Reference, ListObjectsV2: the objects of a bucket are listed.",
        "storage/listing/contains-every-object-once#under-a-prefix",
        "storage/listing/contains-every-object-once#whole-bucket",
        intercept=lambda request: Answer.none() if request.parameter("list-type") == "2" else None,
    ),
    row(
        "key-count-is-no-number",
        "S3 API Reference, ListObjectsV2, KeyCount: of the type Integer.",
        "storage/listing/response-repeats-the-request#parameters",
        key_count=lambda original, page: "many",
    ),
    row(
        "encoding-type-not-heeded",
        "S3 API Reference, ListObjectsV2, encoding-type: with ``url`` names are percent-encoded.",
        "storage/listing/encoding-type-is-reported",
        listed_name=lambda original, element, name, encoded: original(element, name, False),
    ),
    row(
        "token-of-encoded-key",
        "S3 API Reference, ListObjectsV2: keys are encoded for the answer, not for where the next page begins.",
        "storage/paging/encoded-pages-contain-every-key-once#1",
        "storage/paging/encoded-pages-contain-every-key-once#2",
        "storage/paging/encoded-pages-contain-every-key-once#3",
        continuation_token=lambda original, last: str(original(quote(last, safe="/-_.~"))),
    ),
)


class EmptiedFoldersListed(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: a prefix that keys have, and not one that keys once had."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-folders-disappear#one-by-one",)

    def __init__(self) -> None:
        self.folders: set[str] = set()

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        above = key.rpartition("/")[0]
        if above:
            self.folders.add(above + "/")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        left = (self._shown(each, wanted) for each in self.folders)
        page.prefixes = sorted({*page.prefixes, *(each for each in left if each)})
        return page

    def _shown(self, folder: str, wanted: Wanted) -> str:
        """The common prefix that a folder is shown by, if by any."""
        below = folder.removeprefix(wanted.prefix) if folder.startswith(wanted.prefix) else ""
        shown = wanted.prefix + below.partition("/")[0] + "/"
        return shown if below and wanted.delimiter == "/" and shown > wanted.after else ""


class FolderOutlivesItsKeys(Defect):
    """S3 User Guide, "Organizing objects using prefixes": there are no folders, so that none stays when its keys go."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-folders-disappear#together",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        stood = bucket.objects.get(key)
        told: str = await original(bucket, entry, quiet)
        folder = key.rpartition("/")[0] + "/"
        if stood and folder != "/" and not any(each.startswith(folder) for each in bucket.objects):
            bucket.put(folder, replace(stood, body=b""))
        return told


class PrefixesInNoOrder(Defect):
    """S3 User Guide, "Listing object keys programmatically": names are listed in the order of their UTF-8 bytes."""

    surface = "storage"
    noticed_by = ("storage/listing/is-in-utf8-order",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.prefixes.reverse()
        return page


class ListedInDirectoryOrder(Defect):
    """S3 API Reference, ListObjectsV2: keys are listed in UTF-8 binary order."""

    surface = "storage"
    noticed_by = ("storage/listing/is-in-utf8-order",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.keys.sort(key=lambda key: key.split("/"))
        return page


class WholeBucketIsUngrouped(Defect):
    """S3 API Reference, ListObjectsV2, Delimiter: it groups keys whether or not there is a prefix."""

    surface = "storage"
    noticed_by = ("storage/listing/contains-every-object-once#whole-bucket",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return wanted if wanted.prefix else replace(wanted, delimiter="")


class NewKeyListedLate(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": an object is listed as soon as it was put."""

    surface = "storage"
    noticed_by = (
        "storage/listing/contains-every-object-once#whole-bucket",
        "storage/listing/contains-every-object-once#whole-bucket-v1",
    )

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], float] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if key not in bucket.objects:
            self.made[bucket.name, key] = gateway(original).now() + MOMENT_S
        await original(bucket, key, stored, asked)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        now = gateway(original).now()
        return [key for key in original(bucket) if self.made.get((bucket.name, key), 0) <= now]


class LongListEndsUnsaid(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: false where all results were returned, not after a thousand."""

    surface = "storage"
    noticed_by = (
        "storage/listing/over-1000-keys-are-complete#max-keys-5000",
        "storage/listing/over-1000-keys-are-complete#no-max-keys",
    )

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        found: Page = original(names, wanted)
        found.truncated = found.truncated and found.count < LONGEST_PAGE
        return found


class CopiesHaveNoOwner(Defect):
    """S3 API Reference, ListObjectsV2, fetch-owner: the owner is told of each object, of a copy as well."""

    surface = "storage"
    noticed_by = ("storage/listing/owner-is-reported-on-request",)

    def __init__(self) -> None:
        self.copies: set[tuple[str, str]] = set()

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.copies.add((bucket.name, call.key))
        return answer

    def listed_contents(self, original: Any, bucket: Bucket, page: Page, encoded: bool, owner: str) -> list[str]:
        entries: list[str] = original(bucket, page, encoded, owner)
        copied = [(bucket.name, key) in self.copies for key in page.keys]
        if len(copied) != len(entries) or not owner:
            return entries
        return [entry.replace(owner, "") if was else entry for entry, was in zip(entries, copied, strict=True)]


class FirstVersionForgetsThePrefix(Defect):
    """S3 API Reference, ListObjects, Prefix: the answer says which prefix its keys begin with."""

    surface = "storage"
    noticed_by = ("storage/listing/response-repeats-the-request#parameters",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"<Prefix>[^<]*</Prefix>", b"<Prefix></Prefix>", answer.body, count=1)
        return answer


class MaxKeysToldAsTheServersOwn(Defect):
    """S3 API Reference, ListObjectsV2, MaxKeys: the maximum number of keys of this answer, not of any."""

    surface = "storage"
    noticed_by = (
        "storage/listing/response-repeats-the-request#parameters",
        "storage/listing/response-repeats-the-request#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = re.sub(rb"<MaxKeys>\d+<", b"<MaxKeys>1000<", answer.body)
        return answer


def without_element(answer: Answer, name: str, with_content: bool = False) -> Answer:
    """The answer without the tags of an element, or without all of it."""
    pattern = f"<{name}>.*?</{name}>" if with_content else f"</?{name}>"
    answer.body = re.sub(pattern.encode(), b"", answer.body, flags=re.DOTALL)
    return answer


class KeyCountMissing(Defect):
    """S3 API Reference, ListObjectsV2, KeyCount: how many keys there are is told, and read by programs."""

    surface = "storage"
    noticed_by = ("storage/listing/response-repeats-the-request#parameters",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return without_element(await original(call, bucket), "KeyCount", with_content=True)


class ListedTimesOfADatabase(Defect):
    """S3 API Reference, Object, LastModified: a timestamp in ISO 8601 form, in UTC."""

    surface = "storage"
    noticed_by = ("storage/listing/entries-match-head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<ListBucketResult" in answer.body:
            answer.body = _TIME.sub(rb"\1 \2", answer.body)
        return answer


class FirstVersionTellsADayOnly(Defect):
    """S3 API Reference, ListObjects, LastModified: a timestamp, as ListObjectsV2 has it."""

    surface = "storage"
    noticed_by = ("storage/listing/entries-match-head",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"(<LastModified>[0-9-]*T)[0-9:.]*Z", rb"\g<1>00:00:00Z", answer.body)
        return answer


class ListedWithoutSize(Defect):
    """S3 API Reference, ListObjectsV2, Size: the size in bytes of the object, which clients compare with a file's."""

    surface = "storage"
    noticed_by = ("storage/listing/entries-match-head", "interoperability/storage/second-upload-transfers-nothing")

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        stored: StoredObject | None = original(bucket, key)
        return stored and replace(stored, body=b"")


class EncodedListingsForgetThePrefix(Defect):
    """S3 API Reference, ListObjectsV2, Prefix: told as it was asked, encoded where that was asked too."""

    surface = "storage"
    noticed_by = ("storage/listing/request-values-are-encoded",)

    def echoed(self, original: Any, call: Call, wanted: Wanted, encoded: bool) -> list[str]:
        told: list[str] = original(call, replace(wanted, prefix="") if encoded else wanted, encoded)
        return told


class EchoesBare(Defect):
    """S3 API Reference, ListObjectsV2, EncodingType: Delimiter, Prefix and StartAfter are encoded as keys are."""

    surface = "storage"
    noticed_by = ("storage/listing/request-values-are-encoded",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return str(original(element, name, encoded and element not in ("Delimiter", "StartAfter", "Marker")))


class FoldersOfUploadsNotEncoded(Defect):
    """S3 API Reference, ListMultipartUploads, EncodingType: where it is told, common prefixes are encoded, too."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-keys-are-encoded",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if ("uploads", "") in request.query:
            folders = rb"(?<=<CommonPrefixes><Prefix>)[^<]*"
            answer.body = re.sub(folders, lambda found: unquote(found[0].decode()).encode(), answer.body)
        return answer


class UploadsListedInTheBasicPlane(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": keys are UTF-8, of whichever plane, while they are uploaded too."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-keys-are-encoded",)

    def listed_upload(self, original: Any, bucket: Bucket, upload: Upload, encoded: bool) -> str:
        key = _BEYOND.sub("?", upload.key)
        return str(original(bucket, replace(upload, key=key), encoded))


class MarkerNotEncoded(Defect):
    """S3 API Reference, ListObjects, encoding-type: NextMarker is encoded as the keys are."""

    surface = "storage"
    noticed_by = ("storage/paging/next-marker-is-encoded#1", "storage/paging/next-marker-is-encoded#2")

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return str(original(element, name, encoded and element != "NextMarker"))
