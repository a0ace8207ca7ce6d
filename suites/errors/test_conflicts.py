"""A duplicate slug and a stale update are answered 409, one after another and concurrently."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import Any

import pytest

from conformance.clients.concurrency import at_once
from conformance.oracles.documents import shows
from conformance.oracles.proofs import another_field
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_status, expect_success, listed, unlike
from conformance.sandbox.equivalent_requests import said_otherwise
from conformance.sandbox.platform import HeaderFields, Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of, version_read
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

AT_ONCE = 6
ROUNDS = 3


def refusal(resource: Resource) -> set[int]:
    """What a lost update is answered: 409; 412 is HTTP's own word for a failed If-Match (RFC 9110 section 13.1.1)."""
    return {409, 412} if resource.update and resource.update.concurrency == "If-Match" else {409}


@verifies("errors/409/duplicate-slug")
def test_duplicate_slug(platform: Platform) -> None:
    """Purpose: a name that is taken is not given away again.

    Method: 1. create an item; create another of the same unique member
            2. expect 409, and the owner, where the items of the resource can be read, to find the first as it was
    """
    for resource in platform.resources_with("create", "unique"):
        slug = platform.new_item(resource)
        operation = platform.operation(resource, "create", slug)
        before = platform.state(operation)
        # So that an overwritten item would show.
        reply = platform.as_role("full", operation, document=operation.reworded("{} 2".format))
        expect_status(reply, 409, "for a slug that is taken")
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/409/slug-is-free-after-deletion")
def test_slug_can_be_made_again_after_a_refusal(platform: Platform) -> None:
    """Purpose: a conflict ends with its cause.

    Method: 1. create an item and delete it, saying as some clients do that there is no content; create one of the same
               name, and, where names are unique, one more
            2. expect 2xx, and 409 for that one
    """
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        deletion = platform.operation(resource, "delete", slug)
        reply = platform.as_role("full", deletion, [("Content-Length", "0")])
        expect_success(reply, "for a deletion with Content-Length: 0")
        again = platform.create(resource, slug)
        expect_success(again, "for a name that is free again")
        if resource.unique and again.status != 202:
            expect_status(platform.create(resource, slug), 409, "for a name that is taken again")


@verifies("errors/409/one-of-many-creators-wins")
def test_one_of_many_creators_wins(platform: Platform) -> None:
    """Purpose: of those who create one name at one moment exactly one does.

    Method: 1. send six creates of one unique member at once, each with a text of its own; three times over
            2. expect one 2xx and five 409, and the owner to read the winner's text
    """
    for resource in platform.resources_with("create", "item", "unique"):
        for _ in range(ROUNDS):
            slug = platform.names.new()
            operation = platform.operation(resource, "create", slug)
            documents = [_marked(operation, number) for number in range(AT_ONCE)]
            replies = _sent_at_once(platform, operation, documents)
            platform.remember(resource, slug)
            winner = _the_one_winner(replies, {409})
            _expect_shown(platform, resource, slug, documents, winner)


def _marked(operation: Operation, number: int) -> dict[str, Any]:
    """The declared body with a mark in each text."""
    return operation.reworded(f"{{}} mark-{number}-of-{AT_ONCE}".format)


def _sent_at_once(
    platform: Platform, operation: Operation, documents: list[dict[str, Any]], fields: HeaderFields = ()
) -> list[Exchange]:
    """Each document sent at one moment, with two tokens by turns: what locks by session keeps only one's own apart."""
    tokens = _two_tokens(platform, operation)
    sent = zip(cycle(tokens), documents, strict=False)
    return at_once([partial(platform.send, operation, token, fields, document=each) for token, each in sent])


def _two_tokens(platform: Platform, operation: Operation) -> list[str]:
    """Two tokens of the owner's; one alone where a further one ends those before it."""
    ask, scopes = platform.oauth.token, tuple(filter(None, [operation.scope]))
    tokens = [ask("full"), ask("full", *scopes)]
    platform.made_once("two tokens", lambda: platform.send(platform.operations("read")[0], tokens[0]))
    if platform.oauth.one_each.found:
        tokens = [ask("full", *scopes)]
    return tokens


def _the_one_winner(replies: list[Exchange], losers: set[int]) -> int:
    winners = [number for number, reply in enumerate(replies) if reply.ok]
    if len(winners) != 1:
        raise NonConformance(
            "exactly one 2xx", f"{len(winners)}, of {sorted(reply.status for reply in replies)}", *replies
        )
    for reply in replies:
        if not reply.ok and reply.status not in losers:
            # Asked alone, as a script asks, it would come first.
            raise unlike(f"{listed(losers)} for those who came too late", reply, losers | set(range(200, 300)))
    return winners[0]


def _expect_shown(
    platform: Platform, resource: Resource, slug: str, documents: list[dict[str, Any]], winner: int
) -> None:
    """The owner reads the winner's text and no loser's; nothing is judged where the body carries no text."""
    reply = platform.as_role("full", platform.operation(resource, "read-item", slug))
    marks = {number: f"mark-{number}-of-{AT_ONCE}" for number in range(len(documents))}
    if not any(marks[0] in str(value) for value in documents[0].values()):
        return
    shown = [number for number, mark in marks.items() if shows(reply, mark)]
    if shown != [winner]:
        told = f"what {' and '.join(map(str, shown))} wrote" if shown else "what none of them wrote"
        raise NonConformance(f"what number {winner}, who was answered 2xx, wrote", told, reply)


@verifies("errors/409/stale-update")
def test_stale_update(platform: Platform) -> None:
    """Purpose: who has not seen the last change does not undo it.

    Method: 1. read an item's version; update it from that, by another token; and again from the version read first
            2. expect 409 (412 for If-Match), and the owner to find the first update
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        stale = version_of(platform, resource, slug)
        first, fields = update_from(platform, resource, slug, stale)
        token = _two_tokens(platform, first)[-1]
        expect_success(platform.send(first, token, fields), "for an update from the present version, by another token")
        second, fields = update_from(platform, resource, slug, stale)
        before = platform.state(second)
        reply = platform.as_role("full", second, fields)
        expect_status(reply, refusal(resource), "for an update from a version that is no longer")
        expect_unchanged(before, platform.state(second), reply)


@verifies("errors/409/one-of-many-updaters-wins")
def test_one_of_many_updaters_wins(platform: Platform) -> None:
    """Purpose: of those who update from one version at one moment exactly one does, and no loser's write is anywhere.

    Method: 1. read an item's version; send six updates from it at once, each with a text of its own; three times over
            2. expect one 2xx and five 409 (412 for If-Match), and the owner to read the winner's text alone
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        for _ in range(ROUNDS):
            operation, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
            documents = [_marked(operation, number) for number in range(AT_ONCE)]
            replies = _sent_at_once(platform, operation, documents, fields)
            winner = _the_one_winner(replies, refusal(resource))
            _expect_shown(platform, resource, slug, documents, winner)


@verifies("errors/409/version-changes-with-an-update")
def test_version_changes_with_an_update(platform: Platform) -> None:
    """Purpose: a version names one state, or no conflict could be told.

    Method: 1. read an item's version; update it; read it again
            2. expect another version
            3. where two reads one behind the other tell two, though nothing was changed in between, expect the update
               to be made on condition of the first: to read an item is no concurrent update
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        (_, before), (second, again) = (version_read(platform, resource, slug) for _ in range(2))
        if again == before:
            expect_success(platform.as_role("full", platform.operation(resource, "update", slug)))
        else:
            update, fields = update_from(platform, resource, slug, before)
            told = f"for an update from the version {before} of an item that nobody changed"
            expect_success(platform.as_role("full", update, fields), told)
        third, after = version_read(platform, resource, slug)
        if after == before:
            expected = "another version (ETag) of an item after an update"
            proof = another_field(second, third, "etag") if "etag" in third.headers else None
            raise NonConformance(expected, f"{before} before it and behind it", second, third, proof=proof)


@verifies("errors/409/stale-delete")
def test_stale_delete(platform: Platform) -> None:
    """Purpose: who has not seen the last change does not delete it.

    Method: 1. read an item's ETag; update the item; delete it on condition of the ETag read first
            2. expect 409 or 412, and the owner to find the item as it was
    """
    for resource in conditional(platform):
        if not resource.delete or not resource.update or resource.update.concurrency != "If-Match":
            continue
        slug = platform.new_item(resource)
        stale = version_of(platform, resource, slug)
        expect_success(platform.as_role("full", platform.operation(resource, "update", slug)))
        operation = platform.operation(resource, "delete", slug)
        before = platform.state(operation)
        reply = platform.as_role("full", operation, [("If-Match", str(stale))])
        expect_status(reply, {409, 412}, "for a delete of a version that is no longer")
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/409/stale-update")
@pytest.mark.parametrize("how", [case("said-otherwise", "in other words")])
def test_stale_update_is_stale_however_it_is_said(platform: Platform, how: str) -> None:
    """Purpose: nor is a change undone by who writes the same path, type and fields in another way.

    Method: 1. read an item's version and update it from that; go on where that is 2xx
            2. update it again from the version read first, with a letter of its name encoded, a charset behind the type
               and a blank in Accept
            3. expect no 2xx, and the owner to find the first update
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        stale = version_of(platform, resource, slug)
        first, fields = update_from(platform, resource, slug, stale)
        if not platform.as_role("full", first, fields).ok:
            raise NotApplicable("an update from the present version is refused, which is a finding of its own")
        second, fields = update_from(platform, resource, slug, stale)
        before = platform.state(second)
        reply = said_otherwise(platform, second, fields)
        expect_no_success(reply, f"for an update from a version that is no longer, {how}")
        expect_unchanged(before, platform.state(second), reply)
