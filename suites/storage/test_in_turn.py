"""Steps in turn: what was there before a step, or beside it, does not come back with the next one."""

from __future__ import annotations

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import expect_keys, expect_prefixes
from conformance.oracles.s3_errors import expect_no_error_inside, require, xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_tag_set
from conformance.oracles.s3_pages import version_1, version_2, whole_listing
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

OWNED = {"x-amz-meta-owner": "alice", "x-amz-meta-earlier": "yes"}


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("that-was-deleted", b"anew")])
def test_deleted_metadata_does_not_come_back(space: Space, body: bytes) -> None:
    """Purpose: an object that is put where one was deleted is a new one, and has nothing of that one.

    Method: 1. put an object with metadata, delete it, put one without there
            2. expect none of that metadata
    """
    key = space.stored(b"deleted", OWNED)
    require(space.delete(key), "objects to be deleted")
    space.stored(body, key=key)

    expect_absent_headers(space.head(key), OWNED, "of the object that was deleted")


@verifies("storage/multipart/metadata-is-of-the-opening")
@pytest.mark.parametrize("body", [case("of-its-own", b"of the first")])
def test_metadata_is_of_the_uploads_own_opening(space: Space, body: bytes) -> None:
    """Purpose: of two uploads to one key each has the metadata that it was opened with.

    Method: 1. open two uploads to one key with different metadata, complete the first, abort the second
            2. expect the metadata of the first
    """
    key = space.key()
    first, second = (space.opened(key, {"x-amz-meta-owner": name}) for name in ("alice", "bob"))
    expect_no_error_inside(space.complete(key, first, [space.part(key, first, 1, body)]))
    space.abort(key, second)

    expect_headers(space.head(key), {"x-amz-meta-owner": "alice"})


@verifies("storage/multipart/two-uploads-do-not-mix")
@pytest.mark.parametrize("body", [case("nor-with-an-aborted-one", b"given up")])
def test_upload_begins_without_parts(space: Space, body: bytes) -> None:
    """Purpose: an upload begins with no part, also where one to its key was given up: a part of that is of other bytes.

    Method: 1. open an upload, send a part, abort it; open another to the key, list its parts
            2. expect none
    """
    key = space.key()
    given_up = space.opened(key)
    space.part(key, given_up, 1, body)
    space.abort(key, given_up)
    upload = space.opened(key)
    listed = space.list_parts(key, upload)
    space.abort(key, upload)

    # By which root they are listed is for the check of lists to find.
    root = xml_root(listed)
    found = [] if root is None else [part.findtext("PartNumber") for part in root.findall("Part")]
    if found:
        proof, told = lacks(listed, "<Part>"), f"parts {worded(found)}"
        raise NonConformance("no parts of an upload that has been sent none", told, listed, proof=proof)


@verifies("storage/tagging/go-along-with-a-copy")
@pytest.mark.parametrize("tags", [case("and-are-its-own", {"stage": "test"})])
def test_tags_of_a_copy_are_its_own(space: Space, tags: dict[str, str]) -> None:
    """Purpose: tags that go along with a copy are the copy's from then on, whatever becomes of its source's.

    Method: 1. put an object with tags, copy it, give the source other tags
            2. expect the copy's as they were copied
    """
    source, key = space.stored(b"tagged", {"x-amz-tagging": "stage=test"}), space.key("copy")
    expect_no_error_inside(space.copy(key, source))
    expect_success(space.put_tags(source, [("stage", "production")]))

    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("by-chunks", b"in chunks")])
def test_chunks_replace_a_longer_object(space: Space, body: bytes) -> None:
    """Purpose: what comes in chunks replaces what stood there to its end, of which it may not know the length before.

    Method: 1. put an object, then a shorter one in a signed chunk
            2. expect the bytes of the second
    """
    key = space.stored(b"what stood there, and was longer")
    expect_success(space.s3.send_as_is(chunked(space.request("PUT", key), space.s3.keys, [body]).assembled()))

    expect_bytes(space.get(key), body)


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("body", [case("in-each-listing", b"copied")])
def test_copy_is_in_each_listing(space: Space, body: bytes) -> None:
    """Purpose: an object is listed at once, with the folder that it makes and by either version, however it was made.

    Method: 1. copy an object into a new folder; list there with a delimiter and without, by either version
            2. expect the folder, and the key
    """
    prefix = space.prefix()
    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix)), [], "before the first write")
    expect_no_error_inside(space.copy(key := f"{prefix}folder/copy", space.stored(body)))

    for version in (version_2, version_1):
        expect_prefixes(whole_listing(version(space, prefix, delimiter="/")), [f"{prefix}folder/"])
        expect_keys(whole_listing(version(space, prefix)), [key], "straight after copying it")
