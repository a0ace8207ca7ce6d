"""Defects of a gateway that keeps objects as files, or names as a database compares them."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import server_error
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject

LONGEST_PATH = 1000


def _below(bucket: Bucket, key: str) -> list[str]:
    """The keys that a file system would have below this one."""
    return [each for each in bucket.keys if each.startswith(key.rstrip("/") + "/") and each != key]


# What lies above and below.


class EmptiedFoldersPruned(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": no hierarchy: what is deleted takes nothing above it along."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-below-an-object", "storage/key/object-beside-its-prefix")

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        above = key.rpartition("/")[0]
        if above and not _below(bucket, above):
            bucket.remove(above)


class DeletionIsRecursive(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": to delete ``a`` is not to delete ``a/b``."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-above-an-object", "storage/key/object-beside-its-prefix")

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in _below(bucket, key):
            bucket.remove(each)


class ObjectExistsAsDirectory(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": ``a`` may be put where ``a/b`` is, as the other way round."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if _below(bucket, key):
            raise Fault("InvalidRequest", "Object exists as a directory.")
        await original(bucket, key, stored, asked)


class DirectoryNotEmpty(Defect):
    """S3 API Reference, DeleteObject: a key is deleted whatever other keys begin with it."""

    surface = "storage"
    noticed_by = (
        "storage/key/nothing-stands-above-an-object",
        "storage/key/folder-can-go-alone#one",
        "storage/key/object-beside-its-prefix",
    )

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if _below(bucket, call.key):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class FolderReplacesTheObject(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": ``a`` is there beside ``a/b``, which needs no folder of that name."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        for each in [each for each in bucket.keys if key.startswith(each + "/")]:
            bucket.remove(each)


class ObjectHidesWhatIsBelow(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": ``a/b`` is there beside ``a``, which is no file in its way."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        hidden = any(key.startswith(each + "/") for each in bucket.keys)
        found: StoredObject | None = None if hidden else await original(bucket, key)
        return found


# Names that become others, by one operation alone.


class ReadsTrimTheKey(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a blank at the end of a key is part of it, when it is read too."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#blank",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.rstrip(" ")), bucket)
        return answer


class DeletionsTrimTheKey(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a blank at the end of a key is part of it, when it is deleted too."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#blank",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.rstrip(" ")), bucket)
        return answer


class PatternsNotDeleted(Defect):
    """S3 API Reference, DeleteObject: a key with brackets or a star is a key, and can be deleted."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#brackets", "storage/key/ordinary-names-are-kept#punctuation")

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if set("*[]") & set(call.key):
            raise Fault("InvalidArgument")
        answer: Answer = await original(call, bucket)
        return answer


class LeadingSlashReadAway(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a slash at the beginning of a key is part of it, when read too."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.lstrip("/")), bucket)
        return answer


class LeadingSlashDeletedAway(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a slash at the beginning of a key is part of it, when deleted too."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.lstrip("/")), bucket)
        return answer


class DotsResolvedToBeRead(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key is no path: what is put under ``a//b`` is read there."""

    surface = "storage"
    noticed_by = (
        "storage/key/dots-and-slashes-alias-nothing#dot",
        "storage/key/dots-and-slashes-alias-nothing#dot-dot",
        "storage/key/dots-and-slashes-alias-nothing#slashes-at-the-end",
        "storage/key/dots-and-slashes-alias-nothing#triple-slash",
    )

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        end = "/" if call.key.endswith("/") else ""
        answer: Answer = await original(replace(call, key=posixpath.normpath(call.key) + end), bucket)
        return answer


class DottedNamesCannotGo(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, and a key with dots in it is none."""

    surface = "storage"
    noticed_by = (
        "storage/key/dots-and-slashes-alias-nothing#deleted-dot",
        "storage/key/dots-and-slashes-alias-nothing#deleted-dot-dot",
        "storage/key/dots-and-slashes-alias-nothing#deleted-double-slash",
    )

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if posixpath.normpath(call.key) != call.key.rstrip("/"):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class LongPathNotRead(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key may have 1,024 bytes, to be read as well as to be written."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#ascii", "storage/key/of-1024-bytes-is-kept#copied")

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.key.encode()) > LONGEST_PATH:
            raise Fault("KeyTooLongError")
        answer: Answer = await original(call, bucket)
        return answer


class LongPathNotDeleted(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key of 1,024 bytes can be deleted again."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#ascii", "storage/key/of-1024-bytes-is-kept#two-byte")

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.key.encode()) > LONGEST_PATH:
            raise Fault("KeyTooLongError")
        answer: Answer = await original(call, bucket)
        return answer


# Names that a database takes for one another where it writes, and for two where it reads.


class SimilarNameReplaced(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": key names are case sensitive: none takes the place of another."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#case",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        for each in [each for each in bucket.keys if each != key and each.casefold() == key.casefold()]:
            bucket.remove(each)


class SimilarNameNotStored(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": key names are case sensitive: what is told as stored is stored."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#case", "storage/key/similar-names-are-different#in-parts")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if not any(each != key and each.casefold() == key.casefold() for each in bucket.keys):
            await original(bucket, key, stored, asked)


# Folders in listings.


class EmptiedFoldersListed(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: a prefix that keys have, and not one that keys once had."""

    surface = "storage"
    noticed_by = ("storage/listing/folders-go-with-their-last-key#one-by-one",)

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


class ControlLettersBreakListings(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform; a key with a tab in it is none, once taken."""

    surface = "storage"
    noticed_by = (
        "storage/key/control-characters-do-not-break-listings#newline",
        "storage/key/control-characters-do-not-break-listings#tab",
    )

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        if not encoded and set("\t\n\r") & set(name):
            raise server_error()
        return str(original(element, name, encoded))
