"""Defects of what a listing is asked, what it leaves out and how it writes what it tells."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, StoredObject, Upload

# Parameters of listings.


class PrefixIsSqlPattern(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; ``_`` and ``%`` stand for themselves."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#any-letter", "storage/listing/prefix-is-no-pattern#any-letters")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        like = re.escape(wanted.prefix).replace("_", ".").replace("%", ".*")
        return _page_of(original, [name for name in names if re.match(like, name, re.DOTALL)], wanted)


class PrefixIsGlob(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; ``*`` stands for itself."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#star",)

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
    noticed_by = ("storage/listing/prefix-is-no-pattern#case",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        prefix = wanted.prefix.lower()
        return _page_of(original, [name for name in names if name.lower().startswith(prefix)], wanted)


def _page_of(original: Any, names: list[str], wanted: Wanted) -> Page:
    """The page of these names, whatever they begin with, where one does not begin with the prefix."""
    astray = any(not name.startswith(wanted.prefix) for name in names)
    page: Page = original(names, replace(wanted, prefix="") if astray else wanted)
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
    noticed_by = ("storage/listing/start-after-is-exclusive#before-the-prefix",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        beside = wanted.after and not wanted.after.startswith(wanted.prefix)
        page: Page = original([] if beside else names, wanted)
        return page


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
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        body = stored.body[:SMALLEST_PART] if "-" in stored.etag else stored.body
        return str(original(key, replace(stored, body=body), encoded, owner))


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


class HiddenNamesNotListed(Defect):
    """S3 User Guide, "Creating object key names": a key that begins with a dot is listed like any."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#deep",)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not key.rpartition("/")[2].startswith(".")]


class EchoesBare(Defect):
    """S3 API Reference, ListObjectsV2, EncodingType: Delimiter, Prefix and StartAfter are encoded as keys are."""

    surface = "storage"
    noticed_by = ("storage/listing/what-was-asked-is-encoded-too",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return str(original(element, name, encoded and element not in ("Delimiter", "StartAfter", "Marker")))


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


def without_element(answer: Answer, name: str, with_content: bool = False) -> Answer:
    """The answer without the tags of an element, or without all of it."""
    pattern = f"<{name}>.*?</{name}>" if with_content else f"</?{name}>"
    answer.body = re.sub(pattern.encode(), b"", answer.body, flags=re.DOTALL)
    return answer
