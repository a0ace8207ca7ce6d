"""Concurrent requests get their own responses and all take effect, and a write changes no other item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from conformance.clients.concurrency import at_once
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import distinct_texts, member, shows
from conformance.oracles.linearizability import expect_not_mixed_up
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

AT_ONCE = 6
ROUNDS = 3
A_SECOND = 1.1


@verifies("errors/writes/affect-only-the-named-item#concurrent")
def test_concurrent_writes_are_all_stored(platform: Platform) -> None:
    """Purpose: concurrent writes to different items must not undo each other.
    Method: 1. create six items concurrently; update all of them concurrently with different texts
            2. expect 2xx for each, and each item to have its own text
    """
    for resource in platform.resources_with("create", "item", "unique"):
        slugs = [platform.names.new() for _ in range(AT_ONCE)]
        for kind in ("create", "update") if resource.update else ("create",):
            operations = [platform.operation(resource, kind, slug) for slug in slugs]
            replies = at_once([partial(platform.as_role, "full", each) for each in operations])
            for slug in slugs if kind == "create" else ():
                platform.remember(resource, slug)
            for operation, reply in zip(operations, replies, strict=True):
                expect_success(reply, f"for {operation}, concurrently with others")
                _expect_read(platform, operation, reply)


def _expect_read(platform: Platform, operation: Operation, written: Exchange) -> None:
    slug = platform.slug_of(operation)
    reply = platform.as_role("full", platform.operation(operation.resource, "read-item", slug))
    expect_success(reply, f"for the item that {operation} wrote")
    for text in distinct_texts(operation.document).values():
        if not shows(reply, text):
            raise NonConformance(f"{worded(text)}, as written", reply.text[:300], written, reply)


BATCHES, BATCH = 14, 6
"""84 deletions and 168 reads: enough to meet a fault in one of 40. Batches keep below quotas."""


@dataclass(frozen=True)
class Overlapping:
    """The responses to overlapping requests for items of one resource, each with its slug."""

    resource: Resource
    reads: list[tuple[str, Exchange]]
    deletions: list[tuple[str, Exchange]]
    later_reads: list[tuple[str, Exchange]]


def overlapping(platform: Platform) -> list[Overlapping]:
    """Create, read (twice each), delete and read again six items at once, fourteen times for each resource."""
    found = list[Overlapping]()
    for resource in platform.resources_with("create", "item", "unique", "delete"):
        for _ in range(BATCHES):
            made = _created(platform, resource, [platform.names.new() for _ in range(BATCH)])
            slugs = [slug for slug, reply in made if reply.ok and reply.status != 202]
            reads, deletions = (
                _each(platform, resource, *sent) for sent in (("read-item", slugs * 2), ("delete", slugs))
            )
            later = _read_deleted(platform, resource, [slug for slug, reply in deletions if reply.status in (200, 204)])
            found.append(Overlapping(resource, reads, deletions, later))
            absent = {slug for slug, reply in later if reply.status == 404}
            if rest := [slug for slug in slugs if slug not in absent]:
                for slug in rest:
                    platform.remember(resource, slug)
                break
    return found


def _each(platform: Platform, resource: Resource, kind: str, slugs: list[str]) -> list[tuple[str, Exchange]]:
    """Perform an operation on each item, all at once."""
    operations = [platform.operation(resource, kind, slug) for slug in slugs]
    replies = at_once([partial(platform.as_role, "full", operation) for operation in operations])
    return list(zip(slugs, replies, strict=True))


def _created(platform: Platform, resource: Resource, slugs: list[str]) -> list[tuple[str, Exchange]]:
    """Create items at once; if one cannot be created (a quota), have the others removed."""
    try:
        return _each(platform, resource, "create", slugs)
    except Inconclusive:
        for slug in slugs:
            platform.remember(resource, slug)
        raise


def _read_deleted(platform: Platform, resource: Resource, slugs: list[str]) -> list[tuple[str, Exchange]]:
    """Read deleted items, for some seconds until each is 404; return the last response for each."""
    found = dict(_each(platform, resource, "read-item", slugs))

    def all_absent() -> bool:
        rest = [slug for slug, reply in found.items() if reply.status != 404]
        found.update(_each(platform, resource, "read-item", rest))
        return not rest

    platform.soon(all_absent)
    return list(found.items())


@verifies("errors/reads/responses-are-not-mixed-up")
@sends_up_to(600)
def test_responses_are_not_mixed_up(platform: Platform, once: Once) -> None:
    """Purpose: a client must not get the response to another client's request.
    Method: 1. create six items and read each twice, all at once; fourteen times
            2. expect 2xx for each read, and the item that was requested in it
    """
    for batch in once("overlapping requests", lambda: overlapping(platform)):
        unique = str(batch.resource.unique)
        members = {slug: f"{unique} {worded(slug)}" for slug, _ in batch.reads}
        for slug, reply in batch.reads:
            expect_success(reply, f"for {unique} {slug}, which exists, while other items are read")
            expect_not_mixed_up(reply, members[slug], f"{unique} {worded(member(reply, unique))}", members.values())


@verifies("errors/writes/acknowledged-deletions-are-done")
@sends_up_to(600)
def test_acknowledged_deletions_are_done(platform: Platform, once: Once) -> None:
    """Purpose: a client relies on the response that an item was deleted.
    Method: 1. create six items, delete all at once; fourteen times; 2. after each 200 or 204 expect 404 within seconds
    """
    for batch in once("overlapping requests", lambda: overlapping(platform)):
        answers = dict(batch.deletions)
        for slug, reply in batch.later_reads:
            if reply.status != 404:
                expected = f"404 for {slug}, whose deletion was answered {answers[slug].status}"
                seen = f"{observed(reply)}: an acknowledged deletion was not done"
                raise NonConformance(expected, seen, answers[slug], reply)


Race = tuple[list[Exchange], Exchange]


def races(platform: Platform) -> list[Race]:
    """Return, three times, the responses to three updates and a deletion at once, and to a later read."""
    found = []
    for resource in platform.resources_with("create", "item", "update", "delete"):
        for _ in range(ROUNDS):
            slug = platform.new_item(resource)
            operations = [platform.operation(resource, kind, slug) for kind in ("update", "delete", "update", "update")]
            replies = at_once([partial(platform.as_role, "full", each) for each in operations])
            found.append((replies, platform.as_role("full", platform.operation(resource, "read-item", slug))))
    return found


@verifies("errors/writes/deletion-is-final#concurrent-update")
def test_concurrent_update_restores_no_deleted_item(platform: Platform, once: Once) -> None:
    """Purpose: a concurrent update must not restore a deleted item.
    Method: 1. delete an item and update it three times concurrently, three times
            2. if the deletion is answered 200 or 204, expect 404 for a later read
    """
    judged = False
    for replies, read in once("races", lambda: races(platform)):
        if replies[1].status in (200, 204):  # 202 announces a later deletion.
            judged = True
            expect_status(read, 404, "for an item that was deleted during updates")
    if not judged:
        raise NotApplicable("no deletion succeeded during updates")


@verifies("errors/writes/deletion-is-final#recreated-item")
def test_recreated_item_is_not_deleted(platform: Platform) -> None:
    """Purpose: a delayed part of a deletion must not delete a new item with the same name.
    Method: 1. of each resource create an item, delete it, create another with its name; 2. a second later expect each
    """
    reads = []
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        deleted = platform.as_role("full", platform.operation(resource, "delete", slug)).status in (200, 204)
        if deleted and platform.create(resource, slug).ok:
            reads.append(platform.operation(resource, "read-item", slug))
    if not reads:
        raise NotApplicable("no name can be reused after a deletion")
    platform.http.recorder.pause(A_SECOND)
    for read in reads:
        expect_success(platform.as_role("full", read), f"for {read}, which was created again a second ago")


@verifies("errors/5xx/valid-requests-never-fail#concurrent-changes")
def test_concurrent_changes_are_no_server_error(platform: Platform, once: Once) -> None:
    """Purpose: a client that changes a just deleted item must not get a server error.
    Method: 1. delete and update an item concurrently, three times; delete another four times at once; 2. expect no 5xx
    """
    raced = [reply for replies, _ in once("races", lambda: races(platform)) for reply in replies]
    resource = platform.resources_with("create", "item", "update", "delete")[0]
    deletion = platform.operation(resource, "delete", platform.new_item(resource))
    raced += at_once([partial(platform.as_role, "full", deletion)] * 4)
    for reply in raced:
        expect_no_server_error(reply, "for an item that is changed and deleted concurrently")


@verifies("errors/writes/affect-only-the-named-item#sequential")
def test_writes_change_no_other_item(platform: Platform) -> None:
    """Purpose: a write must not change other items, or members that it does not name.
    Method: 1. create three items, one of whose names is a prefix of another's; update and delete that one
            2. update it also with the unique member of another item
            3. expect the others unchanged, and after PATCH the members that the update does not name
    """
    for resource in platform.resources_with("create", "item"):
        slug = platform.new_item(resource)
        others = [
            platform.operation(resource, "read-item", each) for each in (f"{slug}-2", platform.new_item(resource))
        ]
        expect_success(platform.create(resource, f"{slug}-2"), "for an item whose name extends another's")
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
                _expect_other_members_unchanged(platform, operation, first)
            if kind == "update" and resource.unique:
                # It may be refused or ignored.
                conflicting = {**(operation.document or {}), resource.unique: platform.slug_of(others[0])}
                reply = platform.as_role("full", operation, document=conflicting)
                expect_unchanged(before[0], platform.state(others[0]), reply)
        if resource.delete:
            expect_status(platform.as_role("full", read), 404, "for a deleted item whose name is a prefix of another's")


def _expect_other_members_unchanged(platform: Platform, update: Operation, before: Exchange) -> None:
    """Expect the members that the creation set and the update did not name to be unchanged."""
    create = update.resource.create
    again = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    for name in (create.body if create else {}).keys() - (update.document or {}).keys():
        if member(again, name) != member(before, name):
            expected, observed = f"{name} {worded(member(before, name))}, unchanged", worded(member(again, name))
            raise NonConformance(expected, observed, before, again)
