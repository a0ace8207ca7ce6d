"""Access keys: revocation, limits and exact comparison; equivalent forms of a signed request are accepted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.s3.client import NEVER_ISSUED, S3
from conformance.clients.s3.sigv4 import Request, Signing, query_string
from conformance.oracles.rate_limits import declared_rate, expect_limited
from conformance.oracles.s3_documents import expect_entry, listing_of
from conformance.oracles.s3_errors import REFUSED, error_of, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_stored_or_refused
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Target
from conformance.vocabulary.check import case, disturbs, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

RETRY_S = 0.05


@verifies("storage/signature/revocation-is-immediate")
@disturbs("access key revocable")
def test_revocation_is_immediate(
    with_key_of: Callable[[str], S3], space: Space, target: Target, changer: Callable[[str, str, str], Operator]
) -> None:
    """Purpose: an organization that revokes a leaked access key is safe from then on.
    Method: 1. presign a GET with the key of the role revocable, and revoke the key by the operator's hook
            2. send the URL and a signed GET until limits.revocation has passed; expect a 4xx for each by then
    """
    revoked = with_key_of("revocable")
    key = space.stored(b"read with a key that is revoked")
    bucket = revoked.bucket(space.name)
    presigned = revoked.presign(bucket.request("GET", key))
    before = bucket.get(key)
    if not before.ok:
        raise Inconclusive(f"the revocable access key cannot read: {observed(before)}", "an access key that works")
    revoker = changer("storage revocable", "revoke", "restore")
    until = revoker.revoke(revoked.keys.access_key) + target.limits.revocation

    requests: list[Callable[[], Exchange]] = [lambda: bucket.get(key), lambda: revoked.send_as_is(presigned)]
    for request in requests:
        reply = request()
        while reply.ok and time.monotonic() < until:
            time.sleep(RETRY_S)
            reply = request()
        expect_status(reply, range(400, 500), "for an access key that was revoked")


def is_slow_down(reply: Exchange) -> bool:
    """Return whether the response is 503 SlowDown, S3's own for too many requests (Error responses)."""
    error = error_of(reply)
    return reply.status == 503 and error is not None and error.code == "SlowDown"


@verifies("storage/errors/requests-are-limited")
@disturbs("access key limited")
def test_requests_are_limited(with_key_of: Callable[[str], S3], space: Space, target: Target) -> None:
    """Purpose: a client above the rate limit gets a status that SDKs retry.
    Method: 1. with the key of the role limited, GET an object more often than limits.storage_requests permits
            2. expect 429, or 503 SlowDown
    """
    limit = target.limits.storage_requests
    declared_rate(limit, "storage_requests")
    bucket = with_key_of("limited").impatient().bucket(space.name)
    key = space.stored(b"read with a key that is limited")
    expect_limited(limit, "storage_requests", lambda: bucket.get(key), accepts=is_slow_down)


UNENCODED = "(b)&$@=:,"
"""Characters that need no encoding in a path (RFC 3986 section 3.3); clients differ in which they encode."""
SIMILAR_KEYS: tuple[Callable[[str], str], ...] = (str.swapcase, lambda key: key[:-1], lambda key: key * 2)
PAGE = {"Origin": "https://page.example"}
WRONG_SECRET = {"secret_key": "not-the-secret-of-this-key"}


def _reversed_query(request: Request) -> Request:
    return replace(request, query=request.query[::-1])


def _without_blanks(request: Request) -> Request:
    return request.with_header("Authorization", (request.header("authorization") or "").replace(", ", ","))


@pytest.mark.parametrize(
    ("parameters", "signing", "sent"),
    [
        row("storage/signature/query-order-does-not-matter", {"x-id": "1", "x-id-of": "2"}, None, _reversed_query),
        # Sorted by encoded names, "x-id%3Aof" comes first. No S3 operation has such a parameter: hence no MUST.
        row("storage/signature/query-is-sorted-as-encoded", {"x-id-of": "1", "x-id:of": "2"}, None, None),
        row("storage/signature/signed-request-is-served#fields-without-blanks", {}, None, _without_blanks),
        row("storage/signature/date-header-may-replace-x-amz-date", {}, Signing(timed_by="Date"), None),
    ],
)
def test_signed_listing_is_served(
    space: Space, parameters: dict[str, str], signing: Signing | None, sent: Callable[[Request], Request] | None
) -> None:
    """Purpose: clients sign and write a request in different forms that mean the same.
    Method: 1. sign a listing: its query in another order or with unknown parameters, with Date instead of x-amz-date,
               or with an Authorization without blanks
            2. expect 200 and a listing
    """
    query = {"list-type": "2", "prefix": space.prefix(), **parameters, "max-keys": "1"}
    signed = space.s3.sign(space.request("GET", query=query), signing)

    reply = space.s3.send_as_is(sent(signed) if sent else signed)
    expect_status(reply, 200)
    listing_of(reply)


@verifies("storage/signature/encoding-on-the-wire-does-not-matter")
@pytest.mark.parametrize(
    ("encoded", "sent"),
    [
        case("less", quote(UNENCODED, safe=""), UNENCODED),
        case("more", "-c", "%2Dc"),
        case("lower-case-hex", "%2B", "%2b"),
    ],
)
def test_path_may_be_encoded_differently(space: Space, encoded: str, sent: str) -> None:
    """Purpose: clients and proxies percent-encode different characters of a path.
    Method: 1. sign an upload, send it with a part of its path in another encoding of the same characters
            2. expect 2xx, and the bytes under the key
    """
    key = f"{space.prefix()}a{UNENCODED}-c+d"
    signed = space.s3.sign(space.request("PUT", key, body=b"signed"))

    expect_success(space.s3.send_as_is(replace(signed, path=signed.path.replace(encoded, sent))))
    expect_bytes(space.get(key), b"signed")


@verifies("storage/signature/encoding-on-the-wire-does-not-matter#of-the-query")
def test_query_may_be_encoded_differently(space: Space) -> None:
    """Purpose: clients and proxies percent-encode different characters of a query.
    Method: 1. sign a listing, send it with parts of its prefix in another encoding of the same characters
            2. expect 200, and the key that begins with the prefix, unless the page is truncated
    """
    key = space.stored(key=f"{space.prefix()}a(b)-c+d")
    signed = space.s3.sign(space.request("GET", query={"list-type": "2", "prefix": key}))
    query = query_string(signed.query)
    for usual, other in {"%28b%29": "(b)", "-c": "%2Dc", "%2B": "%2b"}.items():
        query = query.replace(usual, other)

    page = listing_of(space.s3.send_as_is(replace(signed, raw_query=query)))
    if not page.truncated:
        expect_entry(page, key)


@verifies("storage/signature/signed-request-is-served#with-origin")
def test_origin_forbids_nothing(space: Space) -> None:
    """Purpose: the browser decides what a page may read; Origin must not restrict a signed request.
    Method: 1. PUT and GET an object with an Origin; 2. expect it stored, and its bytes
    """
    key = space.key()

    expect_success(space.put(key, b"from a page", PAGE))
    expect_bytes(space.get(key, PAGE), b"from a page")


@verifies("storage/signature/path-is-not-normalised")
def test_path_is_not_normalised(space: Space) -> None:
    """Purpose: a signed request to a key with a double slash is not mistaken for a forged one.
    Method: 1. put an object whose key has a double slash; 2. expect no refusal because of its signature
    """
    key = f"{space.prefix()}a//b"
    put = space.put(key, b"doubled")

    error = error_of(put)
    if error is not None and error.code == "SignatureDoesNotMatch":
        raise NonConformance("no SignatureDoesNotMatch for a path signed as it was sent", observed(put), put)
    expect_stored_or_refused(put, space.get(key), b"doubled")


@verifies("storage/signature/unknown-key-is-refused#similar-to-an-issued-one")
def test_access_key_is_compared_exactly(space: Space) -> None:
    """Purpose: a database that ignores case, or compares beginnings, must not accept another access key.
    Method: 1. sign a GET with our secret, and our access key in other case, cut, or doubled; 2. expect 403
    """
    key, own = space.stored(), space.s3.keys.access_key
    for other in (made for change in SIMILAR_KEYS if (made := change(own)) not in (own, "")):
        reply = space.s3.with_keys(access_key=other).call("GET", space.name, key)

        expect_refusal(reply, {401, 403}, {"InvalidAccessKeyId", "AccessDenied", "SignatureDoesNotMatch"})


@verifies("storage/signature/wrong-secret-is-refused#by-field-and-by-url")
def test_two_wrong_signatures_are_refused(space: Space) -> None:
    """Purpose: a gateway that has two verifiers must not leave each signature to the other.
    Method: 1. sign a GET with a wrong secret both in Authorization and in the query
            2. expect 403 (400: one of them is too many; 401)
    """
    impostor, request = space.s3.with_keys(**WRONG_SECRET), space.request("GET", space.stored())

    expect_status(space.s3.send_as_is(impostor.sign(impostor.presign(request))), REFUSED)


@verifies("storage/signature/refusal-is-403")
@pytest.mark.parametrize("keys", [case("wrong-secret", WRONG_SECRET), case("unknown-key", NEVER_ISSUED)])
def test_refusal_of_a_signature_is_403(space: Space, keys: dict[str, str]) -> None:
    """Purpose: S3 programs recognize wrong credentials by 403; 401 is for tokens.
    Method: 1. sign a GET with a wrong secret, or with an unknown key; 2. if it is refused, expect 403
    """
    reply = space.s3.with_keys(**keys).call("GET", space.name, space.stored())

    if reply.ok:
        raise NotApplicable("the request is served; another check reports that")
    expect_status(reply, 403)
