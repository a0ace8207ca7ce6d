"""Signature Version 4 in the Authorization header: what must be served, and what must be refused."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

import pytest

from conformance.clients.s3.client import NEVER_ISSUED, S3, minutes_off
from conformance.clients.s3.sigv4 import UNSIGNED, Signing
from conformance.oracles.proofs import says
from conformance.oracles.s3_documents import buckets_of
from conformance.oracles.s3_errors import NOT_IN_TIME, REFUSED, error_of, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored, require_clocks
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof

STOOD = b"what stood there"


ANONYMOUS: dict[str, tuple[str, dict[str, str], bool]] = {
    "list": ("GET", {"list-type": "2", "prefix": "cf-"}, False),
    "get": ("GET", {}, True),
    "head": ("HEAD", {}, True),
    "put": ("PUT", {}, True),
    "delete": ("DELETE", {}, True),
    "create-upload": ("POST", {"uploads": ""}, True),
}


@verifies("storage/signature/signed-request-is-served")
@pytest.mark.parametrize(
    "headers",
    [
        case("plain", {}),
        case("blanks-are-folded", {"x-amz-meta-note": "a   b  c"}),
        case("text-with-comma", {"x-amz-meta-note": "a, b;c=d"}),
        case("content-type", {"Content-Type": "text/plain; charset=utf-8"}),
        case("all-that-is-sent", {"Content-Length": "6", "User-Agent": "conformance", "Accept-Encoding": "identity"}),
        case("default-class", {"x-amz-storage-class": "STANDARD"}),
        case("date-beside-x-amz-date", {"Date": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    ],
)
def test_signed_request_is_served(space: Space, headers: dict[str, str]) -> None:
    """Purpose: a request that is signed as documented is served.

    Method: 1. put an object with header fields that the signature canonicalises
            2. expect 2xx and the bytes
    """
    key = space.key()

    expect_success(space.put(key, b"signed", headers))
    expect_bytes(space.get(key), b"signed")


@verifies("storage/signature/unknown-key-is-refused")
@pytest.mark.parametrize(
    ("method", "secret"),
    [
        case("get", "GET", "no-such-secret"),
        case("put", "PUT", "no-such-secret"),
        case("delete", "DELETE", "no-such-secret"),
        case("get-by-no-secret", "GET", ""),
    ],
)
def test_unknown_access_key_is_refused(space: Space, method: str, secret: str) -> None:
    """Purpose: an access key that was never issued opens nothing.

    Method: 1. sign a request with an unknown access key, by some secret, or by the empty one of a key not found
            2. expect 403 or 401, and the object as it was
    """
    key = space.stored(STOOD)
    stranger = space.s3.with_keys(access_key=NEVER_ISSUED["access_key"], secret_key=secret)

    reply = stranger.call(method, space.name, key, body=b"" if method != "PUT" else b"intruder")

    expect_refusal(reply, {401, 403}, {"InvalidAccessKeyId", "AccessDenied", "SignatureDoesNotMatch"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/wrong-secret-is-refused")
@pytest.mark.parametrize("method", [case("get", "GET"), case("put", "PUT"), case("delete", "DELETE")])
def test_wrong_secret_is_refused(space: Space, method: str) -> None:
    """Purpose: a known access key with a wrong secret opens nothing.

    Method: 1. sign a request with the right access key and a wrong secret
            2. expect 403 or 401, and the object as it was
    """
    key = space.stored(STOOD)
    impostor = space.s3.with_keys(secret_key="not-the-secret-of-this-key")

    reply = impostor.call(method, space.name, key, body=b"" if method != "PUT" else b"intruder")

    expect_refusal(reply, {401, 403}, {"SignatureDoesNotMatch", "AccessDenied"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/anonymous-is-refused")
@pytest.mark.parametrize(
    ("method", "query", "names_key"), [case(name, *request) for name, request in ANONYMOUS.items()]
)
def test_anonymous_request_is_refused(space: Space, method: str, query: dict[str, str], names_key: bool) -> None:
    """Purpose: nothing of a bucket is open to a caller without credentials.

    Method: 1. put an object and read it, so that what keeps answers has this one
            2. send a request without a signature; expect 403, or 400 or 401, and the object as it was
    """
    key = space.stored(STOOD)
    expect_bytes(space.get(key), STOOD)
    request = space.request(method, key if names_key else "", query, body=b"intruder" if method == "PUT" else b"")

    expect_status(space.s3.send_as_is(request), REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/refusal-tells-not-what-exists")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD"), case("delete", "DELETE")])
def test_refusal_tells_not_what_exists(space: Space, method: str) -> None:
    """Purpose: who may not read learns nothing of which objects there are.

    Method: 1. ask for an object and for a key without one: unsigned, with an unknown access key, with a wrong secret
            2. expect the same status and error code for both, by each caller
    """
    there, missing = space.stored(STOOD), space.key("missing")
    strangers: dict[str, Callable[[str], Exchange]] = {
        "unsigned": lambda key: space.s3.send_as_is(space.request(method, key)),
        "unknown key": lambda key: space.s3.with_keys(**NEVER_ISSUED).call(method, space.name, key),
        "wrong secret": lambda key: space.s3.with_keys(secret_key="not-the-secret").call(method, space.name, key),
    }

    for who, ask in strangers.items():
        one, other = ask(there), ask(missing)
        expect_status(one, REFUSED)
        told = [(reply.status, error.code if (error := error_of(reply)) else "") for reply in (one, other)]
        if told[0] != told[1]:
            same = Proof(alike=((one.id, other.id),)) if one.status != other.status else says(other, "Code", told[0][1])
            wanted = f"{who}: one answer, whether the object exists"
            raise NonConformance(wanted, f"{told[0]} and {told[1]}", one, other, proof=same)


@verifies("storage/signature/anonymous-list-buckets-is-refused")
def test_anonymous_listing_of_buckets_is_refused(s3: S3) -> None:
    """Purpose: which buckets there are is told to no one without credentials.

    Method: 1. list the buckets without a signature, and by a wrong secret
            2. expect a refusal: 403, 400 or 401, or a redirection to a page for people; or that nobody has no buckets
    """
    impostor = s3.with_keys(secret_key="not-the-secret-of-this-key")
    for reply in (s3.send_as_is(s3.request("GET")), impostor.list_buckets()):
        if not reply.ok or buckets_of(reply).names:
            expect_status(reply, REFUSED | {301, 302, 303, 307, 308})


@verifies("storage/signature/skewed-clock-is-refused")
@pytest.mark.parametrize("minutes", [case("ahead", 20), case("behind", -20), case("a-day-ago", -24 * 60)])
def test_skewed_clock_is_refused(space: Space, minutes: int) -> None:
    """Purpose: a signature is good for a quarter of an hour around its time, so that one overheard is soon worthless.

    Method: 1. sign an upload with a clock that is too far off
            2. expect 403 (400 where another check comes first), and nothing stored
    """
    key = space.key()
    reply = space.s3.send(space.request("PUT", key, body=b"late"), minutes_off(minutes))

    require_clocks(reply)
    expect_refusal(reply, REFUSED, {*NOT_IN_TIME, "AccessDenied", "AuthorizationHeaderMalformed", "RequestExpired"})
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/skewed-clock-is-refused")
@pytest.mark.parametrize("minutes", [case("read-behind", -20)])
def test_skewed_clock_of_reads_is_refused(space: Space, minutes: int) -> None:
    """Purpose: a signature that is overheard is soon worthless, that of a read, of a list or of a deletion too.

    Method: 1. put an object; sign GET and DELETE with a clock that is too far off; send each, and with a Date of now;
               so a list of the bucket
            2. expect 403 (400 where another check comes first), and the object as it was
    """
    key = space.stored(STOOD)

    for method in ("GET", "DELETE"):
        require_clocks(reply := space.s3.send(space.request(method, key), minutes_off(minutes)))
        expect_status(reply, REFUSED)
        late = space.s3.sign(space.request(method, key), minutes_off(minutes))
        expect_status(space.s3.send_as_is(late.with_header("Date", formatdate(usegmt=True))), REFUSED)
    listing = space.request("GET", query={"list-type": "2", "prefix": key})
    expect_status(space.s3.send(listing, minutes_off(minutes)), REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/small-skew-is-served")
@pytest.mark.parametrize("minutes", [case("ahead", 10), case("behind", -10)])
def test_small_skew_is_served(space: Space, minutes: int) -> None:
    """Purpose: clients whose clock is a few minutes off are served.

    Method: 1. sign a listing ten minutes off
            2. expect 200
    """
    request = space.request("GET", query={"list-type": "2", "prefix": space.prefix()})

    require_clocks(reply := space.s3.send(request, minutes_off(minutes)))
    expect_status(reply, 200)


@verifies("storage/signature/wrong-scope-is-refused")
@pytest.mark.parametrize(
    ("changes", "day"),
    [
        case("service", {"service": "ec2"}, None),
        case("terminator", {"terminator": "aws5_request"}, None),
        case("date", {}, -1),
    ],
)
def test_wrong_scope_is_refused(space: Space, changes: dict[str, str], day: int | None) -> None:
    """Purpose: a signature made for another service, day or version of the scheme is not good here.

    Method: 1. sign an upload rightly, but for another scope (of the day before, for one)
            2. expect 400 or 403, and nothing stored
    """
    key = space.key()
    other = space.s3.with_keys(**changes)
    date = None if day is None else minutes_off(24 * 60 * day).timestamp()[:8]

    reply = other.send(other.request("PUT", space.name, key, body=b"scoped"), Signing(scope_date=date))

    expect_status(reply, REFUSED)
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/unsigned-payload-is-served")
def test_unsigned_payload_is_served(space: Space, features: frozenset[str]) -> None:
    """Purpose: a client may leave the payload out of the signature.

    Method: 1. sign an upload with UNSIGNED-PAYLOAD
            2. expect 2xx and the bytes, and of a part 2xx; plain http may be refused with 400 or 403
    """
    key = space.key()
    reply = space.s3.send(space.request("PUT", key, body=b"unsigned"), Signing(payload=UNSIGNED))

    expect_status(reply, {*range(200, 300)} if space.s3.origin.startswith("https") else {*range(200, 300), 400, 403})
    if reply.ok:
        expect_bytes(space.get(key), b"unsigned")
    if reply.ok and "storage.multipart" in features:
        part = space.request("PUT", key, {"partNumber": "1", "uploadId": space.opened(key)}, body=b"unsigned")
        expect_success(space.s3.send(part, Signing(payload=UNSIGNED)), "for a part, as for an object")
