"""Properties of signatures: whatever is altered after signing is refused and changes nothing."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.s3.sigv4 import Request, encoded
from conformance.oracles.s3_errors import REFUSED
from conformance.oracles.s3_objects import expect_bytes, expect_stored
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import ALTERATIONS_OF_EACH, metadata_fields, object_names, signed_alterations
from conformance.vocabulary.check import verifies

BODY = b"a new body"


def _spoiled(text: str, where: float, letter: str) -> str:
    """The text with one letter at a place replaced by another one."""
    place = int(where * len(text))
    other = letter if text[place] != letter else chr(ord(letter) + 1)
    return text[:place] + other + text[place + 1 :]


def _in_authorization(request: Request, name: str, end: str, where: float, letter: str) -> Request:
    """The request with one letter of a part of its Authorization replaced."""
    value = request.header("authorization") or ""
    head, _, rest = value.partition(f"{name}=")
    part, separator, tail = rest.partition(end) if end else (rest, "", "")
    return request.with_header("Authorization", f"{head}{name}={_spoiled(part, where, letter)}{separator}{tail}")


def _altered(request: Request, component: str, where: float, letter: str) -> Request:
    if component == "path":
        stem, _, name = request.path.rpartition("/")
        return replace(request, path=f"{stem}/{_spoiled(name, where, letter)}")
    if component == "query":
        return replace(request, query=(("x-id", letter),))
    if component == "method":
        return replace(request, method="DELETE")
    if component == "body":
        return replace(request, body=_spoiled(request.body.decode(), where, letter).encode())
    if component in {"date", "payload-hash", "metadata"}:
        name = {"date": "x-amz-date", "payload-hash": "x-amz-content-sha256", "metadata": "x-amz-meta-owner"}[component]
        return request.with_header(name, _spoiled(request.header(name) or "", where, letter))
    if component == "signed-names":
        letter = letter.lower()  # Names of fields have no case (RFC 9110 section 5.1): a capital is no other name.
    name, end = {"signature": ("Signature", ""), "scope": ("Credential", ","), "signed-names": ("SignedHeaders", ",")}[
        component
    ]
    return _in_authorization(request, name, end, where, letter)


@verifies("storage/signature/any-altered-component-is-refused")
@explores(0.6, *ALTERATIONS_OF_EACH, alteration=signed_alterations())
def test_any_altered_component_is_refused(space: Space, alteration: tuple[str, float, str]) -> None:
    """Purpose: no component that a signature covers can be altered by a single letter.

    Method: 1. sign an upload, send it; alter one letter of one component, send it again
            2. expect it served; then a refusal (501 too of a DELETE with the fields of a PUT), though the signature was
               good before, and the object as it was
    """
    key = space.key()
    signed = space.s3.sign(space.request("PUT", key, headers={"x-amz-meta-owner": "alice"}, body=BODY))
    expect_success(space.s3.send_as_is(signed))

    refusals = REFUSED | ({501} if alteration[0] == "method" else set())
    expect_status(space.s3.send_as_is(_altered(signed, *alteration)), refusals)
    expect_stored(space.get(key), BODY)


@verifies("storage/signature/any-rightly-signed-request-is-served")
@explores(0.7, name=object_names(), fields=metadata_fields())
def test_any_rightly_signed_request_is_served(space: Space, name: str, fields: dict[str, str]) -> None:
    """Purpose: whatever key, metadata and query a rightly signed request has, its signature holds.

    Method: 1. list under a hard prefix with hard query values; put an object with metadata
            2. expect neither to be refused for its signature
    """
    prefix = space.prefix()
    page = space.call("GET", query={"list-type": "2", "prefix": prefix + name, "start-after": prefix + name})
    put = space.put(prefix + "metadata", encoded(name).encode(), fields)

    expect_status(page, 200, "for a listing whose signature holds")
    expect_success(put, "for an upload whose signature holds")
    expect_bytes(space.get(prefix + "metadata"), encoded(name).encode())
