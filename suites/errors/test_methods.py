"""An unsupported method is answered 405 with the supported methods in Allow (RFC 9110, section 15.5.6)."""

from __future__ import annotations

import pytest

from conformance.oracles.headers import expect_allowed
from conformance.oracles.status import expect_status
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies


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
