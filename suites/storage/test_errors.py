"""Error responses: their documents, statuses and codes, and that they reveal nothing internal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.checksums import content_md5
from conformance.clients.s3.client import NEVER_ISSUED, minutes_off
from conformance.clients.s3.sigv4 import ALGORITHM
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.dates import expect_http_date
from conformance.oracles.errors import expect_not_repeated, without_address
from conformance.oracles.headers import expect_end_after_head
from conformance.oracles.s3_errors import REFUSED, expect_code, expect_described_error, expect_error_document, xml_root
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import some, worded

Call = Callable[[Space], Exchange]
FOLDERS = ("/usr/", "/home/", "/var/", "/opt/", "/srv/", "/mnt/")
ACCEPT_JSON = {"Accept": "application/json, text/plain, */*"}
"""The Accept field of JavaScript libraries; the response is XML nevertheless."""
AUTHORIZED = f"{ALGORITHM} Credential="
LEAKS = ("Traceback", "at java.", "goroutine", *FOLDERS, "panic:", "Exception in")
UNUSUAL_FIELDS = {
    "x-amz-tagging": "bare&=&%zz",
    "x-amz-checksum-crc99": "AAAA",
    "x-amz-checksum-algorithm": "CRC99",
    "x-amz-sdk-checksum-algorithm": "CRC99",
    "x-amz-storage-class": "CONFORMANCE",
    "x-amz-acl": "everybody",
    "x-amz-object-lock-retain-until-date": "tomorrow",
    "x-amz-server-side-encryption": "rot13",
    "x-amz-security-token": "of-no-session",
    "x-amz-meta-unusual": "é日𐀀",
}


def _by_no_chunks(space: Space) -> Exchange:
    upload = chunked(space.request("PUT", space.key()), space.s3.keys, (b"framed",)).assembled()
    return space.s3.send_as_is(replace(upload, body=b"never framed"))


REFUSALS: dict[str, Call] = {
    "missing-key": lambda space: space.get(space.key("missing")),
    "accept-json": lambda space: space.get(space.key("missing"), ACCEPT_JSON),
    "missing-bucket": lambda space: space.s3.bucket(space.names.new("absent")).get("anything"),
    "missing-key-with-markup": lambda space: space.get(space.key("missing") + "<&>"),
    "wrong-secret": lambda space: space.s3.with_keys(secret_key="not-the-secret-of-this-key").call(
        "GET", space.name, space.key()
    ),
    "unknown-key": lambda space: space.s3.with_keys(**NEVER_ISSUED).call("GET", space.name, space.key()),
    "anonymous": lambda space: space.s3.send_as_is(space.request("GET", space.key())),
    "expired-url": lambda space: space.s3.send_as_is(
        space.s3.presign(space.request("GET", space.key()), "60", minutes_off(-30))
    ),
    "bad-digest": lambda space: space.put(space.key(), b"x", {"Content-MD5": content_md5(b"y")}),
    "no-chunks": _by_no_chunks,
    "malformed-xml": lambda space: space.delete_with(b"<Delete>"),
    "bad-range": lambda space: space.get(space.stored(b"x"), {"Range": "bytes=9-"}),
    "failed-condition": lambda space: space.get(space.stored(b"x"), {"If-Match": '"other"'}),
}


@verifies("storage/errors/document-has-code-and-message")
@pytest.mark.parametrize("call", [case(name, call) for name, call in REFUSALS.items()])
def test_error_document(space: Space, call: Call) -> None:
    """Purpose: a client reads from an error document what went wrong.
    Method: 1. cause an error; 2. expect a 4xx with <Error> as XML, with Code and Message
    """
    reply = call(space)

    expect_refused(reply)
    expect_described_error(reply)


@verifies("storage/errors/document-has-code-and-message#markup-in-request")
def test_error_that_repeats_markup_is_a_document(space: Space) -> None:
    """Purpose: an error document that repeats text of the request is still well-formed XML.
    Method: 1. list with a max-keys of markup; 2. expect <Error> as XML, with Code and Message
    """
    value = "<&>"
    reply = space.listing(space.prefix(), max_keys=value)
    if not 400 <= reply.status < 500:
        raise NotApplicable("the target accepts a max-keys that is not a number; another check reports that")

    if xml_root(reply) is None and value in reply.text:
        raise NonConformance(f"{worded(value)} escaped as text in a document", observed(reply), reply)
    expect_described_error(reply)


@verifies("storage/errors/request-has-an-id")
def test_error_has_a_request_id(space: Space) -> None:
    """Purpose: a user can name the failed request to its operator.
    Method: 1. cause two errors; 2. expect a new request id each time, the same in document and x-amz-request-id
    """
    replies = [space.get(space.key("missing")) for _ in range(2)]
    ids = [expect_error_document(r).request_id or r.headers.get("x-amz-request-id") or "" for r in replies]

    for reply, name in zip(replies, ids, strict=True):
        field = reply.headers.get("x-amz-request-id")
        if field not in (None, name):
            raise NonConformance(f"x-amz-request-id {name}, as in the document", f"{field}", reply)
    if not all(ids) or ids[0] == ids[1]:
        raise NonConformance("a request id, another one for each request", worded(ids), *replies)


@verifies("storage/errors/head-has-no-body")
@pytest.mark.parametrize("signed", [case("missing-key", True), case("anonymous", False)])
def test_error_of_head_has_no_body(space: Space, signed: bool) -> None:
    """Purpose: a client reads the body of an error response to HEAD as the next response on the connection.
    Method: 1. HEAD a missing key, or unsigned, and read until the connection ends; 2. expect a 4xx without a body
    """
    request = space.request("HEAD", space.key("missing"))
    reply = Wire(space.s3.signed).send((space.s3.sign(request) if signed else request).head, bare=True)

    expect_status(reply, {404} if signed else REFUSED)
    expect_end_after_head(reply)


@verifies("storage/errors/nothing-internal-is-revealed#trace")
def test_trace_repeats_no_signature(space: Space) -> None:
    """Purpose: the response to TRACE reveals no credentials (RFC 9110 section 9.3.8).
    Method: 1. send a signed TRACE for an object; 2. expect no 5xx, and no Authorization in the response
    """
    reply = space.s3.send_as_is(space.s3.sign(space.request("TRACE", space.stored(b"the earlier object"))))

    expect_no_server_error(reply)
    if AUTHORIZED in reply.text:
        found = f"{reply.status} with the field in it"
        raise NonConformance("a response that does not repeat Authorization", found, reply)


@verifies("storage/errors/nothing-internal-is-revealed")
@pytest.mark.parametrize(
    "call", [case(name, REFUSALS[name]) for name in ("missing-key", "wrong-secret", "malformed-xml")]
)
def test_error_reveals_nothing_internal(space: Space, call: Call) -> None:
    """Purpose: an attacker learns neither secrets nor the inside of the server from an error.
    Method: 1. cause an error; 2. expect no secret key, stack trace or path of the server's file system in it
    """
    reply = call(space)
    # A bucket may have the name of such a folder, and the response may repeat its path.
    said = without_address(reply.text, reply)
    shown = [sign for sign in LEAKS if sign in said]

    if shown:
        raise NonConformance("no stack trace or server path in the body", some(shown), reply)
    keys = space.s3.keys
    # A secret that is also the access key, the bucket's name or a common word may rightly appear.
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
        # Both codes are S3's for an unsigned request; by the API Reference's own table its status is 401.
        row(
            "storage/errors/code-access-denied",
            REFUSALS["anonymous"],
            {401, 403},
            {"AccessDenied", "MissingAuthenticationToken"},
        ),
    ],
)
def test_code(space: Space, call: Call, status: int | set[int], codes: set[str]) -> None:
    """Purpose: S3 clients recognize an error by its status and code.
    Method: 1. cause the error; 2. expect exactly its status (401 or 403 for an unsigned request), and its code
    """
    reply = call(space)

    expect_status(reply, status)
    expect_code(reply, codes)


@verifies("storage/errors/invalid-fields-are-no-server-error")
@pytest.mark.parametrize(("name", "value"), [case(name, name, value) for name, value in UNUSUAL_FIELDS.items()])
def test_invalid_field_is_no_server_error(space: Space, name: str, value: str) -> None:
    """Purpose: a header field with an invalid value is reported as the client's mistake, or ignored.
    Method: 1. put an object with the field, read it if stored, and open an upload with the field; 2. expect no 5xx
    """
    key = space.key()
    expect_no_server_error(put := space.put(key, b"unusual", {name: value}))
    if put.ok:
        expect_no_server_error(space.get(key), f"for an object that was put with {name}")
    expect_no_server_error(space.create_upload(key, {name: value}))


@verifies("storage/errors/any-query-is-no-server-error")
@pytest.mark.parametrize(
    ("of_object", "query"),
    [
        case("broken-escape", False, "list-type=2&prefix=%zz"),
        case("file-name-beyond-ascii", True, 'response-content-disposition=attachment; filename="日本.csv"'),
    ],
)
def test_unusual_query_is_no_server_error(space: Space, of_object: bool, query: str) -> None:
    """Purpose: a query that cannot be decoded, or put into a header field, is the client's mistake or is served.
    Method: 1. send a signed listing with a broken escape; GET an object with a file name beyond ASCII; 2. expect no 5xx
    """
    if of_object:
        reply = space.get(space.stored(), query=dict(parse_qsl(query)))
    else:
        signed = space.s3.sign(space.request("GET", query={"prefix": space.names.prefix}))
        reply = space.s3.send_as_is(replace(signed, raw_query=query))

    expect_no_server_error(reply)


@verifies("storage/errors/405-has-allow")
def test_405_has_allow(space: Space) -> None:
    """Purpose: a client that uses an unsupported method learns the supported ones.
    Method: 1. put an object; send POST, as no operation, and PATCH to its key
            2. where the status is 405, expect Allow with GET and PUT, and without the method
    """
    key = space.stored()  # For a missing object the resource may list other methods.
    replies = {method: space.call(method, key) for method in ("POST", "PATCH")}
    if all(reply.ok for reply in replies.values()):
        raise NotApplicable("no method is refused; another check reports that")
    for method, reply in replies.items():
        allowed = {each.strip() for each in (reply.headers.get("allow") or "").split(",")}
        if reply.status == 405 and (not allowed >= {"GET", "PUT"} or method in allowed):
            found = f"405 with Allow: {reply.headers.get('allow')}" if "allow" in reply.headers else "405 without Allow"
            raise NonConformance(f"405 with Allow, with GET and PUT and without {method}", found, reply)


@verifies("storage/errors/responses-have-a-date")
def test_responses_have_a_date(space: Space) -> None:
    """Purpose: an SDK whose clock is wrong signs again by the gateway's Date.
    Method: 1. GET an object, and a missing one
            2. expect a Date in each response, within the quarter of an hour by which signatures may differ
    """
    for key in (space.stored(b"dated"), space.key("missing")):
        expect_http_date(space.get(key), "date", time.time(), 900)
