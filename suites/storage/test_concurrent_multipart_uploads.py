"""Concurrent requests of one multipart upload: no part is lost, and an object is whole or absent."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conformance.clients.concurrency import at_once
from conformance.oracles.s3_documents import Part, parts_of
from conformance.oracles.s3_errors import error_of
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

BODY = b"all of it" * 1000
PARTS = 8


@verifies("storage/at-once/parts-are-all-kept")
def test_parts_sent_at_once_are_all_kept(space: Space) -> None:
    """Purpose: parts may be uploaded in parallel, and none displaces another.

    Method: 1. open an upload, send eight parts at once
            2. expect each of them in the list of parts
    """
    key = space.key("parallel")
    upload = space.opened(key)

    def part(number: int) -> Callable[[], None]:
        return lambda: expect_success(space.put_part(key, upload, number, b"x" * number))

    at_once([part(number) for number in range(1, PARTS + 1)])

    replies, found = _listed(space, key, upload)
    space.abort(key, upload)
    sizes = {each.number: each.size for each in found}
    if sizes != {number: number for number in range(1, PARTS + 1)}:
        raise NonConformance("the parts 1 to 8, as long as their number", f"sizes by number {worded(sizes)}", *replies)


def _listed(space: Space, key: str, upload: str) -> tuple[list[Exchange], list[Part]]:
    """The parts of an upload, and the pages that list them; a server may list few a page, and none without an end."""
    replies = [space.list_parts(key, upload)]
    page = parts_of(replies[0])
    found = list(page.parts)
    while page.truncated and page.parts and len(replies) <= PARTS:
        replies.append(space.list_parts(key, upload, part_number_marker=page.next))
        page = parts_of(replies[-1])
        found += page.parts
    return replies, found


@verifies("storage/at-once/complete-or-abort")
@pytest.mark.parametrize("later_ms", [case(f"{each}-ms", each) for each in (0, 1, 2, 4, 8)])
def test_complete_or_abort(space: Space, later_ms: int) -> None:
    """Purpose: of a completion and an abortion at once, one has its effect: a whole object or none.

    Method: 1. open an upload, send a part, complete it, and abort it at once or a moment later
            2. expect the object whole where the completion was answered so, and otherwise none
    """
    key = space.key("either")
    upload = space.opened(key)
    part = space.part(key, upload, 1, BODY)

    def abort() -> Exchange:
        time.sleep(later_ms / 1000)  # the moment in which both are under way differs from server to server
        return space.abort(key, upload)

    reply, _ = at_once([lambda: space.complete(key, upload, [part]), abort])

    got = space.get(key)
    if reply.ok and error_of(reply) is None:
        expect_bytes(got, BODY, "of an upload whose completion succeeded")
    else:
        expect_status(got, 404, "for an upload whose completion failed")
