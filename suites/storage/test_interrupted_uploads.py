"""Uploads whose connection breaks in the middle of the body: nothing of them is stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.oracles.s3_documents import expect_keys, parts_of
from conformance.oracles.s3_objects import expect_nothing_stored, expect_stored
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

STOOD = b"what stood there"
SIZE = 4 * 8192
Signed = Callable[[Space, Request], Request]


def _whole(space: Space, request: Request) -> Request:
    return space.s3.sign(_of_stated_length(request))


def _unsigned(space: Space, request: Request) -> Request:
    return space.s3.sign(_of_stated_length(request), Signing(payload=UNSIGNED))


def _in_signed_chunks(space: Space, request: Request) -> Request:
    quarters = [request.body[at : at + SIZE // 4] for at in range(0, SIZE, SIZE // 4)]
    upload = chunked(request, space.s3.keys, quarters).assembled()
    return upload.with_header("Content-Length", str(len(upload.body)))


def _in_transfer_coding(space: Space, request: Request) -> Request:
    signed = space.s3.sign(request, Signing(payload=UNSIGNED)).with_header("Transfer-Encoding", "chunked")
    return Request(signed.method, signed.path, signed.query, signed.headers, b"%x\r\n%b\r\n" % (SIZE, signed.body))


def _of_stated_length(request: Request) -> Request:
    return request.with_header("Content-Length", str(len(request.body)))


def _broken_off(space: Space, signed: Request, sent: int) -> Exchange:
    """What is answered, if anything, to a request of whose body only so many bytes come; it must be no success."""
    reply = BreakingOff(space.s3.raw).send_beginning(signed.head, signed.body[:sent])
    if 200 <= reply.status < 300:
        raise NonConformance("no success for a part of a body", observed(reply), reply)
    return reply


@verifies("storage/object/cut-off-upload-stores-nothing")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        case("signed", _whole, SIZE // 4),
        case("unsigned", _unsigned, SIZE // 4),
        case("between-signed-chunks", _in_signed_chunks, SIZE // 4 + 89),
        case("within-a-signed-chunk", _in_signed_chunks, SIZE // 2),
        case("last-chunk-missing", _in_transfer_coding, SIZE + 8),
    ],
)
def test_upload_that_breaks_off_stores_nothing(space: Space, signed: Signed, sent: int) -> None:
    """Purpose: partial objects are never added: an upload that breaks off leaves what stood there.

    Method: 1. put an object, begin to overwrite it and to put another one, close the connection in the middle of each
            2. expect no 2xx, the old bytes, nothing of the other one, and no other key listed
    """
    prefix = space.prefix()
    key, new = space.stored(STOOD, key=f"{prefix}stands"), f"{prefix}new"

    for each in (key, new):
        _broken_off(space, signed(space, space.request("PUT", each, body=b"n" * SIZE)), sent)

    expect_stored(space.get(key), STOOD)
    expect_nothing_stored(space.get(new), "for a key whose upload broke off")
    expect_keys(found_under(space, prefix), [key], "where uploads broke off")


@verifies("storage/multipart/cut-off-part-is-not-kept")
def test_part_that_breaks_off_is_not_kept(space: Space) -> None:
    """Purpose: a part that breaks off is no part: the one that came before it stays.

    Method: 1. open an upload, send part 1, begin to send it anew and another one, close the connection in their bodies
            2. expect no 2xx, and the first one alone in the list of parts
    """
    key = space.key("cut")
    upload = space.opened(key)
    _, tag = space.part(key, upload, 1, STOOD)
    for number in ("1", "2"):
        query = {"partNumber": number, "uploadId": upload}
        _broken_off(space, _whole(space, space.request("PUT", key, query, body=b"n" * SIZE)), SIZE // 4)

    reply = space.list_parts(key, upload)
    space.abort(key, upload)
    told = [(part.number, part.size, part.etag.strip('"')) for part in parts_of(reply).parts]
    wanted = [(1, len(STOOD), tag.strip('"'))]
    if told != wanted:
        raise NonConformance(f"the part that came whole: {worded(wanted)}", worded(told), reply)
