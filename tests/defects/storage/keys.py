"""Defects that break the promise "A key is preserved byte for byte"."""

from __future__ import annotations

import contextlib
import posixpath
import re
import unicodedata
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import LONGEST, gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import MD5_OF_NOTHING, refused, resolved

LONGEST_PATH = 1000
NOUGHTS = re.compile("/0+([0-9]+)$")
NAME_MAX = 255
DIRECTORY = {"content-type": "application/x-directory"}

ROWS = (
    row(
        "key-slashes-collapsed",
        'S3 User Guide, "Creating object key names": a key is its characters; ``a//b`` is not ``a/b``.',
        "storage/key/dots-and-slashes-alias-nothing#deleted-slashes-at-the-end",
        "storage/key/dots-and-slashes-alias-nothing#deleted-triple-slash",
        "storage/key/dots-and-slashes-alias-nothing#double-slash",
        object_key=lambda original, key: re.sub("/+", "/", key),
    ),
    row(
        "key-leading-slash-dropped",
        'S3 User Guide, "Creating object key names": ``/a`` is not ``a``.',
        "storage/key/leading-slash-is-kept",
        object_key=lambda original, key: key.lstrip("/") or key,
    ),
    row(
        "key-limit-off-by-one",
        'S3 User Guide, "Creating object key names": a key may have 1024 bytes.',
        "storage/key/of-1024-bytes-is-kept#ascii",
        "storage/key/of-1024-bytes-is-kept#copied",
        "storage/key/of-1024-bytes-is-kept#in-parts",
        key_too_long=lambda original, key: bool(original(key + ".")),
    ),
    row(
        "long-names-cut",
        'S3 User Guide, "Naming Amazon S3 objects": of a key\'s 1,024 bytes all may be between two slashes.',
        "storage/key/of-1024-bytes-is-kept#one-segment",
        object_key=lambda original, key: "/".join(name[:255] for name in str(original(key)).split("/")),
    ),
    row(
        "tokens-cut-short",
        (
            "S3 API Reference, ListObjectsV2, NextContinuationToken: it leads on behind a long key as behind a "
            "short one."
        ),
        "storage/key/of-1024-bytes-is-kept#in-pages",
        continuation_token=lambda original, after: str(original(after[:LONGEST])),
    ),
    row(
        "noughts-before-numbers-lost",
        'S3 User Guide, "Naming Amazon S3 objects": a key is a sequence of characters, also where these are digits.',
        "storage/key/ordinary-names-are-kept#tilde-and-zeros",
        shipped=True,
        object_key=lambda original, key: NOUGHTS.sub("/\\1", str(original(key))),
    ),
    row(
        "folder-marker-hidden",
        ('S3 User Guide, "Organizing objects using prefixes": an object whose key ends in a slash is listed like any.'),
        "storage/key/ordinary-names-are-kept#trailing-slash",
        listable_keys=lambda original, bucket: [key for key in original(bucket) if not key.endswith("/")],
    ),
    row(
        "long-key-cut",
        "S3 API Reference, KeyTooLongError: a key above 1024 bytes is refused, not cut.",
        "storage/key/over-1024-bytes-is-refused#in-parts",
        "storage/key/over-1024-bytes-is-refused#one-more",
        "storage/key/over-1024-bytes-is-refused#twice",
        object_key=lambda original, key: key.encode()[:1024].decode(errors="ignore"),
    ),
    row(
        "key-plus-is-space",
        "RFC 3986 section 3.3: a plus sign in a path is a plus sign.",
        "storage/key/similar-names-are-different#blank-and-plus",
        "interoperability/storage/upload",
        object_key=lambda original, key: key.replace("+", " "),
    ),
    row(
        "key-normalised",
        'S3 User Guide, "Creating object key names": a key is a sequence of Unicode characters, composed or not.',
        "storage/key/similar-names-are-different#composed-and-decomposed",
        object_key=lambda original, key: unicodedata.normalize("NFC", key),
    ),
    row(
        "key-decoded-twice",
        "RFC 3986 section 2.4: what is percent-encoded is decoded once.",
        "storage/key/similar-names-are-different#encoded-slash",
        "storage/key/similar-names-are-different#percent-and-letter",
        "storage/key/similar-names-are-different#every-operation",
        object_key=lambda original, key: unquote(key),
    ),
    row(
        "key-spaces-trimmed",
        'S3 User Guide, "Creating object key names": a space at the end is part of the key.',
        "storage/key/similar-names-are-different#end-of-a-line",
        "storage/key/similar-names-are-different#trailing-blank",
        object_key=lambda original, key: key.strip() or key,
    ),
    row(
        "key-ends-at-nought",
        'S3 User Guide, "Creating object key names": a key is its characters, and no string that ends at U+0000.',
        "storage/key/similar-names-are-different#end-of-a-string",
        object_key=lambda original, key: str(original(key)).partition("\x00")[0],
    ),
)


class RareCharacterNotListed(Defect):
    """S3 User Guide, "Creating object key names": a key is any UTF-8, of its rarest characters too."""

    surface = "storage"
    noticed_by = ("storage/key/any-key-reaches-itself",)
    shortest = 2

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not any(0xF0000 <= ord(each) < 0x10FF00 for each in key)]


class BrokenUtf8IsServerError(Defect):
    """API Reference, Error Handling: 400 for an invalid path."""

    surface = "storage"
    noticed_by = (
        "storage/key/broken-utf8-is-refused-or-kept#cut-sequence",
        "storage/key/broken-utf8-is-refused-or-kept#lone-byte",
        "storage/key/broken-utf8-is-refused-or-kept#overlong-slash",
    )

    def intercept(self, request: Request) -> Answer | None:
        return refused(500, "InternalError") if re.search("%(FF|C0|E2%82$)", request.raw_path) else None


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


class PoisonKeyStored(Defect):
    """W3C XML 1.0 section 2.2: a listing is well-formed, whatever keys were stored."""

    surface = "storage"
    noticed_by = (
        "storage/key/control-characters-do-not-break-listings#escape",
        "storage/key/control-characters-do-not-break-listings#return",
    )

    def check_key(self, original: Any, key: str) -> None:
        if len(key) > 1024:
            original(key)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return (
            f"<{element}>{name}</{element}>"
            if any(ord(each) < 32 for each in name)
            else original(element, name, encoded)
        )


class ControlCharacterKeyIsServerError(Defect):
    """S3 API Reference, InvalidArgument: a key that cannot be stored is refused with 400."""

    surface = "storage"
    noticed_by = (
        "storage/key/control-characters-do-not-break-listings#escape",
        "storage/key/control-characters-do-not-break-listings#one",
    )

    def check_key(self, original: Any, key: str) -> None:
        if any(ord(each) < 32 for each in key):
            raise server_error()
        original(key)


class CarriageReturnsNotEscaped(Defect):
    """XML 1.0 section 2.11: a reader takes a carriage return for a newline where it stands as it is."""

    surface = "storage"
    noticed_by = ("storage/key/control-characters-do-not-break-listings#return",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = answer.body.replace(b"&#13;", b"\r")
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


class FolderTakesWhatIsBelow(Defect):
    """S3 User Guide, "Organizing objects using prefixes": deleting ``a/`` leaves ``a/b``."""

    surface = "storage"
    noticed_by = ("storage/key/deleting-a-folder-deletes-nothing-below#marker-by-delete-objects",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in [name for name in bucket.keys if key.endswith("/") and name.startswith(key)]:
            bucket.remove(each)


class FolderIsAnObject(Defect):
    """S3 API Reference, NoSuchKey: ``a/`` is no object where only ``a/b`` is one."""

    surface = "storage"
    noticed_by = (
        "storage/key/folder-is-no-object#marker-without-slash",
        "storage/key/folder-is-no-object#with-its-slash",
        "storage/key/folder-is-no-object#without-slash",
    )

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        if found is None and any(each.startswith(key.rstrip("/") + "/") for each in bucket.keys):
            return StoredObject(b"", MD5_OF_NOTHING, bucket.created, DIRECTORY)
        return found


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


class SlashBeforeASourceLost(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: behind the bucket's slash stands the key, whatever begins it."""

    surface = "storage"
    noticed_by = (
        "storage/key/leading-slash-is-kept#of-a-source",
        "storage/key/leading-slash-is-kept#of-the-source-of-a-part",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, key.lstrip("/") or key


class PrefixLosesItsSlash(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, and not those that have no slash there."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.removeprefix("/"))


def _below(bucket: Bucket, key: str) -> list[str]:
    """The keys that a file system would have below this one."""
    return [each for each in bucket.keys if each.startswith(key.rstrip("/") + "/") and each != key]


class DeletionIsRecursive(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": to delete ``a`` is not to delete ``a/b``."""

    surface = "storage"
    noticed_by = ("storage/key/deleting-a-folder-deletes-nothing-below#name", "storage/key/object-beside-its-prefix")

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in _below(bucket, key):
            bucket.remove(each)


class DirectoryNotEmpty(Defect):
    """S3 API Reference, DeleteObject: a key is deleted whatever other keys begin with it."""

    surface = "storage"
    noticed_by = (
        "storage/key/deleting-a-folder-deletes-nothing-below#name",
        "storage/key/deleting-a-folder-deletes-nothing-below#marker",
        "storage/key/object-beside-its-prefix",
    )

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if _below(bucket, call.key):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class EmptiedFoldersPruned(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": no hierarchy: what is deleted takes nothing above it along."""

    surface = "storage"
    noticed_by = ("storage/key/no-object-below-an-object", "storage/key/object-beside-its-prefix")

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        above = key.rpartition("/")[0]
        if above and not _below(bucket, above):
            bucket.remove(above)


class DirectoryOfAnObjectListed(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: keys are rolled up, and nothing that is kept beside them."""

    surface = "storage"
    noticed_by = ("storage/key/no-object-below-an-object",)
    shipped = True

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if wanted.delimiter == "/" and wanted.prefix.endswith("/") and wanted.prefix[:-1] in names:
            page.prefixes.append(f"{wanted.prefix}ec750fe0/")
        return page


def _stands_above(bucket: Bucket, key: str) -> bool:
    """Whether an object is in the way, where keys are paths: no file is below a file."""
    steps = key.split("/")
    return any("/".join(steps[:length]) in bucket.objects for length in range(1, len(steps)))


class BelowAnObjectIsServerError(Defect):
    """S3 User Guide, "Organizing objects using prefixes": a key below an object's is one that is not there."""

    surface = "storage"
    noticed_by = ("storage/key/no-object-below-an-object",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        if found is None and _stands_above(bucket, key):
            raise server_error()
        return found


class DeletionBelowAnObjectIsServerError(Defect):
    """S3 API Reference, DeleteObject: 204 whether there was an object or not, below another one too."""

    surface = "storage"
    noticed_by = ("storage/key/no-object-below-an-object",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key not in bucket.objects and _stands_above(bucket, key):
            raise server_error()
        await original(bucket, key, asked)


class ListingBelowAnObjectIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, prefix: no key begins with it, so that there is none on the page."""

    surface = "storage"
    noticed_by = ("storage/key/no-object-below-an-object",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        if _stands_above(gateway(original).buckets[call.bucket], wanted.prefix):
            raise server_error()
        return wanted


class ObjectExistsAsDirectory(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": ``a`` may be put where ``a/b`` is, as the other way round."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if _below(bucket, key):
            raise Fault("InvalidRequest", "Object exists as a directory.")
        await original(bucket, key, stored, asked)


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


class KeyBelowKeyIsServerError(Defect):
    """S3 User Guide, "Organizing objects using prefixes": ``a`` and ``a/b`` are two keys like any others."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix", "storage/model/nested-keys")

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        above = call.key.split("/")[:-1]
        if any("/".join(above[:depth]) in bucket.objects for depth in range(1, len(above) + 1)):
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


class MetadataOfLongKeysLost(Defect):
    """S3 User Guide, "Working with object metadata": kept with the object, also where its name is that of no file."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#ascii",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, replace(stored, metadata={}) if len(key.encode()) > NAME_MAX else stored, asked)


class PrefixesCutShort(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys begin with the whole of it."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#in-pages",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix[:LONGEST])


class LongKeysDeletedAlone(Defect):
    """S3 API Reference, DeleteObjects: what is told as deleted is gone."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#deleted-by-delete-objects",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        if len(key) > LONGEST:
            return xml.group("Deleted", xml.element("Key", key))
        told: str = await original(bucket, entry, quiet)
        return told


class LongSourcesRefused(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: a key of up to 1,024 bytes, percent-encoded."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#as-a-source",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        if len(call.headers["x-amz-copy-source"]) > 2048:
            raise Fault("InvalidArgument", "The copy source is too long")
        bucket, key = original(call)
        return bucket, key


class StartsCutShort(Defect):
    """S3 API Reference, ListObjectsV2, StartAfter: behind that key, to its last letter."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#in-pages",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after[:LONGEST] if "continuation-token" not in call.query else after)
        return wanted


class LongKeysDeletedByTheirBeginning(Defect):
    """S3 API Reference, DeleteObjects, Key: that key, not all that begin as it does."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#deleted-by-delete-objects",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        for each in [name for name in bucket.keys if len(key) > LONGEST and name.startswith(key[:LONGEST])]:
            bucket.remove(each)
        told: str = await original(bucket, entry, quiet)
        return told


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


class InvisibleLettersLost(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a space of no width, a mark or a hyphen that none sees are there."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#unicode",)

    def object_key(self, original: Any, key: str) -> str:
        return str(original(key)).translate(dict.fromkeys(map(ord, "\u200b\u00ad\u200f\ufeff")))


class ListedKeyUnescaped(Defect):
    """W3C XML 1.0 section 2.4: an ampersand in a key is escaped in the listing."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#ampersand",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        told: str = original(element, name, encoded)
        return told.replace("&amp;", "&")


class DotsWithinANameRefused(Defect):
    """S3 User Guide, "Creating object key names": two dots within a name are no step out of anything."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#dots-within",)

    def check_key(self, original: Any, key: str) -> None:
        if re.search(r"[^/]\.\.|\.\.[^/]", key):
            raise Fault("InvalidArgument")
        original(key)


class LongKeyRefusedButCut(Defect):
    """S3 User Guide, "Object key naming guidelines": a key that is too long is refused, and not stored cut either."""

    surface = "storage"
    noticed_by = (
        "storage/key/over-1024-bytes-is-refused#copied",
        "storage/key/over-1024-bytes-is-refused#one-more",
        "storage/key/over-1024-bytes-is-refused#two-byte-letters",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        try:
            answer: Answer = await original(call)
        except Fault as fault:
            if fault.code == "KeyTooLongError":
                cut = call.key.encode()[:1024].decode(errors="ignore")
                with contextlib.suppress(Fault):
                    await original(replace(call, key=cut, query={}))
            raise
        return answer


class LongKeyReadIsServerError(Defect):
    """S3 API Reference, KeyTooLongError: a key that is too long is told as such, or not found, by reads as well."""

    surface = "storage"
    noticed_by = ("storage/key/over-1024-bytes-is-refused#read-or-deleted",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        if len(key.encode()) > 1024:
            raise server_error()
        found: StoredObject | None = await original(bucket, key)
        return found


class LongKeyDeletedIsServerError(Defect):
    """S3 API Reference, DeleteObject: 204 whether there was an object or not, or a refusal of what cannot be a key."""

    surface = "storage"
    noticed_by = ("storage/key/over-1024-bytes-is-refused#read-or-deleted",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if len(key.encode()) > 1024:
            raise server_error()
        await original(bucket, key, asked)


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


class EscapedNamesNotDeleted(Defect):
    """S3 API Reference, DeleteObject: the object that is named is removed, whatever letters it is named with."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#every-operation",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if "%" not in key:
            await original(bucket, key, asked)


class KeysOfUploadsDecodedOnceMore(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key is its letters, for uploads as well, and "%41" is no "A"."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#in-parts",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        of_uploads = "uploads" in call.query or "uploadId" in call.query
        answer: Answer = await original(replace(call, key=unquote(call.key)) if of_uploads else call)
        return answer


class UploadsAbortedInSmallLetters(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": keys are case-sensitive, also where an upload is aborted."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#in-parts",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.lower()), bucket)
        return answer


class SlashBehindNotLookedAt(Defect):
    """S3 User Guide, "Object key names": a name with a slash behind it is another than that without."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#trailing-slash",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        without = call.key.removesuffix("/")
        aliased = call.key not in bucket.objects and without in bucket.objects
        answer: Answer = await original(replace(call, key=without) if aliased else call, bucket)
        return answer


class DecodedTwiceToBeDeleted(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is deleted as well."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#every-operation",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


class DecodedTwiceForHead(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, by HEAD as by GET."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#every-operation",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        key = unquote(call.key) if call.request.method == "HEAD" else call.key
        answer: Answer = await original(replace(call, key=key), bucket)
        return answer


class BucketCutOutOfTheKey(Defect):
    """S3 User Guide, "Creating object key names": a key may have a segment that is called as its bucket is."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#name-of-the-bucket",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, f"/{key}".replace(f"/{bucket}/", "/")[1:]


class ErrorToldWith200(Defect):
    """S3 API Reference, "REST error responses": the status tells the error."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#encoded",
        "storage/key/traversal-reaches-no-other-bucket#half-encoded",
        "storage/key/traversal-reaches-no-other-bucket#plain",
        "storage/object/chunked-transfer-is-stored-or-refused",
    )

    def error_answer(self, original: Any, request: Request, fault: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, fault, request_id)
        answer.status = 200 if fault.code == "NoSuchKey" else answer.status
        return answer


class DotsAreServerErrors(Defect):
    """API Reference, Error Handling: a name with dots is a key, or the caller's mistake; never the server's."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#copied",
        "storage/key/traversal-reaches-no-other-bucket#deleted",
        "storage/key/traversal-reaches-no-other-bucket#listed",
        "storage/key/traversal-reaches-no-other-bucket#overwritten",
        "storage/multipart/traversal-is-no-source-of-a-part#encoded",
    )

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        self._within(key)
        return bucket, key

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        self._within(key)
        return bucket, key

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        self._within(call.query.get("prefix", ""))
        answer: Answer = await original(call)
        return answer

    def _within(self, name: str) -> None:
        if ".." in name.split("/"):
            raise server_error()


class CopySourceDotsResolved(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: the bucket that is named, and a key in it."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#copied",
        "storage/key/traversal-reaches-no-other-bucket#copied-encoded",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return (bucket, key) if "uploadId" in call.query else resolved(bucket, key)


class WritesDotsResolved(Defect):
    """S3 User Guide, "Creating object key names": a key is no path; what is written or deleted is in its bucket."""

    surface = "storage"
    noticed_by = ("storage/key/traversal-reaches-no-other-bucket",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return resolved(bucket, key) if request.method in ("PUT", "DELETE") else (bucket, key)


class BackslashesReadAsSlashes(Defect):
    """S3 User Guide, "Creating object key names": a backslash is a character of a key, and leads nowhere."""

    surface = "storage"
    noticed_by = ("storage/key/traversal-reaches-no-other-bucket#backslashes",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return resolved(bucket, key.replace("\\", "/")) if "\\" in key else (bucket, key)


class NamedDeletionDotsResolved(Defect):
    """S3 API Reference, DeleteObjects, Key: a key of the bucket that is asked, and of no other."""

    surface = "storage"
    noticed_by = ("storage/key/traversal-reaches-no-other-bucket#deleted-among-many",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        found, key = resolved(bucket.name, entry.require("Key"))
        if found in gateway(original).buckets and found != bucket.name:
            gateway(original).buckets[found].objects.pop(key, None)
        told: str = await original(bucket, entry, quiet)
        return told


class PrefixDotsResolved(Defect):
    """S3 API Reference, ListObjectsV2, Prefix: of keys in the bucket that is asked."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#listed",
        "storage/key/traversal-reaches-no-other-bucket#listed-v1",
    )

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        bucket, prefix = resolved(call.bucket, call.query.get("prefix", ""))
        if call.request.method == "GET" and bucket != call.bucket:
            call = replace(call, bucket=bucket, query={**call.query, "prefix": prefix})
        answer: Answer = await original(call)
        return answer
