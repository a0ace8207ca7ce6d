"""Error documents: what they say, in which form, and what they keep to themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.checksums import content_md5
from conformance.clients.s3.client import NEVER_ISSUED, minutes_off
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.dates import expect_http_date
from conformance.oracles.errors import expect_not_repeated, without_address
from conformance.oracles.headers import expect_bare
from conformance.oracles.proofs import field_matches, lacks, says_something
from conformance.oracles.s3_errors import REFUSED, expect_code, expect_described_error, expect_error_document
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import some, worded

Call = Callable[[Space], Exchange]
FOLDERS = ("/usr/", "/home/", "/var/", "/opt/", "/srv/", "/mnt/")
AS_BY_A_PAGE = {"Accept": "application/json, text/plain, */*"}
"""What libraries for the scripts of pages say of themselves: the answer is XML all the same."""
LEAKS = ("Traceback", "at java.", "goroutine", *FOLDERS, "panic:", "Exception in")
ODD_FIELDS = {
    "x-amz-tagging": "bare&=&%zz",
    "x-amz-checksum-crc99": "AAAA",
    "x-amz-checksum-algorithm": "CRC99",
    "x-amz-sdk-checksum-algorithm": "CRC99",
    "x-amz-storage-class": "CONFORMANCE",
    "x-amz-acl": "everybody",
    "x-amz-object-lock-retain-until-date": "tomorrow",
    "x-amz-server-side-encryption": "rot13",
    "x-amz-security-token": "of-no-session",
    "x-amz-meta-odd": "é日𐀀",
}


def _wrong_secret(space: Space) -> Exchange:
    return space.s3.with_keys(secret_key="not-the-secret-of-this-key").call("GET", space.name, space.key())


def _by_expired_url(space: Space) -> Exchange:
    return space.s3.send_as_is(space.s3.presign(space.request("GET", space.key()), "60", minutes_off(-30)))


def _anonymous(space: Space) -> Exchange:
    return space.s3.send_as_is(space.request("GET", space.key()))


def _by_no_chunks(space: Space) -> Exchange:
    upload = chunked(space.request("PUT", space.key()), space.s3.keys, (b"framed",)).assembled()
    return space.s3.send_as_is(replace(upload, body=b"never framed"))


REFUSALS: dict[str, Call] = {
    "missing-key": lambda space: space.get(space.key("missing")),
    "asked-as-by-a-page": lambda space: space.get(space.key("missing"), AS_BY_A_PAGE),
    "missing-bucket": lambda space: space.s3.bucket(space.names.new("absent")).get("anything"),
    "missing-hard-key": lambda space: space.get(space.key("missing") + "<&>"),
    "wrong-secret": _wrong_secret,
    "unknown-key": lambda space: space.s3.with_keys(**NEVER_ISSUED).call("GET", space.name, space.key()),
    "anonymous": _anonymous,
    "expired-url": _by_expired_url,
    "bad-digest": lambda space: space.put(space.key(), b"x", {"Content-MD5": content_md5(b"y")}),
    "no-chunks": _by_no_chunks,
    "malformed-xml": lambda space: space.delete_with(b"<Delete>"),
    "bad-range": lambda space: space.get(space.stored(b"x"), {"Range": "bytes=9-"}),
    "failed-condition": lambda space: space.get(space.stored(b"x"), {"If-Match": '"other"'}),
}


@verifies("storage/errors/document-has-code-and-message")
@pytest.mark.parametrize("call", [case(name, call) for name, call in REFUSALS.items()])
def test_error_document(space: Space, call: Call) -> None:
    """Purpose: an error comes with a document that a client can read: XML with Code and Message.

    Method: 1. cause an error
            2. expect a 4xx with <Error> as XML, with Code and Message
    """
    reply = call(space)

    expect_refused(reply)
    expect_described_error(reply)


@verifies("storage/errors/request-can-be-named")
def test_error_has_a_request_id(space: Space) -> None:
    """Purpose: an error names its request, so that its operator can find it.

    Method: 1. cause two errors
            2. expect a request id in document or x-amz-request-id, one where it is in both, another one each time
    """
    replies = [space.get(space.key("missing")) for _ in range(2)]
    told = [expect_error_document(r).request_id or r.headers.get("x-amz-request-id") or "" for r in replies]

    for reply, name in zip(replies, told, strict=True):
        field = reply.headers.get("x-amz-request-id")
        if field not in (None, name):
            proof = Proof(beyond="it is about a name that is another one in each answer")
            raise NonConformance(f"x-amz-request-id {name}, as in the document", f"{field}", reply, proof=proof)
    if not all(told) or told[0] == told[1]:
        unsaid = None if all(told) else says_something(replies[-1], "RequestId")
        raise NonConformance("a request id, another one for each request", worded(told), *replies, proof=unsaid)


@verifies("storage/errors/head-has-no-body")
@pytest.mark.parametrize("signed", [case("missing-key", True), case("anonymous", False)])
def test_error_of_head_has_no_body(space: Space, signed: bool) -> None:
    """Purpose: an error of HEAD is told by its status alone: a body would be taken for the next answer.

    Method: 1. HEAD a missing key, or without a signature, and read what comes until the connection ends
            2. expect a 4xx, and nothing behind its head
    """
    request = space.request("HEAD", space.key("missing"))
    reply = Wire(space.s3.raw).send((space.s3.sign(request) if signed else request).head, bare=True)

    expect_status(reply, {404} if signed else REFUSED)
    expect_bare(reply)


@verifies("storage/errors/nothing-is-given-away")
@pytest.mark.parametrize(
    "call", [case(name, REFUSALS[name]) for name in ("missing-key", "wrong-secret", "malformed-xml")]
)
def test_error_gives_nothing_away(space: Space, call: Call) -> None:
    """Purpose: an error shows neither secrets nor the inside of the server.

    Method: 1. cause an error
            2. expect no secret key, stack trace or path of the server's file system in it
    """
    reply = call(space)
    # A bucket may have the name of such a folder, and its path be repeated.
    said = without_address(reply.text, reply)
    shown = [sign for sign in LEAKS if sign in said]

    if shown:
        proof = lacks(reply, *shown)
        raise NonConformance("nothing of the inside", f"{some(shown)} in the body", reply, proof=proof)
    keys = space.s3.keys
    # What is the access key or the bucket's name as well, or a mere word, stands there for another reason.
    if not keys.secret_key.isalpha() and keys.secret_key not in f"{keys.access_key} {reply.url}":
        expect_not_repeated(reply, [keys.secret_key], "the secret key")


@pytest.mark.parametrize(
    ("call", "status", "codes"),
    [
        row("storage/errors/code-no-such-key", REFUSALS["missing-key"], 404, {"NoSuchKey"}),
        row("storage/errors/code-bad-digest", REFUSALS["bad-digest"], 400, {"BadDigest"}),
        row("storage/errors/code-malformed-xml", REFUSALS["malformed-xml"], 400, {"MalformedXML"}),
        row("storage/errors/code-invalid-range", REFUSALS["bad-range"], 416, {"InvalidRange"}),
        row("storage/errors/code-precondition-failed", REFUSALS["failed-condition"], 412, {"PreconditionFailed"}),
        # Both are in S3's list of codes; the second says just that a request was not signed, which is 401 as well where
        # the API Reference's own table is followed.
        row(
            "storage/errors/code-access-denied", _anonymous, {401, 403}, {"AccessDenied", "MissingAuthenticationToken"}
        ),
    ],
)
def test_code(space: Space, call: Call, status: int | set[int], codes: set[str]) -> None:
    """Purpose: each error has the status and code that S3's clients know it by.

    Method: 1. cause the error
            2. expect exactly its status (401 or 403 of a request without a signature), and its code
    """
    reply = call(space)

    expect_status(reply, status)
    expect_code(reply, codes)


@verifies("storage/errors/odd-fields-are-no-server-error")
@pytest.mark.parametrize(("name", "value"), [case(name, name, value) for name, value in ODD_FIELDS.items()])
def test_odd_field_is_no_server_error(space: Space, name: str, value: str) -> None:
    """Purpose: a field that says what there is not is the caller's slip, or is passed over.

    Method: 1. put an object with such a field, read it where it was taken, and open an upload with the field
            2. expect no 5xx of any
    """
    key = space.key()
    expect_no_server_error(put := space.put(key, b"odd", {name: value}))
    if put.ok:
        expect_no_server_error(space.get(key), f"for an object that was put with {name}")
    expect_no_server_error(space.create_upload(key, {name: value}))


@verifies("storage/errors/any-query-is-no-server-error")
@pytest.mark.parametrize("escape", [case("broken-escape", "%zz")])
def test_broken_escape_is_no_server_error(space: Space, escape: str) -> None:
    """Purpose: what cannot be decoded in a query is the caller's slip.

    Method: 1. sign a listing, send it with a broken escape behind its prefix
            2. expect no 5xx
    """
    signed = space.s3.sign(space.request("GET", query={"prefix": space.names.prefix}))

    expect_no_server_error(space.s3.send_as_is(replace(signed, raw_query=f"prefix={space.names.prefix}{escape}")))


@verifies("storage/errors/any-query-is-no-server-error")
@pytest.mark.parametrize("name", [case("chosen-file-name", "日本.csv")])
def test_chosen_file_name_is_no_server_error(space: Space, name: str) -> None:
    """Purpose: a file's name that stands in no field as it is may be told in some form, or is the caller's slip.

    Method: 1. put an object, GET it with response-content-disposition of a file of that name
            2. expect no 5xx
    """
    chosen = {"response-content-disposition": f'attachment; filename="{name}"'}

    expect_no_server_error(space.get(space.stored(), query=chosen))


@verifies("storage/errors/405-names-methods")
def test_405_names_methods(space: Space) -> None:
    """Purpose: a caller that uses a method which objects do not have is told those that they have.

    Method: 1. put an object; POST to its key, as no operation, and PATCH, which no object has
            2. where the answer is 405, expect Allow with GET and PUT, and without the method
    """
    key = space.stored()  # Of what is not there a resource may tell what it supports then: to be put.
    for method in ("POST", "PATCH"):
        reply = space.call(method, key)
        allowed = {each.strip() for each in (reply.headers.get("allow") or "").split(",")}
        if reply.status == 405 and (not allowed >= {"GET", "PUT"} or method in allowed):
            told = f"405 with Allow: {reply.headers.get('allow')}" if "allow" in reply.headers else "405 without it"
            named = field_matches(reply, "Allow", "(^|[, ])(GET[, ].*PUT|PUT[, ].*GET)([, ]|$)")
            lacks = (("Allow", f"(^|[, ]){method}([, ]|$)"),)
            proof = replace(named, fields_lack=lacks, or_statuses=(*range(200, 300), 400, 403, 404, 411, 501))
            raise NonConformance(f"405 with Allow, with GET and PUT and without {method}", told, reply, proof=proof)


@verifies("storage/errors/answers-are-dated")
def test_answers_are_dated(space: Space) -> None:
    """Purpose: an answer tells the gateway's time, by which an SDK whose clock is off signs again.

    Method: 1. GET an object, and one that there is not
            2. expect a Date of each, as the signature lets the clocks differ by no more than a quarter of an hour
    """
    for key in (space.stored(b"dated"), space.key("missing")):
        expect_http_date(space.get(key), "date", time.time(), 900)
