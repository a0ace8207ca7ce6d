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
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import MOMENT_S

_TIME = re.compile(rb"(<LastModified>[0-9-]+)T([0-9:]+)[^<]*")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")

ROWS = (
    row(
        "listing-gets-no-answer",
        "S3 API Reference, ListObjectsV2: a listing gets no response.",
        "storage/listing/contains-every-object-once#under-a-prefix,whole-bucket",
        intercept=lambda request: Answer.none() if request.parameter("list-type") == "2" else None,
    ),
    row(
        "key-count-is-no-number",
        "S3 API Reference, ListObjectsV2, KeyCount: it is not a number.",
        "storage/listing/response-repeats-the-request#parameters",
        key_count=lambda original, page: "many",
    ),
    row(
        "encoding-type-not-heeded",
        "S3 API Reference, ListObjectsV2, encoding-type: it is ignored.",
        "storage/listing/encoding-type-is-reported",
        listed_name=lambda original, element, name, encoded: original(element, name, False),
    ),
    row(
        "token-of-encoded-key",
        "S3 API Reference, ListObjectsV2: the token contains the encoded key, so the next page begins elsewhere.",
        "storage/paging/encoded-pages-contain-every-key-once#1,2,3",
        continuation_token=lambda original, last: str(original(quote(last, safe="/-_.~"))),
    ),
)


class EmptiedFoldersListed(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: the common prefix of deleted keys is still listed."""

    noticed_by = ("storage/listing/empty-folders-disappear#one-by-one",)
    folders: set[str] = set()

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        await original(bucket, key, conditions)
        above = key.rpartition("/")[0]
        if above:
            self.folders.add(above + "/")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        left = (self._shown(each, wanted) for each in self.folders)
        page.prefixes = sorted({*page.prefixes, *(each for each in left if each)})
        return page

    def _shown(self, folder: str, wanted: Wanted) -> str:
        """Return the common prefix under which a key is listed, if any."""
        below = folder.removeprefix(wanted.prefix) if folder.startswith(wanted.prefix) else ""
        shown = wanted.prefix + below.partition("/")[0] + "/"
        return shown if below and wanted.delimiter == "/" and shown > wanted.after else ""


@defect("storage/listing/empty-folders-disappear#together")
async def folder_outlives_its_keys(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 User Guide, "Organizing objects using prefixes": deleting the last key below ``a/`` creates ``a/``."""
    key = entry.require("Key")
    stood = bucket.objects.get(key)
    result: str = await delete_entry(bucket, entry, quiet)
    folder = key.rpartition("/")[0] + "/"
    if stood and folder != "/" and not any(each.startswith(folder) for each in bucket.objects):
        bucket.put(folder, replace(stood, body=b""))
    return result


@defect("storage/listing/is-in-utf8-order")
def prefixes_in_no_order(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 User Guide, "Listing object keys programmatically": common prefixes are not sorted."""
    found: Page = page(names, wanted)
    found.prefixes.reverse()
    return found


@defect("storage/listing/is-in-utf8-order")
def listed_in_directory_order(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2: keys are sorted by path segments instead of bytes."""
    found: Page = page(names, wanted)
    found.keys.sort(key=lambda key: key.split("/"))
    return found


@defect("storage/listing/contains-every-object-once#whole-bucket")
def whole_bucket_is_ungrouped(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, Delimiter: a delimiter without a prefix is ignored."""
    found: Wanted = wanted(call, after)
    return found if found.prefix else replace(found, delimiter="")


class NewKeyListedLate(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a new key is listed only after a moment."""

    noticed_by = ("storage/listing/contains-every-object-once#whole-bucket,whole-bucket-v1",)
    made: dict[tuple[str, str], float] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        if key not in bucket.objects:
            self.made[bucket.name, key] = gateway(original).now() + MOMENT_S
        await original(bucket, key, stored, conditions)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        now = gateway(original).now()
        return [key for key in original(bucket) if self.made.get((bucket.name, key), 0) <= now]


@defect("storage/listing/over-1000-keys-are-complete#max-keys-5000,no-max-keys")
def long_list_ends_without_is_truncated(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, IsTruncated: IsTruncated is false although more keys follow."""
    found: Page = page(names, wanted)
    found.truncated = found.truncated and found.count < LONGEST_PAGE
    return found


class CopiesHaveNoOwner(Defect):
    """S3 API Reference, ListObjectsV2, fetch-owner: copied objects have no owner."""

    noticed_by = ("storage/listing/owner-is-reported-on-request",)
    copies: set[tuple[str, str]] = set()

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


@defect("storage/listing/response-repeats-the-request#parameters")
async def first_version_loses_the_prefix(list_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjects, Prefix: Prefix is missing."""
    answer: Answer = await list_objects(call, bucket)
    answer.body = re.sub(rb"<Prefix>[^<]*</Prefix>", b"<Prefix></Prefix>", answer.body, count=1)
    return answer


@defect("storage/listing/response-repeats-the-request#parameters,of-the-whole-run")
def max_keys_reported_as_the_servers_own(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, ListObjectsV2, MaxKeys: it is the server's maximum, whatever was requested."""
    answer.body = re.sub(rb"<MaxKeys>\d+<", b"<MaxKeys>1000<", answer.body)
    return answer


def without_element(answer: Answer, name: str, with_content: bool = False) -> Answer:
    """Return the answer without an element, or without the element's tags only."""
    pattern = f"<{name}>.*?</{name}>" if with_content else f"</?{name}>"
    answer.body = re.sub(pattern.encode(), b"", answer.body, flags=re.DOTALL)
    return answer


@defect("storage/listing/response-repeats-the-request#parameters")
async def key_count_missing(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2, KeyCount: it is missing."""
    return without_element(await list_objects_v2(call, bucket), "KeyCount", with_content=True)


@defect("storage/listing/entries-match-head")
def listed_times_of_a_database(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, Object, LastModified: it is no ISO 8601 timestamp."""
    if b"<ListBucketResult" in answer.body:
        answer.body = _TIME.sub(rb"\1 \2", answer.body)
    return answer


@defect("storage/listing/entries-match-head")
async def first_version_reports_a_day_only(list_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjects, LastModified: it is a date without a time."""
    answer: Answer = await list_objects(call, bucket)
    answer.body = re.sub(rb"(<LastModified>[0-9-]*T)[0-9:.]*Z", rb"\g<1>00:00:00Z", answer.body)
    return answer


@defect("storage/listing/entries-match-head", "interoperability/storage/second-upload-transfers-nothing")
def listed_without_size(listed_object: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 API Reference, ListObjectsV2, Size: it is missing."""
    stored: StoredObject | None = listed_object(bucket, key)
    return stored and replace(stored, body=b"")


@defect("storage/listing/request-values-are-encoded")
def encoded_listings_lose_the_prefix(echoed: Any, call: Call, wanted: Wanted, encoded: bool) -> list[str]:
    """S3 API Reference, ListObjectsV2, Prefix: it is missing if encoding-type is given."""
    return echoed(call, replace(wanted, prefix="") if encoded else wanted, encoded)


@defect("storage/listing/request-values-are-encoded")
def echoes_bare(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """S3 API Reference, ListObjectsV2, EncodingType: Delimiter, Prefix and StartAfter are not encoded."""
    return str(listed_name(element, name, encoded and element not in ("Delimiter", "StartAfter", "Marker")))


@defect("storage/multipart/upload-keys-are-encoded")
def folders_of_uploads_not_encoded(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, ListMultipartUploads, EncodingType: common prefixes are not encoded."""
    if ("uploads", "") in request.query:
        folders = rb"(?<=<CommonPrefixes><Prefix>)[^<]*"
        answer.body = re.sub(folders, lambda found: unquote(found[0].decode()).encode(), answer.body)
    return answer


@defect("storage/multipart/upload-keys-are-encoded")
def uploads_listed_in_the_basic_plane(listed_upload: Any, bucket: Bucket, upload: Upload, encoded: bool) -> str:
    """S3 User Guide, "Naming Amazon S3 objects": characters beyond U+FFFF in the keys of uploads are lost."""
    key = _BEYOND.sub("?", upload.key)
    return str(listed_upload(bucket, replace(upload, key=key), encoded))


@defect("storage/paging/next-marker-is-encoded#1,2")
def marker_not_encoded(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """S3 API Reference, ListObjects, encoding-type: NextMarker is not encoded."""
    return str(listed_name(element, name, encoded and element != "NextMarker"))
