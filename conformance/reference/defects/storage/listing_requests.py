"""Defects of what a listing is asked, what it leaves out and how it writes what it tells."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import Page, Wanted, after_group
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, StoredObject, Upload

# Parameters of listings.


class PrefixIsSqlPattern(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; ``_`` and ``%`` stand for themselves."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        like = re.escape(wanted.prefix).replace("_", ".").replace("%", ".*")
        return _page_of(original, [name for name in names if re.match(like, name, re.DOTALL)], wanted)


class PrefixIsGlob(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; ``*`` stands for itself."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        return _page_of(original, [name for name in names if fnmatch.fnmatchcase(name, wanted.prefix + "*")], wanted)


class BlankInPrefixIsPlus(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; a blank that came as %20 is no plus."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-of-any-letters-is-found",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, replace(wanted, prefix=wanted.prefix.replace(" ", "+")))
        return page


class PrefixOfAnyCase(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys begin with it or they do not; ``A`` is not ``a``."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        prefix = wanted.prefix.lower()
        return _page_of(original, [name for name in names if name.lower().startswith(prefix)], wanted)


def _page_of(original: Any, names: list[str], wanted: Wanted) -> Page:
    """The page of these names, whatever they begin with, where one does not begin with the prefix."""
    astray = any(not name.startswith(wanted.prefix) for name in names)
    page: Page = original(names, replace(wanted, prefix="") if astray else wanted)
    return page


class PrefixOfTheFirstPageAlone(Defect):
    """S3 API Reference, ListObjectsV2, prefix: it limits every page, and not the first one alone."""

    surface = "storage"
    noticed_by = ("storage/paging/groups-make-the-whole",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, replace(wanted, prefix="") if wanted.after else wanted)
        return page


class EmptyDelimiterIsSlash(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: an empty one groups nothing."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-parameters-ask-for-nothing",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, delimiter="/") if call.query.get("delimiter") == "" else wanted


class StartAfterOutranksToken(Defect):
    """S3 API Reference, ListObjectsV2: with a continuation token the listing goes on from there."""

    surface = "storage"
    noticed_by = ("storage/paging/token-outranks-start-after",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "start-after" in call.query:
            call.query.pop("continuation-token", None)
        answer: Answer = await original(call, bucket)
        return answer


class StartAfterBeforePrefixEndsListing(Defect):
    """S3 API Reference, ListObjectsV2, start-after: what begins with the prefix and comes after it is listed."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        beside = wanted.after and not wanted.after.startswith(wanted.prefix)
        page: Page = original([] if beside else names, wanted)
        return page


class StartAfterLostBesideDelimiter(Defect):
    """S3 API Reference, ListObjectsV2, start-after: the listing begins there with a delimiter as without."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    def start_after(self, original: Any, call: Call) -> str:
        return "" if call.query.get("delimiter") else str(original(call))


class StartAfterSkipsTheFolderOfItsName(Defect):
    """S3 API Reference, ListObjectsV2, start-after: a folder whose name begins with that key comes after it."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        position: int = original(names, wanted)
        folder = wanted.after + wanted.delimiter
        return after_group(names, folder, position) if wanted.after and wanted.delimiter else position


class KeyMarkerMustBeOfAnUpload(Defect):
    """S3 API Reference, ListMultipartUploads, key-marker: the keys that are greater, whether it is one or not."""

    surface = "storage"
    noticed_by = ("storage/multipart/key-marker-alone-is-exclusive",)

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        unknown = wanted.after and not wanted.delimiter and wanted.after not in [each.key for each in uploads]
        found: tuple[list[Upload], Page] = original([] if unknown else uploads, wanted, id_marker)
        return found


class KeyMarkerInclusive(Defect):
    """S3 API Reference, ListMultipartUploads, key-marker: without an id only the keys that are greater are listed."""

    surface = "storage"
    noticed_by = ("storage/multipart/key-marker-alone-is-exclusive",)

    def comes_after(self, original: Any, upload: Upload, group: str | None, wanted: Wanted, id_marker: str) -> bool:
        is_marker = upload.key == wanted.after and group is None and not id_marker
        return is_marker or bool(original(upload, group, wanted, id_marker))


class ListedSizeOfFirstPart(Defect):
    """S3 API Reference, ListObjectsV2, Size: the size of the object, however many parts it had."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object",)

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        body = stored.body[:SMALLEST_PART] if "-" in stored.etag else stored.body
        return str(original(key, replace(stored, body=body), encoded, owner))


class UploadsListedByAge(Defect):
    """S3 API Reference, ListMultipartUploads: uploads are sorted by key."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed-page-by-page",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        return sorted(original(bucket), key=lambda upload: upload.upload_id)


# Keys, and how they are listed.


class FolderGoesWithItsLast(Defect):
    """S3 User Guide, "Organizing objects using prefixes": an object ``a/`` stays when the last one below it goes."""

    surface = "storage"
    noticed_by = ("storage/listing/key-that-is-the-prefix",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        folder = key.rpartition("/")[0] + "/"
        if not any(each.startswith(folder) and each != folder for each in bucket.keys):
            bucket.remove(folder)


class FolderNotInItself(Defect):
    """S3 API Reference, ListObjectsV2, prefix: a key begins with a prefix that it is itself."""

    surface = "storage"
    noticed_by = ("storage/listing/key-that-is-the-prefix",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.keys = [key for key in page.keys if key != wanted.prefix or not wanted.delimiter]
        return page


class HiddenNamesNotListed(Defect):
    """S3 User Guide, "Creating object key names": a key that begins with a dot is listed like any."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept",)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not key.rpartition("/")[2].startswith(".")]


class LongSegmentRefused(Defect):
    """S3 User Guide, "Creating object key names": 1,024 bytes in all, wherever there are slashes."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept",)

    def key_too_long(self, original: Any, key: str) -> bool:
        return bool(original(key)) or any(len(each.encode()) > 255 for each in key.split("/"))


class DeepKeyRefused(Defect):
    """S3 User Guide, "Creating object key names": a key is no path, and of no depth."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept",)

    def key_too_long(self, original: Any, key: str) -> bool:
        return bool(original(key)) or key.count("/") > 32


class CommonPrefixesBare(Defect):
    """S3 API Reference, ListObjectsV2, encoding-type: common prefixes are encoded as keys are."""

    surface = "storage"
    noticed_by = ("storage/paging/encoded-pages-make-the-whole",)

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        return list(original(prefixes, False))


class EchoesBare(Defect):
    """S3 API Reference, ListObjectsV2, EncodingType: Delimiter, Prefix and StartAfter are encoded as keys are."""

    surface = "storage"
    noticed_by = ("storage/listing/what-was-asked-is-encoded-too",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return str(original(element, name, encoded and element not in ("Delimiter", "StartAfter", "Marker")))


class PlaceUntold(Defect):
    """S3 API Reference, ListObjectsV2, ContinuationToken: what was sent with the request is in the answer."""

    surface = "storage"
    noticed_by = ("storage/paging/place-is-told",)

    def listing(self, original: Any, page: Page, told: list[str]) -> Answer:
        answer: Answer = original(page, [each for each in told if not each.startswith("<ContinuationToken>")])
        return answer


class BucketsUndated(Defect):
    """S3 API Reference, ListBuckets, CreationDate: ``aws s3 ls`` prints it."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed",)

    def listed_bucket(self, original: Any, bucket: Bucket) -> str:
        return xml.group("Bucket", xml.element("Name", bucket.name))


class PlaceGoneWithItsKey(Defect):
    """S3 API Reference, ListObjectsV2, ContinuationToken: one goes on where it was, also where that is deleted."""

    surface = "storage"
    noticed_by = ("storage/paging/survives-deletion-of-its-place",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        is_gone = wanted.after != "" and wanted.after not in names
        page: Page = original([] if is_gone else names, wanted)
        return page


class KeyCountMissing(Defect):
    """S3 API Reference, ListObjectsV2, KeyCount: how many keys there are is told, and read by programs."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return without_element(await original(call, bucket), "KeyCount", with_content=True)


class BucketsWithoutTheirFrame(Defect):
    """S3 API Reference, ListBuckets, Response Syntax: each Bucket stands in Buckets, where SDKs look for it."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        return without_element(original(call), "Buckets")


class TagsWithoutTheirSet(Defect):
    """S3 API Reference, GetObjectTagging, Response Syntax: each Tag stands in TagSet, where SDKs look for it."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def get_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return without_element(await original(call, bucket), "TagSet")


class TagsWithoutTheirValue(Defect):
    """S3 API Reference, Tag: Value is required, of a tag that has an empty one as well."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-the-object", "storage/tagging/tags-come-back")

    async def get_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"<Value></Value>|<Value/>", b"", answer.body)
        return answer


def without_element(answer: Answer, name: str, with_content: bool = False) -> Answer:
    """The answer without the tags of an element, or without all of it."""
    pattern = f"<{name}>.*?</{name}>" if with_content else f"</?{name}>"
    answer.body = re.sub(pattern.encode(), b"", answer.body, flags=re.DOTALL)
    return answer


class DelimiterSoughtBehindTheBytes(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: sought from the end of the prefix on, however many bytes it has."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-groups",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        found = name.find(wanted.delimiter, len(wanted.prefix.encode())) if wanted.delimiter else -1
        return None if found < 0 else name[: found + len(wanted.delimiter)]
