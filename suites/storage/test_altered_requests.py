"""A request that was altered after signing, or is not signed as required, is refused and has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance.clients.s3.bodies import content_md5, delete_document, tagging_document
from conformance.clients.s3.client import minutes_off, signed_for
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing, signature_in
from conformance.oracles.s3_documents import expect_keys, listing_of
from conformance.oracles.s3_errors import REFUSED
from conformance.oracles.s3_objects import expect_headers, expect_nothing_stored, expect_stored
from conformance.oracles.status import NOT_IMPLEMENTED, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies

OLD = b"the earlier object"
OWNER = "x-amz-meta-owner"
LISTED = {"list-type": "2"}
FORGED = "Zm9yZ2VkIGJ5IG5vYm9keSE="  # As long as a signature of version 2: twenty bytes in base64.
LARGE = b"a body beyond one buffer" * 45_000  # More than the 1 MiB up to which some gateways verify a body.
Alteration = Callable[[Request], Request]


def _authorization(change: Callable[[str], str]) -> Alteration:
    return lambda request: request.with_header("Authorization", change(request.header("authorization") or ""))


def _header(name: str, value: str) -> Alteration:
    return lambda request: request.with_header(name, value)


def _access_key(authorization: str) -> str:
    return authorization.partition("Credential=")[2].partition("/")[0]


def _of_version_2_in_query(request: Request) -> Request:
    named = (("AWSAccessKeyId", _access_key(request.header("authorization") or "")), ("Expires", "4102444800"))
    return replace(request.without("Authorization"), query=(*request.query, *named, ("Signature", FORGED)))


ALTERATIONS: dict[str, Alteration] = {
    "method": lambda request: replace(request, method="DELETE"),
    "path": lambda request: replace(request, path=request.path + "-other"),
    "path-case": lambda request: replace(request, path=request.path[:-6] + request.path[-6:].upper()),
    "path-slash-added": lambda request: replace(request, path=request.path + "/"),
    # Without a value, like parameters that name a subresource.
    "query-added": lambda request: replace(request, query=(("x-id", ""),)),
    "signed-header-changed": _header(OWNER, "mallory"),
    "signed-header-removed": lambda request: request.without(OWNER),
    "content-type-changed": _header("Content-Type", "text/html"),
    "signature": _authorization(lambda value: value[:-1] + ("0" if value[-1] != "0" else "1")),
    "signature-cut": _authorization(lambda value: value[:-8]),
    "signed-names-cut": _authorization(lambda value: value.replace(f";{OWNER}", "")),
    "date": lambda request: request.with_header("x-amz-date", minutes_off(1).timestamp()),
    "payload-declared-unsigned": _header("x-amz-content-sha256", UNSIGNED),
}
MALFORMATIONS: dict[str, Alteration] = {
    "empty": _header("Authorization", ""),
    "scheme-only": _header("Authorization", "AWS4-HMAC-SHA256"),
    "other-scheme": _authorization(lambda value: value.replace("SHA256", "SHA512")),
    "bearer": _header("Authorization", "Bearer conformance"),
    "version-2": _authorization(lambda value: f"AWS {_access_key(value)}:{FORGED}"),
    "version-2-in-query": _of_version_2_in_query,
    "asymmetric": _authorization(lambda value: value.replace("HMAC", "ECDSA-P256")),
    "basic": _header("Authorization", "Basic Y29uZm9ybWFuY2U6eA=="),
    "no-credential": _authorization(lambda value: value.replace("Credential=", "Cred=")),
    "no-signed-headers": _authorization(lambda value: value.replace("SignedHeaders=", "Signed=")),
    "no-signature": _authorization(lambda value: value.partition(", Signature=")[0]),
    "short-scope": _authorization(lambda value: value.replace("/s3/aws4_request", "")),
    "empty-signature": _authorization(lambda value: value.partition("Signature=")[0] + "Signature="),
    "no-date": lambda request: request.without("x-amz-date"),
    "broken-date": _header("x-amz-date", "20261399T256161Z"),
}


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.parametrize(
    ("old", "signing", "sent"),
    [
        case("body-added", OLD, signed_for(b""), b"in flight"),
        case("body-lost", b"as signed", signed_for(b"as signed"), b""),
        case("end-of-a-large-body", LARGE + b"as signed", signed_for(LARGE + b"as signed"), LARGE + b"in flight"),
        # Only UNSIGNED-PAYLOAD exempts a body from the signature.
        case("no-hash", OLD, Signing(payload="conformance"), b"in flight"),
        case("unknown-kind", OLD, Signing(payload="STREAMING-CONFORMANCE"), b"in flight"),
    ],
)
def test_body_other_than_signed_is_refused(space: Space, old: bytes, signing: Signing, sent: bytes) -> None:
    """Purpose: a signature protects the body from changes in transit.
    Method: 1. put an object, PUT to its key with another body than the signed one, or with no hash in its field
            2. expect 400 or 403 (501 for an unknown kind of payload), and the old bytes
    """
    key = space.stored(old)
    reply = space.s3.send(space.request("PUT", key, body=sent), signing)

    is_hash = len(signing.payload or "") == 64
    expect_status(reply, REFUSED if is_hash else {*REFUSED, NOT_IMPLEMENTED})
    expect_stored(space.get(key), old)


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.parametrize("operation", ["deletion", "tagging"])
def test_document_other_than_signed_is_refused(space: Space, operation: str) -> None:
    """Purpose: the keys that a request deletes, and the tags that it writes, cannot be changed in transit.
    Method: 1. sign DeleteObjects or PutObjectTagging; send another document with its own Content-MD5
            2. expect 400 or 403 (501 where it is not offered), and the object unchanged
    """
    key = space.stored(OLD)
    if operation == "deletion":
        request = space.request("POST", query={"delete": ""})
        body, other = delete_document([key[:-1] + "_"]), delete_document([key])
    else:
        request = space.request("PUT", key, {"tagging": ""})
        body, other = tagging_document([("by", "ann")]), tagging_document([("by", "eve")])

    reply = space.s3.send(replace(request, body=other).with_header("Content-MD5", content_md5(other)), signed_for(body))

    expect_status(reply, {*REFUSED, NOT_IMPLEMENTED})
    expect_stored(space.get(key), OLD)


@pytest.mark.parametrize(
    "alter",
    [
        *(row(f"storage/signature/altered-request-is-refused#{name}", alter) for name, alter in ALTERATIONS.items()),
        *(
            row(f"storage/signature/malformed-authorization-is-refused#{name}", malform)
            for name, malform in MALFORMATIONS.items()
        ),
    ],
)
def test_altered_write_is_refused(space: Space, alter: Alteration) -> None:
    """Purpose: what a signature covers cannot be changed after signing, and a malformed Authorization permits nothing.
    Method: 1. sign an upload over an existing object; change a signed component, or malform Authorization or date
            2. expect 403 (400, 401; 501 for DELETE or another scheme), and the old object unchanged
    """
    key = space.stored(OLD)
    headers = {OWNER: "alice", "Content-Type": "text/plain"}
    altered = alter(space.s3.sign(space.request("PUT", key, headers=headers, body=b"a new body")))
    other_scheme = not (altered.header("authorization") or "AWS4-HMAC-SHA256").startswith("AWS4-HMAC-SHA256")

    reply = space.s3.send_as_is(altered)

    expect_status(reply, {*REFUSED, NOT_IMPLEMENTED} if reply.method == "DELETE" or other_scheme else REFUSED)
    expect_stored(space.get(key), OLD)
    expect_nothing_stored(space.get(f"{key}-other"))


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize(
    ("query", "altered"),
    [
        case("get-sent-as-head", {}, {"method": "HEAD"}),
        case("query-value-changed", LISTED, {"query": (*LISTED.items(), ("prefix", ""))}),
    ],
)
def test_altered_read_is_refused(space: Space, query: dict[str, str], altered: dict[str, Any]) -> None:
    """Purpose: a signed read permits no other method, and no other query.
    Method: 1. sign a GET or a listing under its key; send it as HEAD, or with a wider prefix; 2. expect 403 (400)
    """
    key = space.stored(OLD)
    request = space.request("GET", query={**query, "prefix": key}) if query else space.request("GET", key)

    expect_status(space.s3.send_as_is(replace(space.s3.sign(request), **altered)), REFUSED)


@verifies("storage/signature/altered-request-is-refused#signed-header-repeated")
def test_repeated_header_is_not_obeyed(space: Space) -> None:
    """Purpose: a signed header field cannot be added a second time with another value.
    Method: 1. sign an upload with x-amz-meta-owner, send it with that field twice
            2. expect 403 (400) and the old object, or the field as it was signed
    """
    key = space.stored(OLD)
    signed = space.s3.sign(space.request("PUT", key, headers={OWNER: "alice"}, body=b"a new body"))

    reply = space.s3.send_as_is(replace(signed, headers=(*signed.headers, (OWNER, "mallory"))))

    if reply.ok:
        expect_headers(space.head(key), {OWNER: "alice"})
        return
    expect_status(reply, REFUSED)
    expect_stored(space.get(key), OLD)


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize("first", [case("parameter-repeated-before", True), case("parameter-repeated-after", False)])
def test_repeated_parameter_is_not_obeyed(space: Space, first: bool) -> None:
    """Purpose: a signed query parameter cannot be added a second time with another value.
    Method: 1. sign a listing under one prefix, send it with a second, wider one
            2. expect 403 (400), or the listing that was signed
    """
    prefix = space.prefix()
    space.stored_all(prefix, ["mine", "not-requested"])
    signed = space.s3.sign(space.request("GET", query={**LISTED, "prefix": f"{prefix}mine"}))
    wider = (("prefix", prefix),)

    reply = space.s3.send_as_is(replace(signed, query=wider + signed.query if first else signed.query + wider))

    if reply.ok:
        page = listing_of(reply)
        expect_keys(page, [f"{prefix}mine"] if page.size or not page.truncated else [])
    else:
        expect_status(reply, REFUSED)


@verifies("storage/signature/altered-request-is-refused#signature-of-another-request")
def test_signature_of_another_request_is_refused(space: Space) -> None:
    """Purpose: the signature of an upload to one key does not permit an upload to another.
    Method: 1. send an upload with the signature of another key's upload; 2. expect 400 or 403, and nothing stored
    """
    body = b"same"
    key = space.key()
    other = space.s3.sign(space.request("PUT", space.key("donor"), body=body))
    mine = space.s3.sign(space.request("PUT", key, body=body))
    borrow = _authorization(lambda value: value.replace(signature_in(mine), signature_in(other)))

    expect_status(space.s3.send_as_is(borrow(mine)), REFUSED)
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/amz-headers-must-be-signed")
def test_unsigned_amz_header_is_refused(space: Space) -> None:
    """Purpose: an attacker on the path can add an unsigned x-amz- field, so it must have no effect.
    Method: 1. sign an upload, add x-amz-meta-owner, x-amz-tagging or x-amz-copy-source unsigned
            2. expect 400 or 403 (501 where tags or copies are not offered), and nothing stored
    """
    key, source = space.key(), f"/{space.name}/{space.stored(OLD)}"
    signed = space.s3.sign(space.request("PUT", key, body=b"mine"))
    expect_status(space.s3.send_as_is(signed.with_header(OWNER, "mallory")), REFUSED)
    for name, value in (("x-amz-tagging", "by=mallory"), ("x-amz-copy-source", source)):
        expect_status(space.s3.send_as_is(signed.with_header(name, value)), {*REFUSED, NOT_IMPLEMENTED})
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/host-must-be-signed")
def test_host_must_be_signed(space: Space) -> None:
    """Purpose: a signature for one host is not valid at another.
    Method: 1. sign a listing without its Host, in Authorization and in a URL; 2. expect 400 or 403
    """
    request = space.request("GET", query={**LISTED, "prefix": space.prefix()}, headers={"Accept": "*/*"})
    hostless = Signing(unsigned=frozenset({"host"}))

    for reply in (space.s3.send(request, hostless), space.s3.send_as_is(space.s3.presign(request, signing=hostless))):
        expect_status(reply, REFUSED)
