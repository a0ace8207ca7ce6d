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
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import LONGEST, gateway, server_error
from tests.defects.support.storage import MD5_OF_NOTHING, failing, refused, refusing, resolved

LONGEST_PATH = 1000
NOUGHTS = re.compile("/0+([0-9]+)$")
NAME_MAX = 255
DIRECTORY = {"content-type": "application/x-directory"}

ROWS = (
    row(
        "key-slashes-collapsed",
        'S3 User Guide, "Creating object key names": repeated slashes in a key are merged.',
        "storage/key/dots-and-slashes-alias-nothing#deleted-slashes-at-the-end,deleted-triple-slash,double-slash",
        object_key=lambda original, key: re.sub("/+", "/", key),
    ),
    row(
        "key-leading-slash-dropped",
        'S3 User Guide, "Creating object key names": a leading slash of a key is dropped.',
        "storage/key/leading-slash-is-preserved",
        object_key=lambda original, key: key.lstrip("/") or key,
    ),
    row(
        "key-limit-off-by-one",
        'S3 User Guide, "Creating object key names": a key of 1,024 bytes is refused.',
        "storage/key/of-1024-bytes-is-stored#ascii,copied,in-parts",
        key_too_long=lambda original, key: bool(original(key + ".")),
    ),
    row(
        "long-names-cut",
        'S3 User Guide, "Naming Amazon S3 objects": each segment of a key is cut to 255 characters.',
        "storage/key/of-1024-bytes-is-stored#one-segment",
        object_key=lambda original, key: "/".join(name[:255] for name in str(original(key)).split("/")),
    ),
    row(
        "tokens-cut-short",
        "S3 API Reference, ListObjectsV2, NextContinuationToken: the token of a long key is cut.",
        "storage/key/of-1024-bytes-is-stored#in-pages",
        continuation_token=lambda original, after: str(original(after[:LONGEST])),
    ),
    row(
        "noughts-before-numbers-lost",
        'S3 User Guide, "Naming Amazon S3 objects": leading zeros of a segment are removed.',
        "storage/key/ordinary-names-are-preserved#tilde-and-zeros",
        shipped=True,
        object_key=lambda original, key: NOUGHTS.sub("/\\1", str(original(key))),
    ),
    row(
        "folder-marker-hidden",
        'S3 User Guide, "Organizing objects using prefixes": keys that end in a slash are not listed.',
        "storage/key/ordinary-names-are-preserved#trailing-slash",
        listable_keys=lambda original, bucket: [key for key in original(bucket) if not key.endswith("/")],
    ),
    row(
        "long-key-cut",
        "S3 API Reference, KeyTooLongError: a key above 1,024 bytes is cut instead of refused.",
        "storage/key/over-1024-bytes-is-refused#in-parts,one-more,twice",
        object_key=lambda original, key: key.encode()[:1024].decode(errors="ignore"),
    ),
    row(
        "key-plus-is-space",
        "RFC 3986 section 3.3: a plus sign in a path is decoded as a space.",
        "storage/key/similar-names-are-different#blank-and-plus",
        "interoperability/storage/upload",
        object_key=lambda original, key: key.replace("+", " "),
    ),
    row(
        "key-normalised",
        'S3 User Guide, "Creating object key names": keys are normalized to Unicode NFC.',
        "storage/key/similar-names-are-different#composed-and-decomposed",
        object_key=lambda original, key: unicodedata.normalize("NFC", key),
    ),
    row(
        "key-decoded-twice",
        "RFC 3986 section 2.4: keys are percent-decoded twice.",
        "storage/key/similar-names-are-different#encoded-slash,percent-and-letter,every-operation",
        object_key=lambda original, key: unquote(key),
    ),
    row(
        "key-spaces-trimmed",
        'S3 User Guide, "Creating object key names": spaces at the ends of a key are removed.',
        "storage/key/similar-names-are-different#end-of-a-line,trailing-blank",
        object_key=lambda original, key: key.strip() or key,
    ),
    row(
        "key-ends-at-nought",
        'S3 User Guide, "Creating object key names": a key ends at its first U+0000.',
        "storage/key/similar-names-are-different#end-of-a-string",
        object_key=lambda original, key: str(original(key)).partition("\x00")[0],
    ),
    row(
        "control-letters-break-listings",
        "API Reference, Error Handling: a listing fails with a 5xx once a key contains a control character.",
        "storage/key/control-characters-are-listed-or-refused#newline,tab",
        listed_name=failing(lambda element, name, encoded: not encoded and set("\t\n\r") & set(name)),
    ),
    row(
        "control-character-key-is-server-error",
        "S3 API Reference, InvalidArgument: a key with control characters is answered with a 5xx.",
        "storage/key/control-characters-are-listed-or-refused#escape,one",
        check_key=failing(lambda key: any(ord(each) < 32 for each in key)),
    ),
    row(
        "dotted-names-cannot-go",
        "API Reference, Error Handling: deleting a key with dot segments is answered with a 5xx.",
        "storage/key/dots-and-slashes-alias-nothing#deleted-dot,deleted-dot-dot,deleted-double-slash",
        delete_object=failing(lambda call, bucket: posixpath.normpath(call.key) != call.key.rstrip("/")),
    ),
    row(
        "directory-not-empty",
        "S3 API Reference, DeleteObject: ``a`` cannot be deleted while ``a/b`` exists.",
        "storage/key/deleting-a-folder-deletes-nothing-below#name,marker",
        "storage/key/object-and-prefix-coexist",
        delete_object=failing(lambda call, bucket: _below(bucket, call.key)),
    ),
    row(
        "deletion-below-an-object-is-server-error",
        "S3 API Reference, DeleteObject: deleting a key below an object is answered with a 5xx.",
        "storage/key/no-object-below-an-object",
        erase=failing(lambda bucket, key, conditions: key not in bucket.objects and _has_object_above(bucket, key)),
    ),
    row(
        "long-path-not-read",
        'S3 User Guide, "Naming Amazon S3 objects": a long key cannot be read.',
        "storage/key/of-1024-bytes-is-stored#ascii,copied",
        get_object=refusing("KeyTooLongError", lambda call, bucket: len(call.key.encode()) > LONGEST_PATH),
    ),
    row(
        "long-path-not-deleted",
        'S3 User Guide, "Naming Amazon S3 objects": a long key cannot be deleted.',
        "storage/key/of-1024-bytes-is-stored#ascii,two-byte",
        delete_object=refusing("KeyTooLongError", lambda call, bucket: len(call.key.encode()) > LONGEST_PATH),
    ),
    row(
        "patterns-not-deleted",
        "S3 API Reference, DeleteObject: a key with brackets or an asterisk cannot be deleted.",
        "storage/key/ordinary-names-are-preserved#brackets,punctuation",
        delete_object=refusing("InvalidArgument", lambda call, bucket: set("*[]") & set(call.key)),
    ),
    row(
        "dots-within-a-name-refused",
        'S3 User Guide, "Creating object key names": a key with two dots inside a segment is refused.',
        "storage/key/ordinary-names-are-preserved#dots-within",
        check_key=refusing("InvalidArgument", lambda key: re.search(r"[^/]\.\.|\.\.[^/]", key)),
    ),
    row(
        "long-key-read-is-server-error",
        "S3 API Reference, KeyTooLongError: reading a key that is too long is answered with a 5xx.",
        "storage/key/over-1024-bytes-is-refused#read-or-deleted",
        current=failing(lambda bucket, key: len(key.encode()) > 1024),
    ),
    row(
        "long-key-deleted-is-server-error",
        "S3 API Reference, DeleteObject: deleting a key that is too long is answered with a 5xx.",
        "storage/key/over-1024-bytes-is-refused#read-or-deleted",
        erase=failing(lambda bucket, key, conditions: len(key.encode()) > 1024),
    ),
)


@defect("storage/key/any-key-reaches-itself", shortest=2)
def rare_character_not_listed(listable_keys: Any, bucket: Bucket) -> list[str]:
    """S3 User Guide, "Creating object key names": a key with a rare character is not listed."""
    return [key for key in listable_keys(bucket) if not any(0xF0000 <= ord(each) < 0x10FF00 for each in key)]


@defect("storage/key/broken-utf8-is-refused-or-stored#cut-sequence,lone-byte,overlong-slash")
def broken_utf8_is_server_error(request: Request) -> Answer | None:
    """API Reference, Error Handling: a path that is not UTF-8 is answered with a 5xx."""
    return refused(500, "InternalError") if re.search("%(FF|C0|E2%82$)", request.raw_path) else None


class PoisonKeyStored(Defect):
    """W3C XML 1.0 section 2.2: a key that XML cannot represent is stored and makes the listing malformed."""

    noticed_by = ("storage/key/control-characters-are-listed-or-refused#escape,return",)

    def check_key(self, original: Any, key: str) -> None:
        if len(key) > 1024:
            original(key)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return (
            f"<{element}>{name}</{element}>"
            if any(ord(each) < 32 for each in name)
            else original(element, name, encoded)
        )


@defect("storage/key/control-characters-are-listed-or-refused#return")
def carriage_returns_not_escaped(request: Request, answer: Answer) -> Answer:
    """XML 1.0 section 2.11: a carriage return in a key is not escaped."""
    answer.body = answer.body.replace(b"&#13;", b"\r")
    return answer


@defect("storage/key/dots-and-slashes-alias-nothing#dot,dot-dot,slashes-at-the-end,triple-slash")
async def dots_resolved_to_be_read(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": reads resolve dots and repeated slashes in a key."""
    end = "/" if call.key.endswith("/") else ""
    return await get_object(replace(call, key=posixpath.normpath(call.key) + end), bucket)


@defect("storage/key/deleting-a-folder-deletes-nothing-below#marker-by-delete-objects")
async def folder_deletion_deletes_its_keys(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Organizing objects using prefixes": deleting ``a/`` deletes ``a/b``."""
    await erase(bucket, key, conditions)
    for each in [name for name in bucket.keys if key.endswith("/") and name.startswith(key)]:
        bucket.remove(each)


@defect("storage/key/folder-is-no-object#marker-without-slash,with-its-slash,without-slash")
async def folder_is_an_object(current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 API Reference, NoSuchKey: ``a/`` can be read although only ``a/b`` exists."""
    found: StoredObject | None = await current(bucket, key)
    if found is None and any(each.startswith(key.rstrip("/") + "/") for each in bucket.keys):
        return StoredObject(b"", MD5_OF_NOTHING, bucket.created, DIRECTORY)
    return found


@defect("storage/key/leading-slash-is-preserved")
async def leading_slash_read_away(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": reads drop a leading slash of the key."""
    return await get_object(replace(call, key=call.key.lstrip("/")), bucket)


@defect("storage/key/leading-slash-is-preserved")
async def leading_slash_deleted_away(delete_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": deletions drop a leading slash of the key."""
    return await delete_object(replace(call, key=call.key.lstrip("/")), bucket)


@defect("storage/key/leading-slash-is-preserved#of-a-source,of-the-source-of-a-part")
def slash_before_a_source_lost(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, CopyObject, x-amz-copy-source: a leading slash of the source's key is dropped."""
    bucket, key = copy_source(call)
    return bucket, key.lstrip("/") or key


@defect("storage/key/leading-slash-is-preserved")
def prefix_loses_its_slash(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: a leading slash of the prefix is dropped."""
    found: Wanted = wanted(call, after)
    return replace(found, prefix=found.prefix.removeprefix("/"))


def _below(bucket: Bucket, key: str) -> list[str]:
    """Return the keys that a file system would have below this one."""
    return [each for each in bucket.keys if each.startswith(key.rstrip("/") + "/") and each != key]


@defect("storage/key/deleting-a-folder-deletes-nothing-below#name", "storage/key/object-and-prefix-coexist")
async def deletion_is_recursive(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": deleting ``a`` deletes ``a/b``."""
    await erase(bucket, key, conditions)
    for each in _below(bucket, key):
        bucket.remove(each)


@defect("storage/key/no-object-below-an-object", "storage/key/object-and-prefix-coexist")
async def emptied_folders_pruned(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": deleting the last key below ``a/`` deletes ``a``."""
    await erase(bucket, key, conditions)
    above = key.rpartition("/")[0]
    if above and not _below(bucket, above):
        bucket.remove(above)


@defect("storage/key/no-object-below-an-object", shipped=True)
def directory_of_an_object_listed(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, CommonPrefixes: an internal directory of an object is listed."""
    found: Page = page(names, wanted)
    if wanted.delimiter == "/" and wanted.prefix.endswith("/") and wanted.prefix[:-1] in names:
        found.prefixes.append(f"{wanted.prefix}ec750fe0/")
    return found


def _has_object_above(bucket: Bucket, key: str) -> bool:
    """Return whether a key is below an existing object's, as no file can be below another."""
    steps = key.split("/")
    return any("/".join(steps[:length]) in bucket.objects for length in range(1, len(steps)))


@defect("storage/key/no-object-below-an-object")
async def below_an_object_is_server_error(current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 User Guide, "Organizing objects using prefixes": reading a key below an object is answered with a 5xx."""
    found: StoredObject | None = await current(bucket, key)
    if found is None and _has_object_above(bucket, key):
        raise server_error()
    return found


@defect("storage/key/no-object-below-an-object")
def listing_below_an_object_is_server_error(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: listing below an object is answered with a 5xx."""
    found: Wanted = wanted(call, after)
    if _has_object_above(gateway(wanted).buckets[call.bucket], found.prefix):
        raise server_error()
    return found


@defect("storage/key/object-and-prefix-coexist")
async def object_exists_as_directory(commit: Any, bucket: Bucket, key: str, stored: Any, conditions: Any) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": ``a`` cannot be put where ``a/b`` exists."""
    if _below(bucket, key):
        raise Fault("InvalidRequest", "Object exists as a directory.")
    await commit(bucket, key, stored, conditions)


@defect("storage/key/object-and-prefix-coexist")
async def folder_replaces_the_object(commit: Any, bucket: Bucket, key: str, stored: Any, conditions: Any) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": putting ``a/b`` removes ``a``."""
    await commit(bucket, key, stored, conditions)
    for each in [each for each in bucket.keys if key.startswith(each + "/")]:
        bucket.remove(each)


@defect("storage/key/object-and-prefix-coexist")
async def object_hides_what_is_below(current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 User Guide, "Naming Amazon S3 objects": putting ``a`` hides ``a/b``."""
    hidden = any(key.startswith(each + "/") for each in bucket.keys)
    return None if hidden else await current(bucket, key)


@defect("storage/key/object-and-prefix-coexist", "storage/model/nested-keys")
async def key_below_key_is_server_error(put_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Organizing objects using prefixes": putting ``a/b`` where ``a`` exists is answered with a 5xx."""
    above = call.key.split("/")[:-1]
    if any("/".join(above[:depth]) in bucket.objects for depth in range(1, len(above) + 1)):
        raise server_error()
    return await put_object(call, bucket)


@defect("storage/key/of-1024-bytes-is-stored#ascii")
async def metadata_of_long_keys_lost(commit: Any, bucket: Any, key: str, stored: StoredObject, conditions: Any) -> None:
    """S3 User Guide, "Working with object metadata": an object with a long key loses its metadata."""
    await commit(bucket, key, replace(stored, metadata={}) if len(key.encode()) > NAME_MAX else stored, conditions)


@defect("storage/key/of-1024-bytes-is-stored#in-pages")
def prefixes_cut_short(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: a long prefix is cut."""
    found: Wanted = wanted(call, after)
    return replace(found, prefix=found.prefix[:LONGEST])


@defect("storage/key/of-1024-bytes-is-stored#deleted-by-delete-objects")
async def long_keys_deleted_singly_only(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects: a long key is reported as deleted, but not deleted."""
    key = entry.require("Key")
    if len(key) > LONGEST:
        return xml.group("Deleted", xml.element("Key", key))
    return await delete_entry(bucket, entry, quiet)


@defect("storage/key/of-1024-bytes-is-stored#as-a-source")
def long_sources_refused(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, CopyObject, x-amz-copy-source: a long source is refused."""
    if len(call.headers["x-amz-copy-source"]) > 2048:
        raise Fault("InvalidArgument", "The copy source is too long")
    bucket, key = copy_source(call)
    return bucket, key


@defect("storage/key/of-1024-bytes-is-stored#in-pages")
def starts_cut_short(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, StartAfter: a long start-after is cut."""
    return wanted(call, after[:LONGEST] if "continuation-token" not in call.query else after)


@defect("storage/key/of-1024-bytes-is-stored#deleted-by-delete-objects")
async def long_keys_deleted_by_their_beginning(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects, Key: a long key deletes all keys that begin like it."""
    key = entry.require("Key")
    for each in [name for name in bucket.keys if len(key) > LONGEST and name.startswith(key[:LONGEST])]:
        bucket.remove(each)
    return await delete_entry(bucket, entry, quiet)


@defect("storage/key/ordinary-names-are-preserved#blank")
async def reads_trim_the_key(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": reads drop spaces at the end of a key."""
    return await get_object(replace(call, key=call.key.rstrip(" ")), bucket)


@defect("storage/key/ordinary-names-are-preserved#blank")
async def deletions_trim_the_key(delete_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": deletions drop spaces at the end of a key."""
    return await delete_object(replace(call, key=call.key.rstrip(" ")), bucket)


@defect("storage/key/ordinary-names-are-preserved#unicode")
def invisible_letters_lost(object_key: Any, key: str) -> str:
    """S3 User Guide, "Naming Amazon S3 objects": invisible characters are removed from keys."""
    return str(object_key(key)).translate(dict.fromkeys(map(ord, "\u200b\u00ad\u200f\ufeff")))


@defect("storage/key/ordinary-names-are-preserved#ampersand")
def listed_key_unescaped(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """W3C XML 1.0 section 2.4: an ampersand in a key is not escaped."""
    name_element: str = listed_name(element, name, encoded)
    return name_element.replace("&amp;", "&")


@defect("storage/key/over-1024-bytes-is-refused#copied,one-more,two-byte-letters")
async def long_key_refused_but_cut(on_object: Any, call: Call) -> Answer:
    """S3 User Guide, "Object key naming guidelines": a key that is too long is refused, but a cut one is stored."""
    try:
        return await on_object(call)
    except Fault as fault:
        if fault.code == "KeyTooLongError":
            cut = call.key.encode()[:1024].decode(errors="ignore")
            with contextlib.suppress(Fault):
                await on_object(replace(call, key=cut, query={}))
        raise


@defect("storage/key/similar-names-are-different#case")
async def similar_name_replaced(commit: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": a key replaces one that differs in case."""
    await commit(bucket, key, stored, conditions)
    for each in [each for each in bucket.keys if each != key and each.casefold() == key.casefold()]:
        bucket.remove(each)


@defect("storage/key/similar-names-are-different#case,in-parts")
async def similar_name_not_stored(commit: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
    """S3 User Guide, "Naming Amazon S3 objects": a key that differs from another in case is not stored."""
    if not any(each != key and each.casefold() == key.casefold() for each in bucket.keys):
        await commit(bucket, key, stored, conditions)


@defect("storage/key/similar-names-are-different#every-operation")
async def escaped_names_not_deleted(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 API Reference, DeleteObject: a key with a percent sign is acknowledged as deleted, but stays."""
    if "%" not in key:
        await erase(bucket, key, conditions)


@defect("storage/key/similar-names-are-different#in-parts")
async def keys_of_uploads_decoded_once_more(on_object: Any, call: Call) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": the keys of uploads are percent-decoded twice."""
    of_uploads = "uploads" in call.query or "uploadId" in call.query
    return await on_object(replace(call, key=unquote(call.key)) if of_uploads else call)


@defect("storage/key/similar-names-are-different#in-parts")
async def uploads_aborted_in_small_letters(abort_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Naming Amazon S3 objects": an upload is aborted under its key in lower case."""
    return await abort_upload(replace(call, key=call.key.lower()), bucket)


@defect("storage/key/similar-names-are-different#trailing-slash")
async def trailing_slash_ignored(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Object key names": a trailing slash of a key is ignored."""
    without = call.key.removesuffix("/")
    aliased = call.key not in bucket.objects and without in bucket.objects
    return await get_object(replace(call, key=without) if aliased else call, bucket)


@defect("storage/key/similar-names-are-different#every-operation")
async def decoded_twice_to_be_deleted(delete_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 3986 section 2.4: deletions percent-decode the key twice."""
    return await delete_object(replace(call, key=unquote(call.key)), bucket)


@defect("storage/key/similar-names-are-different#every-operation")
async def decoded_twice_for_head(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 3986 section 2.4: HEAD percent-decodes the key twice."""
    key = unquote(call.key) if call.request.method == "HEAD" else call.key
    return await get_object(replace(call, key=key), bucket)


@defect("storage/key/similar-names-are-different#name-of-the-bucket")
def bucket_cut_out_of_the_key(target: Any, request: Request) -> tuple[str, str]:
    """S3 User Guide, "Creating object key names": a segment with the bucket's name is removed from the key."""
    bucket, key = target(request)
    return bucket, f"/{key}".replace(f"/{bucket}/", "/")[1:]


@defect(
    "storage/key/traversal-reaches-no-other-bucket#encoded,half-encoded,plain",
    "storage/object/chunked-transfer-is-stored-or-refused",
)
def error_reported_with200(error_answer: Any, request: Request, fault: Fault, request_id: str) -> Answer:
    """S3 API Reference, "REST error responses": an error has status 200."""
    answer: Answer = error_answer(request, fault, request_id)
    answer.status = 200 if fault.code == "NoSuchKey" else answer.status
    return answer


class DotsAreServerErrors(Defect):
    """API Reference, Error Handling: a key with dot segments is answered with a 5xx."""

    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#copied,deleted,listed,overwritten",
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
        return await original(call)

    def _within(self, name: str) -> None:
        if ".." in name.split("/"):
            raise server_error()


@defect("storage/key/traversal-reaches-no-other-bucket#copied,copied-encoded")
def copy_source_dots_resolved(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, CopyObject, x-amz-copy-source: dot segments in the source lead to another bucket."""
    bucket, key = copy_source(call)
    return (bucket, key) if "uploadId" in call.query else resolved(bucket, key)


@defect("storage/key/traversal-reaches-no-other-bucket")
def writes_dots_resolved(target: Any, request: Request) -> tuple[str, str]:
    """S3 User Guide, "Creating object key names": dot segments in the key of a write lead to another bucket."""
    bucket, key = target(request)
    return resolved(bucket, key) if request.method in ("PUT", "DELETE") else (bucket, key)


@defect("storage/key/traversal-reaches-no-other-bucket#backslashes")
def backslashes_read_as_slashes(target: Any, request: Request) -> tuple[str, str]:
    """S3 User Guide, "Creating object key names": backslashes in a key are read as slashes."""
    bucket, key = target(request)
    return resolved(bucket, key.replace("\\", "/")) if "\\" in key else (bucket, key)


@defect("storage/key/traversal-reaches-no-other-bucket#deleted-among-many")
async def named_deletion_dots_resolved(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects, Key: dot segments in a key lead to another bucket."""
    found, key = resolved(bucket.name, entry.require("Key"))
    if found in gateway(delete_entry).buckets and found != bucket.name:
        gateway(delete_entry).buckets[found].objects.pop(key, None)
    return await delete_entry(bucket, entry, quiet)


@defect("storage/key/traversal-reaches-no-other-bucket#listed,listed-v1")
async def prefix_dots_resolved(on_bucket: Any, call: Call) -> Answer:
    """S3 API Reference, ListObjectsV2, Prefix: dot segments in a prefix lead to another bucket."""
    bucket, prefix = resolved(call.bucket, call.query.get("prefix", ""))
    if call.request.method == "GET" and bucket != call.bucket:
        call = replace(call, bucket=bucket, query={**call.query, "prefix": prefix})
    return await on_bucket(call)
