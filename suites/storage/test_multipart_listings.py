"""ListMultipartUploads and ListParts: their entries, their pages and their markers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from conformance.clients.s3.bodies import full_part
from conformance.oracles.proofs import in_order, lacks, lists
from conformance.oracles.s3_documents import (
    Uploads,
    expect_at_most,
    expect_document,
    expect_said,
    number_told,
    parts_of,
    uploads_of,
    uploads_page_of,
)
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Listed, NonConformance, NotOffered, Proof
from conformance.vocabulary.wording import some, worded

TAIL = b"the tail"
KEYS = ["a", "a", "a", "b/1", "b/2", "c/1", "c/2", "d/1", "e", "f/1", "f/2"]
GROUPED, FOLDERS = ["a", "a", "a", "e"], ["b/", "c/", "d/", "f/"]
PAGE = 2
"""So that a page ends between two uploads to one key, one at a folder, one has only folders, and the last another."""


@verifies("storage/multipart/abort-removes-the-upload")
def test_abort_removes_the_upload(space: Space) -> None:
    """Purpose: an aborted upload is gone with its parts, and the object under its key unharmed.

    Method: 1. put an object, open an upload to its key, send a part, abort
            2. expect 204, then ListParts without the upload or its parts, no upload in the list, and the old object
    """
    key = space.stored(b"what stood there")
    upload = space.opened(key)
    space.part(key, upload, 1, TAIL)

    expect_status(space.abort(key, upload), 204)

    left = space.list_parts(key, upload)
    expect_status(left, {200, 404})
    if left.ok and parts_of(left).parts:
        none = lacks(left, "<Part>")
        raise NonConformance("no parts of an aborted upload", worded(parts_of(left).parts), left, proof=none)
    listed = space.list_uploads(key)
    open_still = [each.upload for each in uploads_of(listed)]
    if upload in open_still:
        proof = Proof(listed.id, lacks="<Upload>")
        raise NonConformance("no aborted upload in the list", worded(open_still), listed, proof=proof)
    expect_bytes(space.get(key), b"what stood there", "after an upload to its key was aborted")


@verifies("storage/multipart/parts-are-listed")
def test_parts_are_listed(space: Space) -> None:
    """Purpose: a client can ask which parts have come, page by page, and go on from there.

    Method: 1. list the parts of an upload that has none, upload parts 2, 10, 11 and 10000, the first of them anew and
               the last of 5 MiB, list two of them, then one at a time
            2. expect none at first, then number, size and ETag of each, as it came last, once, in order; no page
               promised behind the last of them; and MaxParts, where told, no more than asked
    """
    key = space.key()
    upload = space.opened(key)
    if (none := parts_of(empty := space.list_parts(key, upload, max_parts="2"))).parts:
        wrong = f"{len(none.parts)} of them"
        raise NonConformance("no parts before one is uploaded", wrong, empty, proof=lacks(empty, "<Part>"))
    space.part(key, upload, 2, b"what came first")
    bodies = {10000: full_part(b"x"), **{number: b"x" * number for number in (11, 2, 10)}}
    sent = [(*space.part(key, upload, number, body), len(body)) for number, body in bodies.items()]
    sent.sort(key=lambda part: part[0])
    pages = [parts_of(first := space.list_parts(key, upload, max_parts="2"))]
    before = last = first
    while pages[-1].truncated and len(pages) <= len(sent):
        before, last = last, space.list_parts(key, upload, max_parts="1", part_number_marker=pages[-1].next)
        pages.append(parts_of(last))
    space.abort(key, upload)

    told = [(part.number, part.etag.strip('"'), part.size) for page in pages for part in page.parts]
    wanted = [(number, tag.strip('"'), size) for number, tag, size in sent]
    if told != wanted or len(pages[0].parts) > 2:
        told_numbers, numbers = ([number for number, _, _ in each] for each in (told, wanted))
        two = [str(number) for number in numbers[:2]]
        proof = in_order(first, "PartNumber", two) or lists("Part/PartNumber", [first], two)
        if told_numbers == numbers:
            proof = Proof(beyond="it is about two answers together: to a part, and the list that has it")
        elif [part.number for part in pages[0].parts] == numbers[:2]:
            proof = Proof(beyond="it is about the pages behind the first, and what these begin with")
        shown = f"{worded(told)}, {len(pages[0].parts)} on the first page"
        raise NonConformance(f"{worded(wanted)}, two on the first page", shown, first, proof=proof)
    expect_at_most(first, "MaxParts", number_told(first, expect_document(first, "ListPartsResult"), "MaxParts"), 2)
    if not pages[-1].parts:
        proof = lacks(before, "<IsTruncated>true<")
        raise NonConformance("IsTruncated false where the last part is told", "true", before, last, proof=proof)


@verifies("storage/multipart/uploads-are-listed")
def test_open_uploads_are_listed(space: Space) -> None:
    """Purpose: open uploads can be found, so that what broke off can be cleaned up.

    Method: 1. open two uploads under a prefix, one elsewhere, and complete a third, list those under the prefix
            2. expect the two, with their ids
    """
    prefix = space.prefix()
    uploads = {f"{prefix}{name}": space.opened(f"{prefix}{name}") for name in ("a", "b")}
    elsewhere = space.key()
    other = space.opened(elsewhere)
    done = f"{prefix}done"
    finished = space.opened(done)
    space.complete(done, finished, [space.part(done, finished, 1, b"finished")])
    pages = list(_pages(space, prefix))
    found = {each.key: each.upload for page in pages for each in page.uploads}
    for key, upload in [*uploads.items(), (elsewhere, other)]:
        space.abort(key, upload)

    if found != uploads:
        replies = [page.reply for page in pages]
        proof = lists("Upload/Key", replies, uploads)
        raise NonConformance(f"{worded(sorted(uploads))} with their ids", worded(sorted(found)), *replies, proof=proof)


@verifies("storage/multipart/uploads-are-encoded-where-told")
def test_open_uploads_are_encoded_where_told(space: Space) -> None:
    """Purpose: a list of uploads that says that its keys are encoded can be decoded, and what broke off be aborted.

    Method: 1. open an upload to a key that needs encoding, list the uploads there with encoding-type=url, and with a
               delimiter
            2. expect the key, and its folder: decoded where EncodingType is told, as they are where it is not
    """
    prefix = space.prefix("uploads")
    folder = f"{prefix}a b+c%20d/"
    key = f"{folder}é🚀"
    upload = space.opened(key)
    reply = space.list_uploads(prefix, encoding_type="url")
    grouped = space.list_uploads(prefix, encoding_type="url", delimiter="/")
    space.abort(key, upload)

    found = [each.key for each in uploads_of(reply)]
    if found != [key]:
        raise NonConformance(f"the key {key}", worded(found), reply, proof=lists("Upload/Key", [reply], [key]))
    # Whether uploads are grouped at all, and rightly, is a promise of its own.
    if uploads_page_of(grouped).prefixes == (unquote(folder.replace("+", " ")),):
        told, proof = uploads_page_of(grouped).prefixes, lists("CommonPrefixes/Prefix", [grouped], [folder])
        raise NonConformance(f"the common prefix {folder}, encoded", f"{some(told)}, decoded", grouped, proof=proof)


def _pages(space: Space, prefix: str, **asked: str) -> Iterator[Uploads]:
    """The pages of a list of uploads, as many as there can be."""
    more, most = dict(asked), int(asked.get("max_uploads", 1000))
    for _ in range(2 * len(KEYS)):
        reply = space.list_uploads(prefix, **more)
        page = uploads_page_of(reply)
        if len(page.uploads) > most:
            proof = Proof(reply.id, lacks=f"(<Upload>.*){{{most + 1}}}")
            raise NonConformance(f"at most {most} uploads", f"{len(page.uploads)} of them", reply, proof=proof)
        yield page
        if not page.truncated:
            return
        # S3 itself tells no markers where a page ends at a common prefix: that prefix is the place then.
        key, upload = page.next if any(page.next) else (max(page.prefixes, default="", key=str.encode), "")
        more = {**asked, "key_marker": key} | ({"upload_id_marker": upload} if upload else {})
    raise NonConformance("the last page after so many", f"IsTruncated after {2 * len(KEYS)} pages", reply)


def _expect_pages(space: Space, delimiter: str, listed: list[str], prefixes: list[str]) -> None:
    """Opens uploads to ``KEYS``; lists in pages and whole have those to the listed keys and the prefixes once."""
    prefix = space.prefix("uploads")
    # The last one first: an order by age would not do.
    opened = [(prefix + key, space.opened(prefix + key)) for key in reversed(KEYS)][::-1]
    asked = {"delimiter": delimiter} if delimiter else {}
    try:
        lists_of = [list(_pages(space, prefix, **each, **asked)) for each in ({"max_uploads": str(PAGE)}, {})]
    finally:
        for key, upload in opened:
            space.abort(key, upload)
    wanted = sorted(each for each in opened if each[0].removeprefix(prefix) in listed), [prefix + e for e in prefixes]
    for read in lists_of:
        _expect_each_once(read, wanted)


def _expect_each_once(read: list[Uploads], wanted: tuple[list[tuple[str, str]], list[str]]) -> None:
    """The pages together have these uploads and common prefixes, each once."""
    found = sorted((each.key, each.upload) for page in read for each in page.uploads)
    groups = sorted(each for page in read for each in page.prefixes)
    if (found, groups) != wanted:
        replies, pages = [page.reply for page in read], tuple(page.reply.id for page in read)
        keys, grouped = tuple(key for key, _ in wanted[0]), tuple(wanted[1])
        proof = Proof(listed=(Listed("Upload/Key", pages, keys), Listed("CommonPrefixes/Prefix", pages, grouped)))
        expected = f"uploads, each once, and common prefixes: {worded(wanted)}"
        raise NonConformance(expected, worded((found, groups)), *replies, proof=proof)


@verifies("storage/multipart/uploads-are-listed-page-by-page")
def test_open_uploads_are_listed_page_by_page(space: Space) -> None:
    """Purpose: the pages of a list of uploads have each upload once, several to one key also.

    Method: 1. open three uploads to one key and eight to others, list them two at a time, from key and id markers, and
               without saying how many
            2. expect each of them once, and no page with more than two
    """
    _expect_pages(space, "", KEYS, [])


@verifies("storage/multipart/uploads-are-grouped-at-the-delimiter")
def test_open_uploads_are_grouped(space: Space) -> None:
    """Purpose: open uploads below a folder are told as one common prefix where a delimiter is given.

    Method: 1. open uploads to keys beside and below four folders, list them with a delimiter, also two at a time
            2. expect those beside them and the folders, each once
    """
    _expect_pages(space, "/", GROUPED, FOLDERS)


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
