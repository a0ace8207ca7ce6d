"""What another organization stored, named in bodies that one's own token sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from conformance.oracles.documents import member
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.other_tenant import ForeignThing, ForeignThings
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

STORED = "what another organization stored"
MEMBERS = ("organization", "organization_id", "org", "owner", "tenant", "parent", "project", "id", "members")


def naming(platform: Platform, theirs: ForeignThings, thing: ForeignThing, name: str) -> Any:
    """What a member says to reach the other organization: its slug, a thing's, or its client beside our own."""
    own, client = (platform.oauth.credential(role).client_id for role in ("full", "foreign"))
    values = {"parent": thing.slug, "project": thing.slug, "id": thing.slug, "members": [own, client]}
    return values.get(name, client if name == "owner" else theirs.organization.organization)


def made_there(theirs: ForeignThings, kind: str) -> list[ForeignThing]:
    """What the run has made in the other organization, of resources that declare such an operation."""
    found = [each for each in theirs.things() if each.ours and getattr(each.resource, kind)]
    if not found:
        raise NotApplicable(f"the role foreign makes nothing of a resource that declares {kind}")
    return found


@contextmanager
def shut_again(platform: Platform, thing: ForeignThing, slug: str) -> Iterator[None]:
    """Has an item removed of which a finding is told: who was let in by it is let in no longer when others look."""
    try:
        yield
    except NonConformance:
        with suppress(Inconclusive):
            platform.as_role("full", platform.operation(thing.resource, "delete", slug))
        raise


@verifies("authorization/isolation/foreign-ids-in-bodies-reach-nothing")
@pytest.mark.parametrize("kind", [case("create", "create"), case("update", "update")])
def test_foreign_ids_in_bodies_reach_nothing(platform: Platform, theirs: ForeignThings, kind: str) -> None:
    """Purpose: a body that names another organization, its thing or its client neither writes there nor lets it in.

    Method: 1. as full, create an item, and change one, with one more member: organization, owner, parent, id …
            2. expect no 5xx and nothing of the other organization in the answer
            3. expect the role foreign to find its thing as before, and to read the item neither there nor here
    """
    for thing in made_there(theirs, kind):
        before = theirs.state(thing)
        item = platform.new_item(thing.resource)
        for name in MEMBERS:
            slug = platform.names.new() if kind == "create" else item
            operation = platform.operation(thing.resource, kind, slug)
            document = {**(operation.document or {}), name: naming(platform, theirs, thing, name)}
            reply = platform.as_role("full", operation, document=document)
            if kind == "create" and reply.ok:
                platform.remember(thing.resource, slug)
            expect_no_server_error(reply)
            expect_not_repeated(reply, theirs.canaries, STORED)
            with shut_again(platform, thing, slug):
                for path in (thing.path(slug), platform.operation(thing.resource, "read-item", slug).path):
                    told = f"to the role foreign after {name} was sent by full"
                    expect_status(theirs.seen(path), {403, 404}, told, or_refused=reply)
            expect_unchanged(before, theirs.state(thing), reply)


@verifies("authorization/isolation/creation-sets-nothing-else")
@pytest.mark.parametrize("name", [case("id-of-another", "id")])
def test_creation_takes_no_others_place(platform: Platform, name: str) -> None:
    """Purpose: a creation that brings the id of what is there replaces nothing: a name that is free makes a new thing.

    Method: 1. create an item, and read the id that it is shown with, if any; create another with that id in its body
            2. expect the first to be read as before, whether the second was refused or not
    """
    judged = False
    for resource in platform.resources_with("create", "item"):
        read = platform.operation(resource, "read-item", slug := platform.new_item(resource))
        told = member(platform.as_role("full", read), name)
        if not isinstance(told, str | int) or told == slug:
            continue
        judged, before = True, platform.state(read)
        create = platform.operation(resource, "create", other := platform.names.new())
        reply = platform.as_role("full", create, document={**(create.document or {}), name: told})
        if reply.ok:
            platform.remember(resource, other)
        expect_unchanged(before, platform.state(read), reply)
    if not judged:
        raise NotApplicable(f"no item is shown with an {name}")
