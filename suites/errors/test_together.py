"""Several items: written at once none is lost or mixed up, and lists tell of them what is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from conformance.clients.concurrency import at_once
from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import shows
from conformance.oracles.proofs import shows_text
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

AT_ONCE = 6
ROUNDS = 3
A_SECOND = 1.1
# As JSON and a regular expression have it alike.
PLAIN = re.compile("[A-Za-z0-9 _-]+")


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


Listed = Callable[[], list[Exchange]]
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


@verifies("errors/reads/lists-tell-what-is-so")
def test_lists_tell_what_is_so(platform: Platform) -> None:
    """Purpose: a list is of what is there now, and as it is now.

    Method: 1. create an item, with a text of its own in each member, and read the list in which it would stand; go on
               where its name stands there
            2. update the item: expect no text of before in the list that the update has replaced, within seconds; and
               not to be told, on condition of a strong ETag that the page with it had, that the page is as it was
            3. delete it: expect its name no more, within seconds; nothing says that a list knows all in that moment
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slug = platform.names.new()
        create = platform.operation(resource, "create", slug)
        document = create.document or {}
        own = {name: f"{document[name]} as {name}" for name in create.texts}
        listed = partial(platform.pages, "full", platform.operation(resource, "read"))
        expect_success(platform.as_role("full", create, document={**document, **own}))
        platform.remember(resource, slug)
        first = next((page for page in listed() if page.ok and shows(page, slug)), None)
        if first is None:
            continue
        if resource.update:
            update = platform.operation(resource, "update", slug)
            expect_success(platform.as_role("full", update))
            replaced = [own[name] for name in update.document or {} if name in own]
            _expect_no_more(platform, listed, replaced, first)
            _expect_modified(platform, first, replaced)
        if resource.delete:
            judged = True
            expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
            _expect_no_more(platform, listed, [slug], first)
    if not judged:
        raise NotApplicable("no list names an item that was created and can be deleted")


def _expect_modified(platform: Platform, first: Exchange, replaced: list[str]) -> None:
    """A page is not said to be as it was, where a text of it has been replaced and its ETag was a strong one."""
    etag, gone = first.headers.get("etag") or "", [text for text in replaced if shows(first, text)]
    if not gone or not etag.startswith('"'):
        return
    reply = platform.http.get(first.url, [bearer(platform.oauth.token("full")), ("If-None-Match", etag)])
    if reply.status == 304:
        expected = f"the list as it is, since {worded(gone[0])} of the one with ETag {etag} is no more"
        raise NonConformance(expected, "304", first, reply, proof=Proof(reply.id, statuses=(200,)))


def _still_showing(platform: Platform, listed: Listed, text: str) -> Exchange | None:
    """A page that shows a text seconds later, None where none does: it may be read from a copy."""
    showing: list[Exchange] = []

    def gone() -> bool:
        showing[:] = [page for page in listed() if shows(page, text)]
        return not showing

    return None if platform.soon(gone) else showing[0]


def _expect_no_more(platform: Platform, listed: Listed, texts: list[str], first: Exchange) -> None:
    for text in (each for each in texts if shows(first, each)):
        reply = _still_showing(platform, listed, text)
        if reply is not None:
            expected, proof = (
                f"a list without {worded(text)}",
                Proof(reply.id, lacks=text) if PLAIN.fullmatch(text) else None,
            )
            raise NonConformance(f"{expected}, which is no more", "a list with it", reply, proof=proof)
