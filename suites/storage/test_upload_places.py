"""Where lists of uploads and of parts begin, and where they go on."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import lists
from conformance.oracles.s3_documents import expect_document, expect_said, uploads_of, uploads_page_of
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotOffered, Proof
from conformance.vocabulary.wording import some, worded


@verifies("storage/multipart/place-is-told")
def test_place_of_uploads_is_told(space: Space) -> None:
    """Purpose: a list of uploads or of parts repeats where it was asked to begin, so that it is understood alone.

    Method: 1. open an upload, send a part; list the uploads behind a key before its own, and the parts behind the first
            2. expect KeyMarker and PartNumberMarker, where they are told, as they were sent
    """
    prefix = space.prefix("uploads")
    upload = space.opened(key := f"{prefix}é/b")
    space.part(key, upload, 1, b"the first")
    uploads = space.list_uploads(prefix, key_marker=f"{prefix}é/a")
    parts = space.list_parts(key, upload, part_number_marker="1")
    space.abort(key, upload)

    for reply, root, name, sent in (
        (uploads, "ListMultipartUploadsResult", "KeyMarker", f"{prefix}é/a"),
        (parts, "ListPartsResult", "PartNumberMarker", "1"),
    ):
        told = expect_document(reply, root).findtext(name)
        if told is not None:
            expect_said(reply, name, sent, told)


@verifies("storage/multipart/uploads-are-listed-page-by-page")
@pytest.mark.parametrize("size", [case("while-they-are-aborted", 2)])
def test_uploads_are_listed_while_they_are_aborted(space: Space, size: int) -> None:
    """Purpose: a list of uploads goes on where it was though the one that it stopped at is gone: so one cleans up.

    Method: 1. open uploads to five keys; list them two at a time, and abort the last of a page before the next
            2. expect each of them once
    """
    prefix, told = space.prefix("uploads"), list[str]()
    keys = [f"{prefix}{name}" for name in "abcde"]
    opened = {key: space.opened(key) for key in keys}
    asked, replies = {"max_uploads": str(size)}, list[Exchange]()
    for _ in range(2 * len(keys)):
        page = uploads_page_of(space.list_uploads(prefix, **asked))
        replies.append(page.reply)
        told += [each.key for each in page.uploads]
        for each in page.uploads[-1:]:
            space.abort(each.key, opened.pop(each.key, each.upload))
        if not page.truncated:
            break
        asked |= {"key_marker": page.next[0], "upload_id_marker": page.next[1]}
    for key, upload in opened.items():
        space.abort(key, upload)

    if sorted(told) != keys:
        proof = Proof(beyond="it is about several pages, between which uploads were aborted")
        raise NonConformance(f"the uploads to {some(keys)}, each once", worded(told), *replies, proof=proof)


@verifies("storage/multipart/key-marker-alone-is-exclusive")
def test_key_marker_alone_is_exclusive(space: Space) -> None:
    """Purpose: a list of uploads that goes on behind a key does not begin with that key's uploads again.

    Method: 1. open two uploads to different keys, list them from the first one's key on, without an upload id, and from
               a key on that lies between the two and has no upload
            2. expect the second alone
    """
    prefix = space.prefix("uploads")
    opened = {name: space.opened(prefix + name) for name in ("a", "b")}
    replies = {name: space.list_uploads(prefix, key_marker=prefix + name) for name in ("aa", "a")}
    for name, upload in opened.items():
        space.abort(prefix + name, upload)

    for name, reply in replies.items():
        found = [each.key for each in uploads_of(reply)]
        if found != [f"{prefix}b"]:
            proof, wanted = lists("Upload/Key", [reply], [f"{prefix}b"]), [f"{prefix}b"]
            raise NonConformance(
                f"{worded(wanted)} behind the key marker {prefix}{name}", worded(found), reply, proof=proof
            )


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(
    "name", [case("max-parts-word", "max_parts"), case("marker-of-parts-word", "part_number_marker")]
)
def test_bad_parameter_of_parts_is_no_server_error(space: Space, features: frozenset[str], name: str) -> None:
    """Purpose: no parameter of a caller's makes a list of parts fail on the server's side.

    Method: 1. open an upload, list its parts with a number that is none
            2. expect 200 or a 4xx (501 where it is not offered)
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = space.key()

    expect_no_server_error(space.list_parts(key, space.opened(key), **{name: "many"}))
