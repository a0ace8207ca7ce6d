"""Different forms of a request with one signature, and access keys that are not equivalent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from conformance.clients.s3.client import NEVER_ISSUED
from conformance.clients.s3.sigv4 import Signing, query_string
from conformance.oracles.s3_documents import expect_entry, listing_of
from conformance.oracles.s3_errors import REFUSED, expect_refusal
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

PLAIN = "(b)&$@=:,"
"""Characters that a path may have as they are (RFC 3986 section 3.3), and clients differ in leaving."""
LIKE_OUR_OWN: tuple[Callable[[str], str], ...] = (str.swapcase, lambda key: key[:-1], lambda key: key * 2)


@verifies("storage/signature/query-order-does-not-matter")
def test_query_order_does_not_matter(space: Space) -> None:
    """Purpose: the canonical query is sorted, so the order in which it is sent does not matter.

    Method: 1. sign a listing, with names among its parameters that begin as others do; send them in reverse order
            2. expect 200
    """
    asked = {"list-type": "2", "prefix": space.prefix(), "x-id": "1", "x-id-of": "2", "max-keys": "1"}
    signed = space.s3.sign(space.request("GET", query=asked))

    expect_status(space.s3.send_as_is(replace(signed, query=signed.query[::-1])), 200)


@verifies("storage/signature/query-is-sorted-as-encoded")
def test_query_is_sorted_as_encoded(space: Space) -> None:
    """Purpose: names are sorted as they are encoded, which is another order where a colon is in one.

    No operation of S3 has such a name, but a caller's own parameter may; so this is no MUST.

    Method: 1. sign a listing with two parameters of the caller's own, ``x-id:of`` (``x-id%3Aof``) and ``x-id-of``
            2. expect 200
    """
    asked = {"list-type": "2", "prefix": space.prefix(), "x-id-of": "1", "x-id:of": "2", "max-keys": "1"}

    expect_status(space.s3.send(space.request("GET", query=asked)), 200)


@verifies("storage/signature/signed-request-is-served")
@pytest.mark.parametrize("written", [case("fields-without-blanks", ",")])
def test_authorization_may_be_written_without_blanks(space: Space, written: str) -> None:
    """Purpose: the fields of Authorization are told apart by commas, as the S3 documentation's own examples write them.

    Method: 1. sign a listing, take away the blanks between the fields of its Authorization
            2. expect 200
    """
    signed = space.s3.sign(space.request("GET", query={"list-type": "2", "prefix": space.prefix()}))
    authorization = (signed.header("authorization") or "").replace(", ", written)

    expect_status(space.s3.send_as_is(signed.with_header("Authorization", authorization)), 200)


@verifies("storage/signature/encoding-on-the-wire-does-not-matter")
@pytest.mark.parametrize(
    ("encoded", "sent"),
    [case("less", quote(PLAIN, safe=""), PLAIN), case("more", "-c", "%2Dc"), case("small-letters", "%2B", "%2b")],
)
def test_encoding_on_the_wire_does_not_matter(space: Space, encoded: str, sent: str) -> None:
    """Purpose: the path is encoded anew for the signature, so that clients and proxies may have encoded it otherwise.

    Method: 1. sign an upload, send it with a part of its path in another encoding of the same characters
            2. expect 2xx, and the bytes under the key
    """
    key = f"{space.prefix()}a{PLAIN}-c+d"
    signed = space.s3.sign(space.request("PUT", key, body=b"signed"))

    expect_success(space.s3.send_as_is(replace(signed, path=signed.path.replace(encoded, sent))))
    expect_bytes(space.get(key), b"signed")


@verifies("storage/signature/encoding-on-the-wire-does-not-matter")
@pytest.mark.parametrize("sent", [case("of-the-query", {"%28b%29": "(b)", "-c": "%2Dc", "%2B": "%2b"})])
def test_encoding_of_the_query_does_not_matter(space: Space, sent: dict[str, str]) -> None:
    """Purpose: the query is encoded anew for the signature as well.

    Method: 1. sign a listing, send it with parts of its prefix in another encoding of the same characters
            2. expect 200, and the key that begins with the prefix, unless it is on a page to come
    """
    key = space.stored(key=f"{space.prefix()}a(b)-c+d")
    signed = space.s3.sign(space.request("GET", query={"list-type": "2", "prefix": key}))
    query = query_string(signed.query)
    for usual, other in sent.items():
        query = query.replace(usual, other)

    page = listing_of(space.s3.send_as_is(replace(signed, raw_query=query)))
    if not page.truncated:
        expect_entry(page, key)


@verifies("storage/signature/date-field-tells-the-time")
def test_date_field_tells_the_time(space: Space) -> None:
    """Purpose: a request that tells its time in Date, as the fields of HTTP go, needs no x-amz-date.

    Method: 1. sign a listing with Date in place of x-amz-date
            2. expect 200
    """
    asked = space.request("GET", query={"list-type": "2", "prefix": space.prefix()})

    expect_status(space.s3.send(asked, Signing(timed_by="Date")), 200)


@verifies("storage/signature/unknown-key-is-refused")
@pytest.mark.parametrize("spelled", [case("like-our-own", LIKE_OUR_OWN)])
def test_access_key_is_compared_exactly(space: Space, spelled: tuple[Callable[[str], str], ...]) -> None:
    """Purpose: an access key is one that was issued, not one that a database collates with it, or that begins like it.

    Method: 1. sign a GET by our own secret, with our access key in other letters, without its last one, or with another
               behind it
            2. expect 403
    """
    key, own = space.stored(), space.s3.keys.access_key
    for other in (made for spell in spelled if (made := spell(own)) not in (own, "")):
        reply = space.s3.with_keys(access_key=other).call("GET", space.name, key)

        expect_refusal(reply, {401, 403}, {"InvalidAccessKeyId", "AccessDenied", "SignatureDoesNotMatch"})


@verifies("storage/signature/unknown-key-is-refused")
@pytest.mark.parametrize("secret", [case("by-url", "no-such-secret"), case("by-url-and-no-secret", "")])
def test_unknown_access_key_of_a_url_is_refused(space: Space, secret: str) -> None:
    """Purpose: an access key that was never issued opens nothing, by a URL either.

    Method: 1. presign a GET with an unknown access key, by some secret, or by the empty one of a key not found
            2. expect 403 (400, 401)
    """
    key = space.stored()
    stranger = space.s3.with_keys(access_key=NEVER_ISSUED["access_key"], secret_key=secret)

    expect_status(stranger.send_as_is(stranger.presign(space.request("GET", key))), REFUSED)


@verifies("storage/signature/wrong-secret-is-refused")
@pytest.mark.parametrize("secret", [case("by-field-and-by-url", "not-the-secret-of-this-key")])
def test_two_wrong_signatures_are_refused(space: Space, secret: str) -> None:
    """Purpose: a signature in the field and one in the query are not each taken for looked at by the other's guard.

    Method: 1. put an object; send a GET that a wrong secret signed in its Authorization and, as a URL, in its query
            2. expect 403 (400: one of them is too many; 401)
    """
    impostor, request = space.s3.with_keys(secret_key=secret), space.request("GET", space.stored())
    url = impostor.presign(request)
    signed = impostor.sign(url)

    expect_status(space.s3.send_as_is(signed), REFUSED)


@verifies("storage/signature/refusal-is-403")
@pytest.mark.parametrize(
    "keys",
    [
        case("wrong-secret", {"secret_key": "not-the-secret-of-this-key"}),
        case("unknown-key", NEVER_ISSUED),
    ],
)
def test_refusal_of_a_signature_is_403(space: Space, keys: dict[str, str]) -> None:
    """Purpose: programs of S3 know by 403 that their keys do not open; the API Reference has 401 for tokens, too.

    Method: 1. sign a GET with a wrong secret, or by an unknown key
            2. expect 403, as S3's list of codes has it; that it is refused at all is for checks of its own
    """
    reply = space.s3.with_keys(**keys).call("GET", space.name, space.stored())

    if not reply.ok:
        expect_status(reply, 403)
