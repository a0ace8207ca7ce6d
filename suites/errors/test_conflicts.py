"""A duplicate slug and a stale update are answered 409, in sequence and concurrently."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import Any

import pytest

from conformance.clients.concurrency import at_once
from conformance.oracles.documents import shows
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_status, expect_success
from conformance.sandbox.equivalent_requests import sent_in_equivalent_form
from conformance.sandbox.platform import HeaderFields, Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of, version_read
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

AT_ONCE = 6
ROUNDS = 3


def refusal(resource: Resource) -> set[int]:
    """Return the statuses of a lost update: 409; with If-Match also 412 (RFC 9110 section 13.1.1)."""
    return {409, 412} if resource.update and resource.update.concurrency == "If-Match" else {409}


@verifies("errors/409/duplicate-slug#sequential")
def test_duplicate_slug(platform: Platform) -> None:
    """Purpose: a name in use cannot be used for a second item.
    Method: 1. create an item, and another with its unique member and other text; 2. expect 409, and the first unchanged
    """
    for resource in platform.resources_with("create", "unique"):
        slug = platform.new_item(resource)
        operation = platform.operation(resource, "create", slug)
        before = platform.state(operation)
        # The other text shows whether the item was overwritten.
        reply = platform.as_role("full", operation, document=operation.reworded("{} 2".format))
        expect_status(reply, 409, "for an existing slug")
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/409/slug-is-free-after-deletion")
def test_slug_is_free_after_deletion(platform: Platform) -> None:
    """Purpose: the name of a deleted item can be reused.
    Method: 1. create and delete an item, with Content-Length: 0; create another with its name
            2. expect 2xx, and 409 for one more if names are unique
    """
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        deletion = platform.operation(resource, "delete", slug)
        reply = platform.as_role("full", deletion, [("Content-Length", "0")])
        expect_success(reply, "for a deletion with Content-Length: 0")
        again = platform.create(resource, slug)
        expect_success(again, "for the name of a deleted item")
        if resource.unique and again.status != 202:
            expect_status(platform.create(resource, slug), 409, "for a name that exists again")


@verifies("errors/409/duplicate-slug#concurrent")
def test_one_of_many_concurrent_creations_succeeds(platform: Platform) -> None:
    """Purpose: one of several concurrent creators of a name must own it.
    Method: 1. send six concurrent creations of one name with different texts, three times
            2. expect one 2xx and five 409, and the winner's text in the item
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
    """Return the declared body with a mark in each text."""
    return operation.reworded(f"{{}} mark-{number}-of-{AT_ONCE}".format)


def _sent_at_once(
    platform: Platform, operation: Operation, documents: list[dict[str, Any]], fields: HeaderFields = ()
) -> list[Exchange]:
    """Send the documents concurrently with two tokens in turn, since a lock may be per session."""
    tokens = _two_tokens(platform, operation)
    sent = zip(cycle(tokens), documents, strict=False)
    return at_once([partial(platform.send, operation, token, fields, document=each) for token, each in sent])


def _two_tokens(platform: Platform, operation: Operation) -> list[str]:
    """Return two tokens of the owner, or one if each new token revokes the previous one."""
    token, scopes = platform.oauth.token, tuple(filter(None, [operation.scope]))
    tokens = [token("full"), token("full", *scopes)]
    platform.made_once("two tokens", lambda: platform.send(platform.operations("read")[0], tokens[0]))
    if platform.oauth.single_active.found:
        tokens = [token("full", *scopes)]
    return tokens


def _the_one_winner(replies: list[Exchange], losers: set[int]) -> int:
    winners = [number for number, reply in enumerate(replies) if reply.ok]
    if len(winners) != 1:
        raise NonConformance("exactly one 2xx", f"the statuses {sorted(reply.status for reply in replies)}", *replies)
    for reply in replies:
        if not reply.ok:
            expect_status(reply, losers, "for all other requests")
    return winners[0]


def _expect_shown(
    platform: Platform, resource: Resource, slug: str, documents: list[dict[str, Any]], winner: int
) -> None:
    """Expect the item to contain the winner's mark and no other; nothing is judged if the body has no text."""
    reply = platform.as_role("full", platform.operation(resource, "read-item", slug))
    marks = {number: f"mark-{number}-of-{AT_ONCE}" for number in range(len(documents))}
    if not any(marks[0] in str(value) for value in documents[0].values()):
        return
    shown = [number for number, mark in marks.items() if shows(reply, mark)]
    if shown != [winner]:
        seen = f"the text of {' and '.join(map(str, shown))}" if shown else "the text of no request"
        raise NonConformance(f"the text of request {winner}, which got 2xx", seen, reply)


@verifies("errors/409/stale-version")
@pytest.mark.parametrize("form", [case("update", "as declared"), case("equivalent-update", "in an equivalent form")])
def test_stale_update(platform: Platform, form: str) -> None:
    """Purpose: a client that has not seen the last change must not overwrite it, in no form of the request.
    Method: 1. read an item's version; update it from that version with another token; update it from that version
               again, also with an encoded path and other forms of its fields
            2. expect 409 (412 for If-Match; no 2xx for the other form), and the first update unchanged
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        stale = version_of(platform, resource, slug)
        first, fields = update_from(platform, resource, slug, stale)
        token = _two_tokens(platform, first)[-1]
        reply = platform.send(first, token, fields)
        if form != "as declared" and not reply.ok:
            raise NotApplicable("an update of the current version is refused; another check reports that")
        expect_success(reply, "for an update from the current version by another token")
        second, fields = update_from(platform, resource, slug, stale)
        before = platform.state(second)
        if form == "as declared":
            reply = platform.as_role("full", second, fields)
            expect_status(reply, refusal(resource), "for an update from a stale version")
        else:
            reply = sent_in_equivalent_form(platform, second, fields)
            expect_no_success(reply, f"for an update from a stale version, {form}")
        expect_unchanged(before, platform.state(second), reply)


@verifies("errors/409/stale-version#concurrent-updates")
def test_one_of_many_concurrent_updates_succeeds(platform: Platform) -> None:
    """Purpose: of several concurrent updates of one version, only one may be accepted.
    Method: 1. read an item's version; send six concurrent updates from it with different texts, three times
            2. expect one 2xx and five 409 (412 for If-Match), and only the winner's text in the item
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        for _ in range(ROUNDS):
            operation, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
            documents = [_marked(operation, number) for number in range(AT_ONCE)]
            replies = _sent_at_once(platform, operation, documents, fields)
            winner = _the_one_winner(replies, refusal(resource))
            _expect_shown(platform, resource, slug, documents, winner)


@verifies("errors/409/version-changes-only-with-updates#update")
def test_version_changes_with_an_update(platform: Platform) -> None:
    """Purpose: a version that stays the same hides a conflict.
    Method: 1. read an item's version twice; update it (from the first version, if the two differ); expect 2xx
            2. expect another version afterwards
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        (_, before), (second, again) = (version_read(platform, resource, slug) for _ in range(2))
        if again == before:
            expect_success(platform.as_role("full", platform.operation(resource, "update", slug)))
        else:
            update, fields = update_from(platform, resource, slug, before)
            seen = f"for an update from the version {before} of an unchanged item"
            expect_success(platform.as_role("full", update, fields), seen)
        third, after = version_read(platform, resource, slug)
        if after == before:
            expected = "a different ETag after an update"
            raise NonConformance(expected, f"ETag {before} before and after the update", second, third)


@verifies("errors/409/stale-version#deletion")
def test_stale_delete(platform: Platform) -> None:
    """Purpose: a client that has not seen the last change must not delete it.
    Method: 1. read an item's ETag; update it; delete it with that ETag in If-Match; 2. expect 409 or 412, no deletion
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
        expect_status(reply, {409, 412}, "for a deletion of a stale version")
        expect_unchanged(before, platform.state(operation), reply)
