"""Concurrent writes are all stored, and a write changes no other item."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.clients.concurrency import at_once
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import member, shows
from conformance.oracles.proofs import shows_text
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

AT_ONCE = 6
ROUNDS = 3
A_SECOND = 1.1


@verifies("errors/writes/at-once-none-is-lost")
def test_at_once_none_is_lost(platform: Platform) -> None:
    """Purpose: those who write different things at one moment do not undo each other's writes.

    Method: 1. create six items at once; where they can be, update all of them at once, each with a text of its own
            2. expect 2xx for each, and each to be read with its own text
    """
    for resource in platform.resources_with("create", "item", "unique"):
        slugs = [platform.names.new() for _ in range(AT_ONCE)]
        for kind in ("create", "update") if resource.update else ("create",):
            operations = [platform.operation(resource, kind, slug) for slug in slugs]
            replies = at_once([partial(platform.as_role, "full", each) for each in operations])
            for slug in slugs if kind == "create" else ():
                platform.remember(resource, slug)
            for operation, reply in zip(operations, replies, strict=True):
                expect_success(reply, f"for {operation}, at once with others")
                _expect_read(platform, operation, reply)


def _expect_read(platform: Platform, operation: Operation, written: Exchange) -> None:
    slug = platform.slug_of(operation)
    reply = platform.as_role("full", platform.operation(operation.resource, "read-item", slug))
    expect_success(reply, f"for what {operation} wrote")
    for text in _texts(operation):
        if not shows(reply, text):
            told = f"{worded(text)}, as was written"
            raise NonConformance(told, reply.text[:300], written, reply, proof=shows_text(reply, text))


Race = tuple[list[Exchange], Exchange]


def races(platform: Platform) -> list[Race]:
    """Three updates and a deletion of an item at once, several times: their answers, and what was read then."""
    found = []
    for resource in platform.resources_with("create", "item", "update", "delete"):
        for _ in range(ROUNDS):
            slug = platform.new_item(resource)
            operations = [platform.operation(resource, kind, slug) for kind in ("update", "delete", "update", "update")]
            replies = at_once([partial(platform.as_role, "full", each) for each in operations])
            found.append((replies, platform.as_role("full", platform.operation(resource, "read-item", slug))))
    return found


@verifies("errors/writes/deleted-stays-deleted")
def test_deleted_stays_deleted(platform: Platform, once: Once) -> None:
    """Purpose: an update that is at work while its item is deleted does not bring it back.

    Method: 1. create an item; delete it and update it three times, all at once; three times over
            2. where the deletion is answered 200 or 204, expect 404 for reading the item afterwards
    """
    judged = False
    for replies, read in once("races", lambda: races(platform)):
        if replies[1].status in (200, 204):  # 202 is a deletion that is yet to come.
            judged = True
            expect_status(read, 404, "for an item that was deleted while it was updated")
    if not judged:
        raise NotApplicable("no item was deleted while it was updated")


@verifies("errors/writes/made-again-stays")
def test_made_again_stays(platform: Platform) -> None:
    """Purpose: what is still done of a deletion is not done to the next thing of that name.

    Method: 1. of each resource create an item, delete it, and create another of its name, where that is free again
            2. a second later expect each to be read
    """
    reads = []
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        gone = platform.as_role("full", platform.operation(resource, "delete", slug)).status in (200, 204)
        if gone and platform.create(resource, slug).ok:
            reads.append(platform.operation(resource, "read-item", slug))
    if not reads:
        raise NotApplicable("no name is free again behind a deletion")
    platform.http.recorder.pause(A_SECOND)
    for read in reads:
        expect_success(platform.as_role("full", read), f"for {read}, which was made again a second ago")


@verifies("errors/5xx/changes-at-once-are-no-server-error")
def test_changes_at_once_are_no_server_error(platform: Platform, once: Once) -> None:
    """Purpose: who changes or deletes what another has just deleted is told so, and not that the service failed.

    Method: 1. create an item; delete it and update it three times, all at once; three times over; delete another four
               times at once
            2. expect no 5xx
    """
    raced = [reply for replies, _ in once("races", lambda: races(platform)) for reply in replies]
    resource = platform.resources_with("create", "item", "update", "delete")[0]
    deletion = platform.operation(resource, "delete", platform.new_item(resource))
    raced += at_once([partial(platform.as_role, "full", deletion)] * 4)
    for reply in raced:
        expect_no_server_error(reply, "for an item that others change and delete at that moment")


def _texts(operation: Operation) -> list[str]:
    document: dict[str, Any] = operation.document or {}
    return [value for value in document.values() if isinstance(value, str) and len(value) >= 8]


@verifies("errors/writes/leave-everything-else-alone")
def test_writes_leave_everything_else_alone(platform: Platform) -> None:
    """Purpose: a change is made to the item that is named, and to those members of it that are named.

    Method: 1. create three items, the name of one of which is the beginning of another's
            2. update the one of the short name, and have an update name what is unique of another: expect the others as
               before, and by PATCH the members that the creation set and the update does not name
            3. delete it: expect the others as before, and none by its name
    """
    for resource in platform.resources_with("create", "item"):
        slug = platform.new_item(resource)
        others = [
            platform.operation(resource, "read-item", each) for each in (f"{slug}-2", platform.new_item(resource))
        ]
        expect_success(platform.create(resource, f"{slug}-2"), "for an item whose name goes on")
        read = platform.operation(resource, "read-item", slug)
        before = [platform.state(each) for each in others]
        for kind in ("update", "delete"):
            if not getattr(resource, kind):
                continue
            first = platform.as_role("full", read)
            operation = platform.operation(resource, kind, slug)
            reply = platform.as_role("full", operation)
            expect_success(reply, f"for {operation}")
            for other, state in zip(others, before, strict=True):
                expect_unchanged(state, platform.state(other), reply)
            if kind == "update" and operation.method == "PATCH":
                _expect_kept(platform, operation, first)
            if kind == "update" and resource.unique:
                # Refused, or passed over: no clause says which.
                taken = {**(operation.document or {}), resource.unique: platform.slug_of(others[0])}
                reply = platform.as_role("full", operation, document=taken)
                expect_unchanged(before[0], platform.state(others[0]), reply)
        if resource.delete:
            expect_status(platform.as_role("full", read), 404, "for a name that only begins another's")


def _expect_kept(platform: Platform, update: Operation, before: Exchange) -> None:
    """What the creation set and the update did not name is as it was."""
    create = update.resource.create
    again = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    for name in (create.body if create else {}).keys() - (update.document or {}).keys():
        if member(again, name) != member(before, name):
            expected, observed = f"{name} {worded(member(before, name))}, as before", worded(member(again, name))
            raise NonConformance(expected, observed, before, again)
