"""A request that was altered after signing is rejected and has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.bodies import content_md5, delete_document, tagging_document
from conformance.clients.s3.client import minutes_off, signed_for
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing, signature_in
from conformance.oracles.s3_errors import REFUSED, expect_refusal
from conformance.oracles.s3_objects import expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

NOT_IMPLEMENTED = 501
"""For another scheme, and for a method that does not go with the fields that were signed for another one."""
STOOD = b"what stood there"
FORGED = "Zm9yZ2VkIGJ5IG5vYm9keSE="  # Twenty bytes or so in base64, as signatures of version 2 are.
# More than the MiB up to which some look at a body.
LARGE = b"a body beyond one buffer" * 45_000
OTHER_PAYLOAD = {"XAmzContentSHA256Mismatch", "BadDigest", "SignatureDoesNotMatch", "InvalidDigest"}
Alteration = Callable[[Request], Request]


def _other_hex(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def _with_authorization(request: Request, change: Callable[[str], str]) -> Request:
    return request.with_header("Authorization", change(request.header("authorization") or ""))


def _of_version_2(request: Request) -> Request:
    """The signature in the form of the version before, which this one is not by that version's reckoning."""
    return _with_authorization(request, lambda value: f"AWS {_access_key(value)}:{FORGED}")


def _of_version_2_in_query(request: Request) -> Request:
    named = (("AWSAccessKeyId", _access_key(request.header("authorization") or "")), ("Expires", "4102444800"))
    return replace(request.without("Authorization"), query=(*request.query, *named, ("Signature", FORGED)))


def _access_key(authorization: str) -> str:
    return authorization.partition("Credential=")[2].partition("/")[0]


ALTERATIONS: dict[str, Alteration] = {
    "method": lambda request: replace(request, method="DELETE"),
    "path": lambda request: replace(request, path=request.path + "-other"),
    "path-case": lambda request: replace(request, path=request.path[:-6] + request.path[-6:].upper()),
    "path-slash-added": lambda request: replace(request, path=request.path + "/"),
    # One without a value, as those that ask for something else than the object are.
    "query-added": lambda request: replace(request, query=(("x-id", ""),)),
    "signed-header-changed": lambda request: request.with_header("x-amz-meta-owner", "mallory"),
    "signed-header-removed": lambda request: request.without("x-amz-meta-owner"),
    "content-type-changed": lambda request: request.with_header("Content-Type", "text/html"),
    "signature": lambda request: _with_authorization(request, _other_hex),
    "signature-cut": lambda request: _with_authorization(request, lambda value: value[:-8]),
    "signed-names-cut": lambda request: _with_authorization(request, lambda v: v.replace(";x-amz-meta-owner", "")),
    "date": lambda request: request.with_header("x-amz-date", minutes_off(1).timestamp()),
    "payload-declared-unsigned": lambda request: request.with_header("x-amz-content-sha256", UNSIGNED),
}
MALFORMATIONS: dict[str, Alteration] = {
    "empty": lambda request: request.with_header("Authorization", ""),
    "scheme-only": lambda request: request.with_header("Authorization", "AWS4-HMAC-SHA256"),
    "other-scheme": lambda request: _with_authorization(request, lambda v: v.replace("SHA256", "SHA512")),
    "bearer": lambda request: request.with_header("Authorization", "Bearer conformance"),
    "version-2": _of_version_2,
    "version-2-in-query": _of_version_2_in_query,
    "asymmetric": lambda request: _with_authorization(request, lambda v: v.replace("HMAC", "ECDSA-P256")),
    "basic": lambda request: request.with_header("Authorization", "Basic Y29uZm9ybWFuY2U6eA=="),
    "no-credential": lambda request: _with_authorization(request, lambda v: v.replace("Credential=", "Cred=")),
    "no-signed-headers": lambda request: _with_authorization(request, lambda v: v.replace("SignedHeaders=", "Signed=")),
    "no-signature": lambda request: _with_authorization(request, lambda v: v.partition(", Signature=")[0]),
    "short-scope": lambda request: _with_authorization(request, lambda v: v.replace("/s3/aws4_request", "")),
    "empty-signature": lambda request: _with_authorization(
        request, lambda v: v.partition("Signature=")[0] + "Signature="
    ),
    "no-date": lambda request: request.without("x-amz-date"),
    "broken-date": lambda request: request.with_header("x-amz-date", "20261399T256161Z"),
}


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.parametrize(
    ("signed", "sent"), [case("of-nothing", b"", b"in flight"), case("nothing-came", b"as signed", b"")]
)
def test_body_neither_comes_nor_goes_on_the_way(space: Space, signed: bytes, sent: bytes) -> None:
    """Purpose: a request that was signed without a body takes none on its way, and one with a body does not lose it.

    Method: 1. sign a PUT without a body, send it with one; or the other way round
            2. expect 400 XAmzContentSHA256Mismatch, or BadDigest, or 403, and the old bytes
    """
    key = space.stored(STOOD)
    reply = space.s3.send(space.request("PUT", key, body=sent), signed_for(signed))

    expect_refusal(reply, REFUSED, OTHER_PAYLOAD)
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/payload-hash-is-checked")
def test_payload_hash_is_checked(space: Space) -> None:
    """Purpose: a body other than the one that was signed is refused, large as it may be, and the old object lives.

    Method: 1. put a body, sign it anew, send another of the same length, which differs at its end
            2. expect 400 XAmzContentSHA256Mismatch, or BadDigest, or 403, and the old bytes
    """
    signed = LARGE + b"as signed"
    key = space.stored(signed)
    reply = space.s3.send(space.request("PUT", key, body=LARGE + b"in flight"), signed_for(signed))

    expect_refusal(reply, REFUSED, OTHER_PAYLOAD)
    expect_stored(space.get(key), signed)


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.parametrize("operation", [case("deletion", "deletion"), case("tagging", "tagging")])
def test_payload_hash_of_a_document_is_checked(space: Space, operation: str) -> None:
    """Purpose: a document other than the one that was signed is not obeyed.

    Method: 1. sign the deletion of a key without an object (or a write of tags), send a document that names the object
               and has its own Content-MD5
            2. expect 400 or 403 (501 where such documents are not taken), and the object as it was
    """
    key = space.stored(STOOD)
    if operation == "deletion":
        request = space.request("POST", query={"delete": ""})
        body, other = delete_document([key[:-1] + "_"]), delete_document([key])
    else:
        request = space.request("PUT", key, {"tagging": ""})
        body, other = tagging_document([("by", "ann")]), tagging_document([("by", "eve")])

    reply = space.s3.send(replace(request, body=other).with_header("Content-MD5", content_md5(other)), signed_for(body))

    expect_status(reply, {*REFUSED, NOT_IMPLEMENTED})
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize("alter", [case(name, alter) for name, alter in ALTERATIONS.items()])
def test_request_altered_after_signing_is_refused(space: Space, alter: Alteration) -> None:
    """Purpose: what a signature covers cannot be changed after signing.

    Method: 1. sign an upload over an existing object, change one signed component, send it
            2. expect 403 (400 where the change makes it malformed, 501 where it makes another kind of request), and the
               old object as it was
    """
    key = space.stored(STOOD)
    headers = {"x-amz-meta-owner": "alice", "Content-Type": "text/plain"}
    signed = space.s3.sign(space.request("PUT", key, headers=headers, body=b"a new body"))

    reply = space.s3.send_as_is(alter(signed))

    expect_status(reply, {*REFUSED, NOT_IMPLEMENTED} if reply.method == "DELETE" else REFUSED)
    expect_stored(space.get(key), STOOD)
    expect_nothing_stored(space.get(f"{key}-other"))


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize("method", [case("get-sent-as-head", "HEAD")])
def test_read_sent_with_another_method_is_refused(space: Space, method: str) -> None:
    """Purpose: the method is part of what is signed, also where the two read the same.

    Method: 1. sign a GET, send it as HEAD
            2. expect 403 (or 400)
    """
    signed = space.s3.sign(space.request("GET", space.stored(STOOD)))

    expect_status(space.s3.send_as_is(replace(signed, method=method)), REFUSED)


@verifies("storage/signature/altered-query-is-refused")
def test_query_altered_after_signing_is_refused(space: Space) -> None:
    """Purpose: a signature covers each query parameter's value.

    Method: 1. sign a listing under one prefix, send it with another
            2. expect 403
    """
    prefix = space.prefix()
    signed = space.s3.sign(space.request("GET", query={"list-type": "2", "prefix": prefix + "mine"}))
    query = (("list-type", "2"), ("prefix", prefix))

    expect_status(space.s3.send_as_is(replace(signed, query=query)), REFUSED)


@verifies("storage/signature/malformed-authorization-is-refused")
@pytest.mark.parametrize("malform", [case(name, malform) for name, malform in MALFORMATIONS.items()])
def test_malformed_authorization_is_refused(space: Space, malform: Alteration) -> None:
    """Purpose: an Authorization field that is not what the standard says is refused as the caller's fault.

    Method: 1. sign an upload, spoil its Authorization or date, send it
            2. expect 400, 401 or 403 (501 too where the scheme is another one), and the old object as it was
    """
    key = space.stored(STOOD)
    spoiled = malform(space.s3.sign(space.request("PUT", key, body=b"intruder")))
    other_scheme = not (spoiled.header("authorization") or "AWS4-HMAC-SHA256").startswith("AWS4-HMAC-SHA256")

    expect_status(space.s3.send_as_is(spoiled), REFUSED | {NOT_IMPLEMENTED} if other_scheme else REFUSED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/amz-headers-must-be-signed")
def test_unsigned_amz_header_is_refused(space: Space) -> None:
    """Purpose: an x-amz- field that is not signed may have been put in by anyone, so it is not obeyed.

    Method: 1. sign an upload, add x-amz-meta-owner, x-amz-tagging or x-amz-copy-source unsigned
            2. expect 400 or 403 (501 where it is not offered), and nothing stored
    """
    key, source = space.key(), f"/{space.name}/{space.stored(STOOD)}"
    signed = space.s3.sign(space.request("PUT", key, body=b"mine"))
    expect_status(space.s3.send_as_is(signed.with_header("x-amz-meta-owner", "mallory")), REFUSED)
    expect_status(space.s3.send_as_is(signed.with_header("x-amz-tagging", "by=mallory")), {*REFUSED, NOT_IMPLEMENTED})
    expect_status(space.s3.send_as_is(signed.with_header("x-amz-copy-source", source)), {*REFUSED, NOT_IMPLEMENTED})
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/host-must-be-signed")
def test_host_must_be_signed(space: Space) -> None:
    """Purpose: a signature is good for one host, so Host is among the signed fields.

    Method: 1. sign a listing without its Host, in the field and in a URL
            2. expect 400 or 403
    """
    request = space.request("GET", query={"list-type": "2", "prefix": space.prefix()}, headers={"Accept": "*/*"})
    hostless = Signing(unsigned=frozenset({"host"}))

    for reply in (space.s3.send(request, hostless), space.s3.send_as_is(space.s3.presign(request, signing=hostless))):
        expect_status(reply, REFUSED)


@verifies("storage/signature/signature-is-not-reusable-for-another-body")
def test_signature_does_not_carry_over(space: Space) -> None:
    """Purpose: the signature of one request is not good for another.

    Method: 1. put the signature of one object's upload on another's
            2. expect 400 or 403, and nothing stored
    """
    key = space.key()
    other = space.s3.sign(space.request("PUT", space.key("donor"), body=b"same"))
    mine = space.s3.sign(space.request("PUT", key, body=b"same"))
    borrowed = _with_authorization(mine, lambda value: value.replace(signature_in(mine), signature_in(other)))

    expect_status(space.s3.send_as_is(borrowed), REFUSED)
    expect_nothing_stored(space.get(key))
