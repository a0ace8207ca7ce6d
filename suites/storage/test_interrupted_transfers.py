"""Slow, paused and interrupted transfers, and Expect: 100-continue: no client waits or sees a partial object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.clients.s3.streams import PART, Comparison, Joined, download, read_slowly
from conformance.clients.transport.expect_continue import Expecting
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.clients.transport.stalled_bodies import Pausing
from conformance.evidence.shared_requests import Once
from conformance.oracles.s3_documents import expect_keys, parts_of
from conformance.oracles.s3_errors import expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored, short
from conformance.oracles.s3_pages import found_under
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_status, expect_success, observed
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
    return Expecting(s3.signed).send_expecting(request.head, AWAITED)


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
    reply = BreakingOff(space.s3.signed).send_beginning(signed.head, signed.body[:sent])
    if 200 <= reply.status < 300:
        raise NonConformance("no success for a partial body", observed(reply), reply)


@verifies("storage/object/interrupted-upload-stores-nothing")
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


@verifies("storage/multipart/interrupted-part-is-not-stored")
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
    expected = [(1, len(OLD), tag.strip('"'))]
    if found != expected:
        raise NonConformance(f"only the complete part: {worded(expected)}", worded(found), reply)


OLDER, NEWER = b"the older object " * 1900, b"the newer object here " * 1480
"""Just below 32 KiB, which evidence stores of a body, so that a mixture can be judged again from it."""
PATIENCE_S = 3.0
"""The longest time that the upload waits for the read, if the target answers within twice that time."""
BLOCKED_S = 1.0
"""A read that takes this long, and ends only after the upload was sent completely, was blocked by the upload."""
PARTS = 128
"""This many parts of 64 KiB do not fit in the buffers of a connection whose reader has stopped."""


@dataclass(frozen=True)
class PausedUpload:
    """An upload with a read in its middle, and a read after it."""

    put: Exchange
    during: Exchange
    after: Exchange

    @property
    def blocked(self) -> bool:
        """Return whether the read waited for the upload."""
        rest_sent, ended = self.put.started, self.during.started + self.during.duration_s
        return self.during.started + BLOCKED_S < rest_sent < ended


def _put_with_pause(
    space: Space, key: str, meanwhile: Callable[[], Exchange], headers: dict[str, str]
) -> tuple[Exchange, Exchange]:
    """PUT of NEWER that sends its second half when another request is answered, or after some seconds."""
    request = space.s3.sign(space.request("PUT", key, headers=headers, body=NEWER))
    request = request.with_header("Content-Length", str(len(NEWER)))
    patience_s = min(PATIENCE_S, space.s3.raw.limits.answer_s / 2)
    return Pausing(space.s3.signed).send_with_pause(request.head, NEWER, meanwhile, patience_s)


def _paused_upload(space: Space) -> PausedUpload:
    key = space.stored(OLDER, key=space.key("paused"))
    put, during = _put_with_pause(space, key, lambda: space.get(key), {})
    return PausedUpload(put, during, space.get(key))


@pytest.fixture
def paused(space: Space, once: Once) -> PausedUpload:
    """A paused upload over an existing object, the same for both checks."""
    return once("paused upload", lambda: _paused_upload(space))


@verifies("storage/concurrency/partial-upload-is-invisible")
def test_partial_upload_is_invisible(paused: PausedUpload) -> None:
    """Purpose: a reader gets the whole old object while half of a new version has arrived.
    Method: 1. put an object, send half of another one over it, GET it, send the other half, GET it again
            2. expect the old bytes (or all of the new ones, if the read waited), then the new ones
    """
    expect_status(paused.during, 200, "for a read in the middle of an upload")
    if paused.during.body not in (OLDER, NEWER):
        raise NonConformance("the old bytes or the new ones, whole", short(paused.during.body), paused.during)
    expect_success(paused.put, "for an upload that paused")
    expect_bytes(paused.after, NEWER, "after the upload")


@verifies("storage/concurrency/paused-upload-blocks-no-reader")
def test_paused_upload_blocks_no_reader(space: Space, paused: PausedUpload) -> None:
    """Purpose: a stalled upload must not prevent other clients from reading the object.
    Method: 1. put an object, send half of another one over it, GET it, send the other half after three seconds at most
            2. expect the GET answered before that; where it is not, do all of it once more
    """
    if paused.blocked and (again := _paused_upload(space)).blocked:
        waited = f"no response in {again.put.started - again.during.started:.1f} s, until the upload continued"
        raise NonConformance("a response to GET while an upload to its key pauses", waited, again.during, again.put)


@verifies("storage/conditional-write/existing-object-is-not-overwritten#created-during-the-upload")
def test_condition_is_evaluated_at_the_end(space: Space) -> None:
    """Purpose: If-None-Match: * does not overwrite an object that was created during the upload.
    Method: 1. send half of an object with If-None-Match: *, PUT another one to its key, send the other half
            2. where that PUT was answered before, expect its bytes; expect 412, 409 or 2xx for the first (2xx as if it
               had been overwritten at once)
    """
    key = space.key("paused")
    put, meanwhile = _put_with_pause(space, key, lambda: space.put(key, OLDER), {"If-None-Match": "*"})
    require(meanwhile, "a target that stores an object while another upload to its key pauses")
    got = space.get(key)

    if meanwhile.started + meanwhile.duration_s <= put.started and got.body != OLDER:
        raise NonConformance("the object that was put while the upload paused", short(got.body), put, meanwhile, got)
    expect_status(put, {*range(200, 300), 409, 412})


@verifies("storage/concurrency/slow-reader-gets-one-object")
def test_slow_reader_gets_one_object(space: Space) -> None:
    """Purpose: a slow reader of an object that is overwritten gets one of its values, and no mixture.
    Method: 1. put an object of 8 MiB, GET it; after the first bytes, PUT another one of that size, then read on
            2. expect the bytes of one of the two, as far as they come, and then the new ones
    """
    values = [(each * (PART // len(each)),) * PARTS for each in (b"the older object", b"the newer object")]
    old, new = (Comparison(Joined(each)) for each in values)
    key = space.stored(b"".join(values[0]), key=space.key("slow"))
    read, put = read_slowly(space, key, lambda: space.put(key, b"".join(values[1])), [old, new])

    expect_success(put, "for a PUT while another client reads")
    if read is not None:
        expect_status(read, 200, "for an object that is being overwritten")
    if old.differs_at is not None and new.differs_at is not None:
        beginning, place = ("old", old.differs_at) if old.differs_at > new.differs_at else ("new", new.differs_at)
        seen = f"of {old.received} bytes the first {place} are the {beginning} ones, the next are others"
        raise NonConformance("the bytes of one object, as far as they came", seen, *filter(None, (put, read)))
    expect_download(*download(space, key, Joined(values[1])))
