"""405: a method that a resource does not have (RFC 9110 section 15.5.6), with those that it has."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import field_lacks, field_matches
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


@verifies("errors/405/unsupported-method")
@pytest.mark.parametrize("method", [case("put", "PUT"), case("invented", "CFTEST")])
def test_unsupported_method(platform: Platform, method: str) -> None:
    """Purpose: a method that a resource does not have is told, with those that it has.

    Method: 1. send the method to each declared read resource with the full token
            2. expect 405 with Allow, which names the declared methods and not the refused one, or 404, 501, 400; of a
               method that is there undeclared, what a missing body is told (411, 415, 428); never 2xx
    """
    for operation in platform.operations("read"):
        if operation.method == method:
            continue
        reply = platform.as_role("full", operation, method=method)
        expect_status(reply, {400, 403, 404, 405, 411, 415, 428, 501}, f"for {method} {operation.path}")
        create = operation.resource.create
        expect_allowed(reply, method, {operation.method, *([create.method] if create else [])})


@verifies("errors/405/unsupported-method")
@pytest.mark.parametrize("method", [case("post-to-item", "POST")])
def test_unsupported_method_of_an_item(platform: Platform, method: str) -> None:
    """Purpose: what is said of an item's methods is said of an item, and not of the list that it stands in.

    Method: 1. send POST without a body to each item
            2. where the answer is 405, expect Allow with the declared methods of an item, and not the refused one
    """
    for operation in platform.operations("read-item"):
        changes = (operation.resource.update, operation.resource.delete)
        declared = {operation.method, *(each.method for each in changes if each)}
        if method not in declared:
            expect_allowed(platform.as_role("full", operation, method=method), method, declared)


def expect_allowed(reply: Exchange, refused: str, declared: set[str]) -> None:
    """405 has Allow (RFC 9110 section 15.5.6), with the declared methods and without the refused one."""
    told = reply.headers.get("allow")
    allowed = [each.strip() for each in (told or "").split(",")]
    wanted = sorted(declared - {refused})
    missing = next((each for each in wanted if each not in allowed), None)
    if reply.status == 405 and (missing or refused in allowed):
        expected = f"405 with Allow: {', '.join(wanted)}, without {refused}"
        lacks = told and not missing
        named = f"(^|[, ]){missing} *(,|$)"
        proof = field_lacks(reply, "Allow", str(told)) if lacks else field_matches(reply, "Allow", named)
        shown = "405 without it" if told is None else f"405 with Allow: {told}"
        raise NonConformance(expected, shown, reply, proof=proof)
