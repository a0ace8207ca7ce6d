"""Uploads with Expect: 100-continue, and uploads whose connection breaks in the middle of the body."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.clients.transport.expect_continue import Expecting
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.oracles.s3_documents import expect_keys, parts_of
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

OLD = b"the old object"
SIZE = 4 * 8192
AWAITED = b"sent after 100 Continue " * 1000
Signed = Callable[[Space, Request], Request]


def _put_expecting(s3: S3, space: Space, key: str) -> tuple[Exchange, Exchange]:
    """PUT with Expect: 100-continue; return the response before the body and the final one."""
    fields = {"Content-Length": str(len(AWAITED)), "Expect": "100-continue"}
    # Unsigned, since a proxy may remove or rewrite them.
    signing = Signing(unsigned=frozenset(name.lower() for name in fields))
    request = s3.sign(space.request("PUT", key, headers=fields, body=AWAITED), signing)
    return Expecting(s3.raw).send_expecting(request.head, AWAITED)


@verifies("storage/object/expected-continue-comes")
def test_expected_continue_comes(s3: S3, space: Space) -> None:
    """Purpose: a client that waits for 100 (Continue) gets it, and its body is stored.
    Method: 1. send the head of a PUT with Expect: 100-continue, wait for a response, send the body
            2. expect 100 before the body, then 2xx, and the same bytes from GET
    """
    first, final = _put_expecting(s3, space, key := space.key("expect"))

    if first.status != 100:
        found = observed(first) if first.status else "no response before the body within the target's time limit"
        raise NonConformance("100 (Continue) before the body", found, first)
    expect_success(final)
    expect_bytes(space.get(key), AWAITED)


@verifies("storage/object/refusal-comes-before-the-body")
@pytest.mark.parametrize(
    "changes", [case("wrong-secret", {"secret_key": "w" * 40}), case("unknown-key", {"access_key": "AKIAUNKNOWN"})]
)
def test_refusal_comes_before_the_body(s3: S3, space: Space, changes: dict[str, str]) -> None:
    """Purpose: a client without permission need not send its body: the request is refused by its head.
    Method: 1. send the head of a PUT with a wrong signature and Expect: 100-continue, wait for a response
            2. expect 403 before the body, and nothing stored
    """
    first, final = _put_expecting(s3.with_keys(**changes), space, key := space.key("refused"))

    expect_nothing_stored(space.get(key))
    if first.status == 100:
        raise NonConformance("403 before the body", f"100 (Continue), and {final.status} after the body", first, final)
    expect_refusal(first, {401, 403}, {"SignatureDoesNotMatch", "AccessDenied", "InvalidAccessKeyId"})


def _signed(space: Space, request: Request) -> Request:
    return space.s3.sign(request.with_header("Content-Length", str(len(request.body))))


def _unsigned(space: Space, request: Request) -> Request:
    return space.s3.sign(request.with_header("Content-Length", str(len(request.body))), Signing(payload=UNSIGNED))


def _in_signed_chunks(space: Space, request: Request) -> Request:
    quarters = [request.body[at : at + SIZE // 4] for at in range(0, SIZE, SIZE // 4)]
    upload = chunked(request, space.s3.keys, quarters).assembled()
    return upload.with_header("Content-Length", str(len(upload.body)))


def _in_transfer_coding(space: Space, request: Request) -> Request:
    signed = space.s3.sign(request, Signing(payload=UNSIGNED)).with_header("Transfer-Encoding", "chunked")
    return Request(signed.method, signed.path, signed.query, signed.headers, b"%x\r\n%b\r\n" % (SIZE, signed.body))


def _send_partially(space: Space, signed: Request, sent: int) -> None:
    """Send so many bytes of the body and close the connection; any response must not be a success."""
    reply = BreakingOff(space.s3.raw).send_beginning(signed.head, signed.body[:sent])
    if 200 <= reply.status < 300:
        raise NonConformance("no success for a partial body", observed(reply), reply)


@verifies("storage/object/cut-off-upload-stores-nothing")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        case("signed", _signed, SIZE // 4),
        case("unsigned", _unsigned, SIZE // 4),
        case("between-signed-chunks", _in_signed_chunks, SIZE // 4 + 89),
        case("within-a-signed-chunk", _in_signed_chunks, SIZE // 2),
        case("last-chunk-missing", _in_transfer_coding, SIZE + 8),
    ],
)
def test_interrupted_upload_stores_nothing(space: Space, signed: Signed, sent: int) -> None:
    """Purpose: partial objects are never added: an interrupted upload leaves the old object.
    Method: 1. put an object; begin to overwrite it and to put a new one, close the connection in the middle of each
            2. expect no 2xx, the old bytes, 404 for the new key, and no other key listed
    """
    prefix = space.prefix()
    key, new = space.stored(OLD, key=f"{prefix}old"), f"{prefix}new"

    for each in (key, new):
        _send_partially(space, signed(space, space.request("PUT", each, body=b"n" * SIZE)), sent)

    expect_stored(space.get(key), OLD)
    expect_nothing_stored(space.get(new), "for a key whose upload was interrupted")
    expect_keys(found_under(space, prefix), [key], "after interrupted uploads")


@verifies("storage/multipart/cut-off-part-is-not-kept")
def test_interrupted_part_is_not_stored(space: Space) -> None:
    """Purpose: an interrupted part is not stored, and does not replace the part of its number.
    Method: 1. open an upload, send part 1; begin to send parts 1 and 2, close the connection in their bodies
            2. expect no 2xx, and only the first part 1 in the list of parts
    """
    upload = space.opened(key := space.key("cut"))
    _, tag = space.part(key, upload, 1, OLD)
    for number in ("1", "2"):
        query = {"partNumber": number, "uploadId": upload}
        _send_partially(space, _signed(space, space.request("PUT", key, query, body=b"n" * SIZE)), SIZE // 4)

    reply = space.list_parts(key, upload)
    space.abort(key, upload)
    found = [(part.number, part.size, part.etag.strip('"')) for part in parts_of(reply).parts]
    wanted = [(1, len(OLD), tag.strip('"'))]
    if found != wanted:
        raise NonConformance(f"only the complete part: {worded(wanted)}", worded(found), reply)
