"""ListMultipartUploads and ListParts: their entries and pages, and what responses report about an upload."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import pytest

from conformance.clients.s3.bodies import full_part
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import clock_of
from conformance.oracles.s3_documents import (
    Uploads,
    copied_etag_of,
    expect_at_most,
    expect_document,
    expect_element,
    optional_number,
    parts_of,
    uploads_of,
    uploads_page_of,
)
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.status import expect_no_server_error, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import ROUNDED_S, seconds_of_time
from conformance.vocabulary.wording import some, worded

KEYS = ["a", "a", "a", "b/1", "b/2", "c/1", "c/2", "d/1", "e", "f/1", "f/2"]
GROUPED, FOLDERS = ["a", "a", "a", "e"], ["b/", "c/", "d/", "f/"]
# A page of two ends between two uploads to one key, at a folder, or has only folders.
PAGE, NEAR_S = 2, 300


@verifies("storage/multipart/parts-are-listed")
def test_parts_are_listed(space: Space) -> None:
    """Purpose: a client that resumes an upload asks page by page which parts the server has.
    Method: 1. list the parts of a new upload; send parts 2, 10, 11 and 10000, part 2 twice; list two, then one per page
            2. expect none at first, then number, size and ETag of each as sent last, in order, and no empty last page
    """
    upload = space.opened(key := space.key())
    if (none := parts_of(empty := space.list_parts(key, upload, max_parts="2"))).parts:
        raise NonConformance("no parts before one is uploaded", f"{len(none.parts)} of them", empty)
    space.part(key, upload, 2, b"what came first")
    bodies = {10000: full_part(b"x"), **{number: b"x" * number for number in (11, 2, 10)}}
    sent = sorted((*space.part(key, upload, number, body), len(body)) for number, body in bodies.items())
    pages = [parts_of(first := space.list_parts(key, upload, max_parts="2"))]
    before = last = first
    while pages[-1].truncated and len(pages) <= len(sent):
        before, last = last, space.list_parts(key, upload, max_parts="1", part_number_marker=pages[-1].next)
        pages.append(parts_of(last))
    space.abort(key, upload)

    found = [(part.number, part.etag.strip('"'), part.size) for page in pages for part in page.parts]
    expected = [(number, tag.strip('"'), size) for number, tag, size in sent]
    if found != expected or len(pages[0].parts) > 2:
        shown = f"{worded(found)}, {len(pages[0].parts)} on the first page"
        raise NonConformance(f"{worded(expected)}, two on the first page", shown, first)
    expect_at_most(first, "MaxParts", optional_number(first, expect_document(first, "ListPartsResult"), "MaxParts"), 2)
    if not pages[-1].parts:
        raise NonConformance("IsTruncated false after the last part", "true", before, last)


def _pages(space: Space, prefix: str, **parameters: str) -> Iterator[Uploads]:
    """Yield the pages of a list of uploads."""
    query, most = dict(parameters), int(parameters.get("max_uploads", 1000))
    for _ in range(2 * len(KEYS)):
        reply = space.list_uploads(prefix, **query)
        page = uploads_page_of(reply)
        if len(page.uploads) > most:
            raise NonConformance(f"at most {most} uploads", f"{len(page.uploads)} of them", reply)
        yield page
        if not page.truncated:
            return
        # S3 itself reports no markers if a page ends at a common prefix: then that prefix is the marker.
        key, upload = page.next if any(page.next) else (max(page.prefixes, default="", key=str.encode), "")
        query = {**parameters, "key_marker": key} | ({"upload_id_marker": upload} if upload else {})
    raise NonConformance(f"at most {2 * len(KEYS)} pages", f"IsTruncated true on page {2 * len(KEYS)}", reply)


@pytest.mark.parametrize(
    ("delimiter", "listed", "folders"),
    [
        row("storage/multipart/uploads-are-listed-page-by-page#every-upload", "", KEYS, []),
        row("storage/multipart/uploads-are-grouped-at-the-delimiter", "/", GROUPED, FOLDERS),
    ],
)
def test_uploads_are_listed_page_by_page(space: Space, delimiter: str, listed: list[str], folders: list[str]) -> None:
    """Purpose: the pages of a list of uploads have each upload and each common prefix once.
    Method: 1. open three uploads to one key and others in folders, list them two per page and on one page
            2. expect each once, no page with more than two, and uploads in folders grouped with a delimiter
    """
    prefix = space.prefix("uploads")
    # The last key is opened first: an order by age would be wrong.
    opened = [(prefix + key, space.opened(prefix + key)) for key in reversed(KEYS)][::-1]
    asked = {"delimiter": delimiter} if delimiter else {}
    try:
        lists_of = [list(_pages(space, prefix, **each, **asked)) for each in ({"max_uploads": str(PAGE)}, {})]
    finally:
        for key, upload in opened:
            space.abort(key, upload)
    due = sorted(each for each in opened if each[0].removeprefix(prefix) in listed), [prefix + e for e in folders]
    for read in lists_of:
        found = sorted((each.key, each.upload) for page in read for each in page.uploads)
        groups = sorted(each for page in read for each in page.prefixes)
        if (found, groups) != due:
            expected = f"uploads and common prefixes, each once: {worded(due)}"
            raise NonConformance(expected, worded((found, groups)), *[page.reply for page in read])


@verifies("storage/multipart/uploads-are-listed-page-by-page#while-they-are-aborted")
def test_uploads_are_listed_while_they_are_aborted(space: Space) -> None:
    """Purpose: a client cleans up page by page: it aborts uploads before it reads the next page.
    Method: 1. open uploads to five keys; list two per page, abort a page's last before the next; 2. expect each once
    """
    prefix, found = space.prefix("uploads"), list[str]()
    keys = [f"{prefix}{name}" for name in "abcde"]
    opened = {key: space.opened(key) for key in keys}
    asked, replies = {"max_uploads": str(2)}, list[Exchange]()
    for _ in range(2 * len(keys)):
        page = uploads_page_of(space.list_uploads(prefix, **asked))
        replies.append(page.reply)
        found += [each.key for each in page.uploads]
        for each in page.uploads[-1:]:
            space.abort(each.key, opened.pop(each.key, each.upload))
        if not page.truncated:
            break
        asked |= {"key_marker": page.next[0], "upload_id_marker": page.next[1]}
    for key, upload in opened.items():
        space.abort(key, upload)

    if sorted(found) != keys:
        raise NonConformance(f"the uploads to {some(keys)}, each once", worded(found), *replies)


@verifies("storage/multipart/uploads-are-listed#under-a-prefix")
def test_open_uploads_are_listed(space: Space) -> None:
    """Purpose: a client finds interrupted uploads and aborts them.
    Method: 1. open two uploads under a prefix, one outside, and complete a third under it; list those under it
            2. expect the two, with their ids
    """
    prefix, outside = space.prefix(), space.key()
    uploads = {key: space.opened(key) for key in (f"{prefix}{name}" for name in "ab")}
    other = space.opened(outside)
    finished = space.opened(done := f"{prefix}done")
    space.complete(done, finished, [space.part(done, finished, 1, b"finished")])
    pages = list(_pages(space, prefix))
    found = {each.key: each.upload for page in pages for each in page.uploads}
    for key, upload in [*uploads.items(), (outside, other)]:
        space.abort(key, upload)

    if found != uploads:
        replies = [page.reply for page in pages]
        raise NonConformance(f"{worded(sorted(uploads))} with their ids", worded(sorted(found)), *replies)


@verifies("storage/multipart/uploads-are-listed#of-one-bucket")
def test_uploads_of_another_bucket_are_not_listed(space: Space, other_space: Space) -> None:
    """Purpose: a list of uploads is of its own bucket only.
    Method: 1. open an upload of one key in each of two buckets, list both; 2. expect only the bucket's own upload
    """
    key = space.key("begun")
    opened = [(each, each.opened(key)) for each in (space, other_space)]
    replies = [each.list_uploads(key) for each, _ in opened]
    for each, upload in opened:
        each.abort(key, upload)

    for (_, upload), reply in zip(opened, replies, strict=True):
        expect_status(reply, 200, "for a list of uploads while another bucket has some")
        if (found := [each.upload for each in uploads_of(reply)]) != [upload]:
            raise NonConformance(f"only the upload {upload}", worded(found), reply)


@verifies("storage/multipart/upload-keys-are-encoded")
def test_upload_keys_are_encoded(space: Space) -> None:
    """Purpose: a client that decodes an encoded list of uploads gets the keys, and can abort the uploads.
    Method: 1. open an upload to a key that needs encoding, list with encoding-type=url, also with a delimiter
            2. expect the key and its folder, decoded if EncodingType is url, otherwise as they are
    """
    prefix = space.prefix("uploads")
    folder = f"{prefix}a b+c%20d/"
    upload = space.opened(key := f"{folder}é🚀")
    reply = space.list_uploads(prefix, encoding_type="url")
    grouped = space.list_uploads(prefix, encoding_type="url", delimiter="/")
    space.abort(key, upload)

    found = [each.key for each in uploads_of(reply)]
    if found != [key]:
        raise NonConformance(f"the key {key}", worded(found), reply)
    # Another check judges whether uploads are grouped at all.
    if (prefixes := uploads_page_of(grouped).prefixes) == (unquote(folder.replace("+", " ")),):
        raise NonConformance(f"the common prefix {folder}, encoded", f"{some(prefixes)}, decoded", grouped)


@verifies("storage/multipart/key-marker-alone-is-exclusive")
def test_key_marker_alone_is_exclusive(space: Space) -> None:
    """Purpose: a client that continues after a key does not get that key's uploads again.
    Method: 1. open uploads to two keys; list after the first key, and after a key in between; 2. expect only the second
    """
    prefix = space.prefix("uploads")
    opened = {name: space.opened(prefix + name) for name in ("a", "b")}
    replies = {name: space.list_uploads(prefix, key_marker=prefix + name) for name in ("aa", "a")}
    for name, upload in opened.items():
        space.abort(prefix + name, upload)

    due = [f"{prefix}b"]
    for name, reply in replies.items():
        if (found := [each.key for each in uploads_of(reply)]) != due:
            raise NonConformance(f"{worded(due)} after the key marker {prefix}{name}", worded(found), reply)


@verifies("storage/multipart/response-repeats-the-marker")
def test_response_repeats_the_marker(space: Space) -> None:
    """Purpose: a list of uploads or of parts can be understood without its request.
    Method: 1. open an upload, send a part; list the uploads after an earlier key, and the parts after the first
            2. expect any KeyMarker and PartNumberMarker to be as sent
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
        if (found := expect_document(reply, root).findtext(name)) is not None:
            expect_element(reply, name, sent, found)


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(
    "name", [case("max-parts-word", "max_parts"), case("part-number-marker-word", "part_number_marker")]
)
@pytest.mark.usefixtures("multipart")
def test_bad_parameter_of_parts_is_no_server_error(space: Space, name: str) -> None:
    """Purpose: no parameter of a client's makes a list of parts fail on the server's side.
    Method: 1. open an upload, list its parts with a word as max-parts or part-number-marker; 2. expect no 5xx but 501
    """
    expect_no_server_error(space.list_parts(key := space.key(), space.opened(key), **{name: "many"}))


def _elements(reply: Exchange, name: str) -> Iterator[Element]:
    """Yield the elements of a name in the document or its entries, whatever its root."""
    document = xml_root(reply)
    if document is None:
        raise NonConformance("a well-formed XML document", observed(reply), reply)
    for parent in (document, *document.findall("Upload"), *document.findall("Part")):
        yield from parent.findall(name)


def _expect_near(reply: Exchange, element: Element) -> float:
    """Expect a time in ISO 8601 form near that of the response; return it in seconds."""
    text = element.text or ""
    if (seconds := seconds_of_time(text)) is None:
        raise NonConformance(f"{element.tag} in ISO 8601 form, in UTC", worded(text), reply)
    if abs(seconds - clock_of(reply)) > NEAR_S:
        raise NonConformance(f"{element.tag} within {NEAR_S} s of now", text, reply)
    return seconds


@verifies("storage/multipart/times-are-reported#copied-part")
def test_times_of_an_upload_are_reported(space: Space) -> None:
    """Purpose: a client that cleans up sees when an upload was opened, and when each part was sent or copied.
    Method: 1. send a part, list parts and uploads, complete, HEAD the object; copy a part, list the parts
            2. expect any Initiated and LastModified in ISO 8601 form and near now; and Last-Modified
    """
    upload = space.opened(key := space.key("reported"))
    part = space.part(key, upload, 1, b"reported")
    parts, uploads = space.list_parts(key, upload), space.list_uploads(key)
    space.complete(key, upload, [part])
    head = space.head(key)
    another = space.opened(key)
    copy = require(space.copy_part(key, another, 1, space.stored(b"copied")), "copies of parts")
    listed = space.list_parts(key, another)
    space.abort(key, another)

    # Another check judges whether the result of a copied part is a document.
    results = [(copy, "LastModified")] if xml_root(copy) is not None else []
    for reply, name in ((parts, "LastModified"), (uploads, "Initiated"), (listed, "LastModified"), *results):
        for element in _elements(reply, name):
            _expect_near(reply, element)
    expect_http_date(head, "last-modified", clock_of(head), NEAR_S)


@verifies("storage/copy/date-is-reported")
def test_date_of_a_copy_is_reported(space: Space) -> None:
    """Purpose: a client that copies an object gets the time that HEAD of the copy returns.
    Method: 1. copy an object, HEAD the copy
            2. expect any LastModified in the result in ISO 8601 form, near now and equal to that of HEAD to the second
    """
    reply = space.copy(key := space.key("copy"), space.stored(b"dated"))
    copied_etag_of(reply)
    head = space.head(key)
    modified = expect_http_date(head, "last-modified", clock_of(head), NEAR_S)

    for element in expect_document(reply, "CopyObjectResult").findall("LastModified"):
        if abs(_expect_near(reply, element) - modified) > ROUNDED_S:
            expected = f"LastModified of the copy as in HEAD, {head.headers.get('last-modified')}"
            raise NonConformance(expected, f"{element.text}", reply, head)
