"""Responses about a multipart upload name its bucket, key, id and times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import pytest

from conformance.clients.s3.bodies import full_part
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import clock_of
from conformance.oracles.proofs import lacks, lists
from conformance.oracles.s3_documents import copied_etag_of, expect_document, uploads_of
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_head_of_range,
    expect_length,
    expect_range,
    expect_same_headers,
)
from conformance.oracles.status import expect_no_server_error, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.values import ROUNDED_S, seconds_of_time
from conformance.vocabulary.wording import worded

NEAR_S = 300
COUNT = "x-amz-mp-parts-count"
UPLOAD_ID = re.compile("UploadId[^>]*>([^<]*)<")
ROOTS = (
    "InitiateMultipartUploadResult",
    "ListPartsResult",
    "ListMultipartUploadsResult",
    "CompleteMultipartUploadResult",
)


@dataclass(frozen=True)
class Told:
    """The answers about one upload, by the root of their document, and the object's head."""

    key: str
    upload: str
    replies: dict[str, Exchange]
    head: Exchange


@pytest.fixture(scope="session")
def told(space: Space) -> Told:
    """An upload of one part, asked about while it was open, then completed."""
    key = space.key("told") + "é&<"
    opened = require(space.create_upload(key), "multipart uploads")
    if (root := xml_root(opened)) is not None:
        upload = root.findtext("UploadId") or ""
    else:
        # By its letters: that the document cannot be read is for the check to find.
        upload = "".join(UPLOAD_ID.findall(opened.text)[:1])
    part = space.part(key, upload, 1, b"told")
    parts, uploads = space.list_parts(key, upload), space.list_uploads(key)
    replies = (opened, parts, uploads, space.complete(key, upload, [part]))
    return Told(key, upload, dict(zip(ROOTS, replies, strict=True)), space.head(key))


def _elements(reply: Exchange, name: str) -> Iterator[Element]:
    """The elements of a name that a document has itself or in what it lists, however the document is named."""
    document = xml_root(reply)
    if document is None:
        raise NonConformance("a well-formed XML document", observed(reply), reply)
    for parent in (document, *document.findall("Upload"), *document.findall("Part")):
        yield from parent.findall(name)


def expect_near(reply: Exchange, element: Element) -> float:
    """The element is a time in ISO 8601 form, near the answer's own; returns it in seconds."""
    found = element.text or ""
    seconds = seconds_of_time(found)
    if seconds is None:
        raise NonConformance(f"{element.tag} in ISO 8601 form, in UTC", worded(found), reply)
    if abs(seconds - clock_of(reply)) > NEAR_S:
        raise NonConformance(f"{element.tag} within {NEAR_S} s of now", found, reply)
    return seconds


@verifies("storage/multipart/answers-name-their-upload")
def test_answers_name_their_upload(space: Space, told: Told) -> None:
    """Purpose: an answer about an upload says of which bucket and key it is, and which upload.

    Method: 1. open an upload, send a part, list its parts and the uploads of its key, complete it
            2. expect bucket, key and id of it in each answer that tells them
    """
    wanted = {"Bucket": space.name, "Key": told.key, "UploadId": told.upload}
    for root, reply in told.replies.items():
        for name, value in wanted.items():
            for element in _elements(reply, name):
                if element.text != value:
                    proof = lacks(reply, f"<{name}>{escape(element.text or '')}</{name}>")
                    raise NonConformance(f"<{name}>{value} in <{root}>", f"{element.text}", reply, proof=proof)


@verifies("storage/multipart/times-are-told")
def test_times_of_an_upload_are_told(told: Told) -> None:
    """Purpose: who looks for what broke off is told when an upload was begun, and when a part came.

    Method: 1. open an upload, send a part, list its parts and the uploads of its key, complete it, HEAD the object
            2. expect Initiated and LastModified, where they are told, in ISO 8601 form and near now; and Last-Modified
    """
    for root, name in (("ListPartsResult", "LastModified"), ("ListMultipartUploadsResult", "Initiated")):
        for element in _elements(told.replies[root], name):
            expect_near(told.replies[root], element)
    expect_http_date(told.head, "last-modified", clock_of(told.head), NEAR_S)


@verifies("storage/multipart/times-are-told")
@pytest.mark.parametrize("body", [case("of-a-copied-part", b"copied")])
def test_time_of_a_copied_part_is_told(space: Space, body: bytes) -> None:
    """Purpose: when a part was copied is told as when one was sent is.

    Method: 1. copy a part, list the parts, abort
            2. expect LastModified in the result and in the list, where it is told, in ISO 8601 form and near now
    """
    key = space.key("told")
    upload = space.opened(key)
    reply = require(space.copy_part(key, upload, 1, space.stored(body)), "parts that are copied")
    listed = space.list_parts(key, upload)
    space.abort(key, upload)

    # That there is a result at all is for the check of copied parts to find.
    for each in (reply, listed) if xml_root(reply) is not None else (listed,):
        for element in _elements(each, "LastModified"):
            expect_near(each, element)


@verifies("storage/multipart/uploads-are-listed")
@pytest.mark.parametrize("hint", [case("beside-another-bucket-s", "begun")])
def test_uploads_of_another_bucket_are_not_listed(space: Space, other_space: Space, hint: str) -> None:
    """Purpose: a list of uploads is of its own bucket: what is under way in another neither stands in it nor spoils it.

    Method: 1. open an upload of one key in either of two buckets, list those of that key in each
            2. expect the bucket's own upload alone
    """
    key = space.key(hint)
    begun = [(each, each.opened(key)) for each in (space, other_space)]
    replies = [each.list_uploads(key) for each, _ in begun]
    for each, upload in begun:
        each.abort(key, upload)

    for (_, upload), reply in zip(begun, replies, strict=True):
        expect_status(reply, 200, "for a list of uploads while another bucket has some")
        if (found := [each.upload for each in uploads_of(reply)]) != [upload]:
            proof = lists("Upload/Key", [reply], [key])
            raise NonConformance(f"the upload {upload} alone", worded(found), reply, proof=proof)


@verifies("storage/copy/date-is-told")
def test_date_of_a_copy_is_told(space: Space) -> None:
    """Purpose: the result of a copy says when the copy was made, as a client is told afterwards.

    Method: 1. copy an object, HEAD the copy
            2. expect LastModified in the result, where it is told, in ISO 8601 form, near now and that of HEAD, where a
               fraction may be cut off or rounded
    """
    source, key = space.stored(b"dated"), space.key("copy")
    reply = space.copy(key, source)
    copied_etag_of(reply)
    head = space.head(key)
    modified = expect_http_date(head, "last-modified", clock_of(head), NEAR_S)

    for element in expect_document(reply, "CopyObjectResult").findall("LastModified"):
        if abs(expect_near(reply, element) - modified) > ROUNDED_S:
            wanted = f"LastModified of the copy as HEAD tells it, {head.headers.get('last-modified')}"
            raise NonConformance(wanted, f"{element.text}", reply, head)


@verifies("storage/multipart/part-that-is-read-is-described")
def test_part_that_is_read_is_described(space: Space) -> None:
    """Purpose: who reads an object by the number of a part is told which bytes of it came; so is who asks for its head.

    Method: 1. upload two parts, complete, GET and HEAD with partNumber=1, GET with partNumber=2 and 3
            2. expect 206 with the first part, or all that there is, and its Content-Range; or 200 with the whole; or a
               refusal; of the second alike, and no server error for the part that there is not; of HEAD, where both
               are of the whole, its length
            3. GET an object that was put in one piece with partNumber=1; expect its bytes alike, or a refusal
    """
    first, last = full_part(b"1"), b"the last part"
    key, size = space.key("parts"), len(first + last)
    upload = space.opened(key)
    parts = [space.part(key, upload, number, body) for number, body in enumerate((first, last), 1)]
    require(space.complete(key, upload, parts), "multipart uploads")

    reply, head = (space.call(method, key, {"partNumber": "1"}) for method in ("GET", "HEAD"))
    second, beyond = (space.get(key, query={"partNumber": each}) for each in "23")
    in_one = space.get(space.stored(last), query={"partNumber": "1"})
    space.delete(key)

    expect_no_server_error(beyond)
    _expect_part(reply, first + last, 0, len(first) - 1)
    _expect_part(second, first + last, len(first), size - 1)
    _expect_part(in_one, last, 0, len(last) - 1)
    expect_no_server_error(head)
    if head.status == 206:
        whole = head.headers.get("content-length") == str(size)
        expect_head_of_range(head, size, 0, (size if whole else len(first)) - 1)
    elif head.status == reply.status == 200:
        expect_length(head, size)


@verifies("storage/object/head-equals-get")
@pytest.mark.parametrize("number", [case("of-a-part", "1")])
def test_head_of_a_part_counts_parts_as_get(space: Space, features: frozenset[str], number: str) -> None:
    """Purpose: who asks for the head of a part first, to know how many there are to read, is told what GET tells.

    Method: 1. upload one part, complete, GET and HEAD it by its number
            2. where GET tells how many parts there are, expect HEAD to tell it, too
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = space.key("part")
    upload = space.opened(key)
    require(space.complete(key, upload, [space.part(key, upload, 1, b"the only part")]), "multipart uploads")

    got, head = (space.call(method, key, {"partNumber": number}) for method in ("GET", "HEAD"))

    if got.ok and head.ok and COUNT in got.headers:
        expect_same_headers(head, got, [COUNT])


def _expect_part(reply: Exchange, whole: bytes, first: int, last: int) -> None:
    """The bytes of a part or all that there are, and what says which; or a refusal."""
    expect_no_server_error(reply)
    if reply.status == 206:
        bounds = (0, len(whole) - 1) if reply.body == whole else (first, last)
        expect_range(reply, whole, *bounds, or_refused=reply)
    elif reply.ok:
        expect_bytes(reply, whole, or_refused=reply)
