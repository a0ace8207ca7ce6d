"""Where answers end that have no content, as they come over the wire (RFC 9112 section 6.3)."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import bearer
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.headers import expect_absent_headers, expect_bare
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import Platform
from conformance.sandbox.versions import DEMANDED, condition_of
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


def asked(platform: Platform, wire: Wire, method: str, path: str, *fields: tuple[str, str]) -> Exchange:
    """The answer to the owner's request, with what comes behind its head."""
    return wire.ask(method, path, [bearer(platform.oauth.token("full")), *fields])


@verifies("errors/writes/no-content-has-no-length")
def test_no_content_has_no_length(platform: Platform, wire: Wire) -> None:
    """Purpose: 204 ends with its head: a reader waits for a length that is told, and takes for the next what comes.

    Method: 1. delete an item, and read what comes until the connection ends
            2. expect no Content-Length and no Transfer-Encoding, nor anything behind the head, if it is 204
    """
    judged = False
    for resource in platform.resources_with("create", "item", "delete"):
        deletion = platform.operation(resource, "delete", platform.new_item(resource))
        present = platform.as_role("full", platform.operation(resource, "read-item", platform.slug_of(deletion)))
        reply = asked(platform, wire, deletion.method, deletion.path)
        if reply.status == DEMANDED:
            reply = asked(platform, wire, deletion.method, deletion.path, condition_of(present))
        if reply.status == 204:
            judged = True
            expect_absent_headers(reply, ["content-length", "transfer-encoding"], "in 204")
            expect_bare(reply)
    if not judged:
        raise NotApplicable("no deletion is answered 204")


@verifies("errors/reads/head-and-304-end-with-their-head")
@pytest.mark.parametrize("how", [case("head", "HEAD"), case("not-modified", "GET")])
def test_head_and_304_end_with_their_head(platform: Platform, wire: Wire, how: str) -> None:
    """Purpose: what comes behind an answer that has no content is not taken for the next answer.

    Method: 1. send HEAD to a declared resource; read an item on condition that it does not match the ETag which it has,
               where that is answered 304
            2. read what comes until the connection ends: expect nothing behind the head
    """
    if how == "HEAD":
        expect_bare(asked(platform, wire, "HEAD", platform.operations("read")[0].path))
        return
    for read, first, _ in not_modified(platform):
        reply = asked(platform, wire, "GET", read.path, ("If-None-Match", first.headers.get("etag") or ""))
        if reply.status == 304:
            expect_bare(reply)
