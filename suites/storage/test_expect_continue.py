"""Requests with Expect: 100-continue, as the AWS SDKs send them."""

from __future__ import annotations

import pytest

from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import Signing
from conformance.clients.transport.expect_continue import Expecting
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

BODY = b"sent when asked to go on " * 1000
REFUSALS = {"SignatureDoesNotMatch", "AccessDenied", "InvalidAccessKeyId"}


def _expecting(s3: S3, space: Space, key: str) -> tuple[Exchange, Exchange]:
    """A PUT of a caller that waits; what came before the body, and the final answer."""
    fields = {"Content-Length": str(len(BODY)), "Expect": "100-continue"}
    # Unsigned, since a proxy on the way may take them away or write them anew.
    signing = Signing(unsigned=frozenset(name.lower() for name in fields))
    request = s3.sign(space.request("PUT", key, headers=fields, body=BODY), signing)
    return Expecting(s3.raw).send_expecting(request.head, BODY)


@verifies("storage/object/expected-continue-comes")
def test_expected_continue_comes(s3: S3, space: Space) -> None:
    """Purpose: a caller that waits for 100 (Continue) does not wait in vain, and its body is stored.

    Method: 1. send the head of a PUT with Expect: 100-continue, wait for an answer, send the body
            2. expect 100 before the body, then 2xx, and the bytes
    """
    key = space.key("expect")

    first, final = _expecting(s3, space, key)

    if first.status != 100:
        told = observed(first) if first.status else "nothing in the time in which the target answers"
        raise NonConformance("100 (Continue) before the body", told, first)
    expect_success(final)
    expect_bytes(space.get(key), BODY)


@verifies("storage/object/refusal-comes-before-the-body")
@pytest.mark.parametrize(
    "changes", [case("wrong-secret", {"secret_key": "w" * 40}), case("unknown-key", {"access_key": "AKIAUNKNOWN"})]
)
def test_refusal_comes_before_the_body(s3: S3, space: Space, changes: dict[str, str]) -> None:
    """Purpose: who may not write need not send: the signature is refused while the caller waits with its body.

    Method: 1. send the head of a PUT with a wrong signature and Expect: 100-continue, wait for an answer
            2. expect 403 before the body, and nothing stored
    """
    key = space.key("refused")

    first, final = _expecting(s3.with_keys(**changes), space, key)

    expect_nothing_stored(space.get(key))
    if first.status == 100:
        raise NonConformance("403 before the body", f"100 (Continue), and {final.status} after the body", first, final)
    expect_refusal(first, {401, 403}, REFUSALS)
