"""Requests with an Origin, TRACE requests, and errors that repeat markup."""

from __future__ import annotations

import pytest

from conformance.clients.s3.sigv4 import ALGORITHM
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_errors import expect_described_error, xml_root
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_no_server_error, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

AUTHORIZED = f"{ALGORITHM} Credential="
STOOD = b"what stood there"
PAGE = "https://page.example"


@verifies("storage/signature/signed-request-is-served")
@pytest.mark.parametrize("origin", [case("from-a-page", PAGE)])
def test_origin_forbids_nothing(space: Space, origin: str) -> None:
    """Purpose: whether a page may read an answer is for its browser to decide: Origin takes no right from who signed.

    Method: 1. PUT and GET an object with an Origin, as from a page or a tool that was built as one
            2. expect it stored, and its bytes
    """
    key = space.key()

    expect_success(space.put(key, STOOD, {"Origin": origin}))
    expect_bytes(space.get(key, {"Origin": origin}), STOOD)


@verifies("storage/errors/nothing-is-given-away")
@pytest.mark.parametrize("method", [case("of-a-trace", "TRACE")])
def test_trace_repeats_no_signature(space: Space, method: str) -> None:
    """Purpose: what reflects a request for those who look for faults shows no credentials (RFC 9110 section 9.3.8).

    Method: 1. send TRACE for an object, signed
            2. expect no server error, and Authorization nowhere in the answer
    """
    reply = space.s3.send_as_is(space.s3.sign(space.request(method, space.stored(STOOD))))

    expect_no_server_error(reply)
    if AUTHORIZED in reply.text:
        told = f"{reply.status} with the field in it"
        raise NonConformance(
            "an answer that does not repeat Authorization", told, reply, proof=lacks(reply, AUTHORIZED)
        )


@verifies("storage/errors/document-has-code-and-message")
@pytest.mark.parametrize("value", [case("of-markup", "<&>")])
def test_error_that_repeats_markup_is_a_document(space: Space, value: str) -> None:
    """Purpose: an error that repeats what was asked writes it as text, and can be read all the same.

    Method: 1. list with a max-keys of markup
            2. expect <Error> as XML, with Code and Message
    """
    reply = space.listing(space.prefix(), max_keys=value)
    if not 400 <= reply.status < 500:
        raise NotApplicable("a max-keys that is no number is not refused as such, which another check is of")

    if xml_root(reply) is None and value in reply.text:
        expected = f"{worded(value)} as text in a document, its letters escaped"
        raise NonConformance(expected, observed(reply), reply, proof=lacks(reply, value))
    expect_described_error(reply)
