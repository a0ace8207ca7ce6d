"""Request bodies set no protected member and refer to nothing of another organization."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from conformance.oracles.documents import member
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status
from conformance.sandbox.other_tenant import ForeignItem, ForeignItems
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

PROTECTED = {
    "organization": "cf-other", "organization_id": "cf-other", "org": "cf-other", "owner": "cf-other",
    "id": "cf-other", "role": "owner", "scopes": ["organization:write"],
    "status": "revoked", "created": "1970-01-01T00:00:00Z", "slug": "",
}  # fmt: skip


@verifies("authorization/isolation/writes-set-no-protected-member")
@pytest.mark.parametrize("name", [case(name.replace("_", "-"), name) for name in PROTECTED])
def test_writes_set_no_protected_member(platform: Platform, name: str) -> None:
    """Purpose: a caller must not change the owner or the organization of an item by a member of the body.

    Method: 1. read an item; send the declared update with one more member: organization, id, role …
            2. read it again: expect that member unchanged, or the item by its new slug
    """
    for operation in platform.operations("update"):
        resource, renames = operation.resource, name == operation.resource.unique
        if name in {**(operation.document or {}), **(resource.create.body if resource.create and not renames else {})}:
            continue
        # Other checks share the usual item and need its name.
        slug = platform.new_item(resource) if renames else platform.slug_of(operation)
        operation, read = (platform.operation(resource, kind, slug) for kind in ("update", "read-item"))
        before = member(platform.as_role("full", read), name)
        sent = platform.names.new() if name == "slug" else PROTECTED[name]
        reply = platform.as_role("full", operation, document={**(operation.document or {}), name: sent})
        if renames and reply.ok:
            platform.remember(resource, str(sent))
        again, moved = platform.as_role("full", read), platform.operation(resource, "read-item", str(sent))
        if renames and reply.ok and not again.ok and platform.as_role("full", moved).ok:
            continue
        expect_status(again, 200, "for the item afterwards")
        if member(again, name) != before:
            expected, seen = f"{name} {worded(before)}, as before", f"{name} {worded(member(again, name))}"
            raise NonConformance(expected, seen, reply, again)


@verifies("authorization/isolation/creation-sets-no-protected-member")
@pytest.mark.parametrize("name", ["organization", "owner", "version", "role", "id"])
def test_creation_sets_no_protected_member(platform: Platform, name: str) -> None:
    """Purpose: a caller must not choose the members of a new item that the server sets.

    Method: 1. create an item with one more member: organization, owner, version …
            2. expect a refusal, or an item without the value that was sent
    """
    sent = 4711 if name == "version" else "cf-other"
    for resource in platform.resources_with("create", "item"):
        operation = platform.operation(resource, "create", slug := platform.names.new())
        if name in (operation.document or {}):
            continue
        reply = platform.as_role("full", operation, document={**(operation.document or {}), name: sent})
        if reply.ok:
            platform.remember(resource, slug)
            again = platform.as_role("full", platform.operation(resource, "read-item", slug))
            if member(again, name) == sent:
                expected, seen = f"no {name} of the caller's choice", f"{name} {worded(sent)}"
                raise NonConformance(expected, seen, reply, again)


@verifies("authorization/isolation/creation-sets-no-protected-member#id-of-another")
def test_creation_replaces_no_other_item(platform: Platform) -> None:
    """Purpose: a creation with the id of an existing item must not replace that item.

    Method: 1. create an item and read its id, if it has one; create another with that id in its body
            2. expect the first to be unchanged, whether the second was refused or not
    """
    judged = False
    for resource in platform.resources_with("create", "item"):
        read = platform.operation(resource, "read-item", slug := platform.new_item(resource))
        known = member(platform.as_role("full", read), "id")
        if not isinstance(known, str | int) or known == slug:
            continue
        judged, before = True, platform.state(read)
        create = platform.operation(resource, "create", other := platform.names.new())
        reply = platform.as_role("full", create, document={**(create.document or {}), "id": known})
        if reply.ok:
            platform.remember(resource, other)
        expect_unchanged(before, platform.state(read), reply)
    if not judged:
        raise NotApplicable("no item is shown with an id")


@verifies("authorization/matrix/other-organization-is-refused#creation-naming-ours")
def test_creation_in_another_organization_is_refused(platform: Platform) -> None:
    """Purpose: a caller creates no items in another organization, not even by naming it in the body.

    Method: 1. create an item as the role foreign, also with the organization under test named in its body
            2. expect 4xx, and the owner to find no such item
    """
    for operation in platform.shut("create"):
        named = {**(operation.document or {}), "organization": platform.target.organization}
        before = platform.state(operation)
        for document in (operation.document, named):
            reply = platform.as_role("foreign", operation, document=document)
            expect_refused(reply)
            expect_unchanged(before, platform.state(operation), reply)


MEMBERS = ("organization", "organization_id", "org", "owner", "tenant", "parent", "project", "id", "members")


def reference(platform: Platform, theirs: ForeignItems, thing: ForeignItem, name: str) -> Any:
    """Return the value of a member that refers to the other organization, its thing or its client."""
    own, client = (platform.oauth.credential(role).client_id for role in ("full", "foreign"))
    values = {"parent": thing.slug, "project": thing.slug, "id": thing.slug, "members": [own, client], "owner": client}
    return values.get(name, theirs.organization.organization)


@contextmanager
def removed_on_finding(platform: Platform, thing: ForeignItem, slug: str) -> Iterator[None]:
    """Delete the item after a finding, so that a wrongly granted access does not affect later checks."""
    try:
        yield
    except NonConformance:
        with suppress(Inconclusive):
            platform.as_role("full", platform.operation(thing.resource, "delete", slug))
        raise


@verifies("authorization/isolation/references-in-bodies-reach-nothing")
@pytest.mark.parametrize("kind", ["create", "update"])
def test_references_in_bodies_reach_nothing(platform: Platform, theirs: ForeignItems, kind: str) -> None:
    """Purpose: a body that names another organization must neither write there nor give it access here.

    Method: 1. as full, create an item, and change one, with one more member: organization, owner, parent, id …
            2. expect no 5xx and nothing of the other organization in the response
            3. expect the role foreign to find its thing unchanged, and the item neither there nor here
    """
    things = [each for each in theirs.items() if each.ours and getattr(each.resource, kind)]
    if not things:
        raise NotApplicable(f"the role foreign can create no item of a resource that declares {kind}")
    for thing in things:
        before = theirs.state(thing)
        item = platform.new_item(thing.resource)
        for name in MEMBERS:
            slug = platform.names.new() if kind == "create" else item
            operation = platform.operation(thing.resource, kind, slug)
            document = {**(operation.document or {}), name: reference(platform, theirs, thing, name)}
            reply = platform.as_role("full", operation, document=document)
            if kind == "create" and reply.ok:
                platform.remember(thing.resource, slug)
            expect_no_server_error(reply)
            expect_not_repeated(reply, theirs.canaries, "another organization's data")
            with removed_on_finding(platform, thing, slug):
                for path in (thing.path(slug), platform.operation(thing.resource, "read-item", slug).path):
                    reason = f"to the role foreign after {name} was sent by full"
                    expect_status(theirs.read(path), {403, 404}, reason)
            expect_unchanged(before, theirs.state(thing), reply)
