"""Project membership restricts access and never extends it."""

from __future__ import annotations

from typing import Any

from conformance.oracles.concealment import expect_not_named
from conformance.oracles.documents import shows
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.proofs import among
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.concealed_resources import HiddenThings, hiding
from conformance.sandbox.platform import Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared


@verifies("authorization/matrix/project-membership-narrows")
def test_project_membership_narrows(platform: Platform) -> None:
    """Purpose: what is visible to some members only is hidden from the others of the same organization.

    Method: 1. read each resource that is concealed from the role outsider, as full: 2xx
            2. read it as outsider
            3. expect 404, or 403
    """
    concealed = [each for each in platform.resources if "outsider" in each.concealed_from]
    if not concealed:
        raise NotDeclared(
            "no resource is declared concealed from the role outsider", "identity.resources.concealed_from"
        )
    for resource in concealed:
        operation = platform.operation(resource, "read")
        control = platform.as_role("full", operation)
        if not control.ok:
            raise Inconclusive(
                f"{operation} is answered {control.status} to its owner", "a resource that full may read"
            )
        expect_status(platform.as_role("outsider", operation), {403, 404}, f"for {operation} as outsider")


@verifies("authorization/concealment/hiding-hides-at-once")
def test_hiding_hides_at_once(platform: Platform) -> None:
    """Purpose: who was shown something is not shown it on, once it is hidden.

    Method: 1. create an item that all see; have each role from which items can be hidden read it: 2xx
            2. hide it by an update with the members that hide a new one, where an update takes them
            3. expect 404 or 403 for that role, no list to name it, and the owner to read it
            4. update it by the declared update alone, which says nothing of who sees it: expect it to be hidden still,
               but by PUT, which replaces what is not said too (RFC 9110 section 9.3.4)
    """
    judged = False
    for resource, role in hiding(platform):
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        update = platform.operation(resource, "update", slug) if resource.update else None
        if update is None or not platform.as_role(role, read).ok:
            continue
        platform.as_role(role, platform.operation(resource, "read"))
        document = {**(update.document or {}), **((resource.item.hidden_body if resource.item else None) or {})}
        if not platform.as_role("full", update, document=document).ok:
            continue
        judged = True
        expect_status(platform.as_role(role, read), {403, 404}, f"for {read} as {role}, from whom it was hidden")
        for page in platform.pages(role, platform.operation(resource, "read")):
            expect_not_named(page, slug)
        expect_success(platform.as_role("full", read), "for the owner of what was hidden")
        if update.method != "PUT" and platform.as_role("full", platform.operation(resource, "update", slug)).ok:
            expect_status(platform.as_role(role, read), {403, 404}, f"for {read} as {role}, behind another update")
    if not judged:
        raise NotApplicable("no update takes the members that hide an item")


@verifies("authorization/concealment/hidden-is-its-members-own")
def test_hidden_is_its_members_own(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: what is hidden from others is not lost to those who have access to it.

    Method: 1. as full, create a hidden item, and one that all see
            2. expect the list, where it is whole and names the one, to name the other
            3. update the hidden one and delete it, where that is declared: 2xx
    """
    for resource in dict.fromkeys(resource.name for resource, _ in hiding(platform)):
        declared = next(each for each in platform.resources if each.name == resource)
        slug, seen = hidden.new_item(declared), platform.new_item(declared)
        listed = platform.as_role("full", platform.operation(declared, "read"))
        if is_whole(listed) and named(listed, seen) and not named(listed, slug):
            told, proof = f"a list that names {slug}, as it does {seen}", among([listed], slug)
            raise NonConformance(told, "a list without it", listed, proof=proof)
        for kind in ("update", "delete"):
            if getattr(declared, kind):
                operation = platform.operation(declared, kind, slug)
                expect_success(platform.as_role("full", operation), f"for {operation} by who has access to it")


def named(listed: Exchange, slug: str) -> bool:
    """Whether a list names an item."""
    return f'"{slug}"' in listed.text


def is_whole(listed: Exchange) -> bool:
    """Whether an answer is a list of which nothing is left for another page: it has as many entries as its total."""
    document = listed.members() if listed.ok and "json" in listed.media_type else {}
    lists = [value for value in document.values() if isinstance(value, list)]
    return len(lists) == 1 and document.get("total", document.get("count")) == len(lists[0])


@verifies("authorization/concealment/creation-replaces-nothing-hidden")
def test_creation_replaces_nothing_hidden(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: who may not see a thing does not write over it by creating one of its name.

    Method: 1. have the owner create a hidden item; create one of the same name as a role from which it is hidden
            2. expect no 5xx, nothing of the hidden item in the answer, and the owner to find it as before
    """
    for resource, role in hiding(platform):
        slug = hidden.new_item(resource)
        create = platform.operation(resource, "create", slug)
        before = platform.state(create)
        text = f"cf text of {role}"
        reply = platform.as_role(role, create, document=create.reworded(text.format))
        expect_no_server_error(reply)
        if not shows(reply, text):
            expect_not_repeated(reply, [f"text of {slug}"], "what is hidden")
        expect_unchanged(before, platform.state(create), reply)


@verifies("authorization/concealment/name-hides-for-itself")
def test_name_hides_for_itself(platform: Platform) -> None:
    """Purpose: who sees a thing is told by its own members, and not by those of one that had its name before.

    Method: 1. create an item that all see; have each role from which items can be hidden read it: 2xx; delete it
            2. create one of the same name that is hidden: expect 404 or 403 for that role; delete it
            3. create one of the same name that all see: expect 2xx for that role
    """
    judged = False
    for resource, role in hiding(platform):
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        if not resource.delete or not platform.as_role(role, read).ok:
            continue
        hidden_body = resource.item.hidden_body if resource.item else None
        for members, wanted in ((hidden_body, {403, 404}), (None, range(200, 300))):
            platform.as_role("full", platform.operation(resource, "delete", slug))
            if not platform.create(resource, slug, members=members).ok:
                break  # A name may be given once and never again.
            judged = True
            told = "hidden" if members else "seen by all"
            expect_status(platform.as_role(role, read), wanted, f"for {read} as {role}, made again and {told}")
    if not judged:
        raise NotApplicable("no name is given again that an item had which a role sees")


@verifies("authorization/permissions/membership-grants-no-right")
def test_membership_grants_no_right(platform: Platform) -> None:
    """Purpose: who is made a member of a thing sees it, and may do no more with it than its role permits.

    Method: 1. where members that hide an item name the client of full, create one that names beside it the client of a
               role to which changes are forbidden; go on where that role reads it
            2. have that role update and delete it: expect 403 or 404, and the owner to find it as before
    """
    judged = False
    for resource in {each.name: each for each, _ in hiding(platform)}.values():
        for kind, role in _forbidden(platform, resource):
            slug, own = platform.names.new(), [platform.oauth.credential(each).client_id for each in ("full", role)]
            members = _with_both_clients(resource.item.hidden_body if resource.item else None, *own)
            if members is None or not platform.create(resource, slug, members=members).ok:
                continue
            if not platform.as_role(role, platform.operation(resource, "read-item", slug)).ok:
                continue
            judged, change = True, platform.operation(resource, kind, slug)
            before = platform.state(change)
            reply = platform.as_role(role, change)
            expect_status(reply, {403, 404}, f"for {change} as {role}, which is a member of it")
            expect_unchanged(before, platform.state(change), reply)
    if not judged:
        raise NotApplicable("no item can be made that names a role as its member to which changes are forbidden")


def _forbidden(platform: Platform, resource: Resource) -> list[tuple[str, str]]:
    """Changes of an item, with a role each to which they are forbidden."""
    declared = {"update": resource.update, "delete": resource.delete}
    every = [(kind, role) for kind, each in declared.items() for role in (each.forbidden_to if each else ())]
    return [(kind, role) for kind, role in every if platform.oauth.has(role)]


def _with_both_clients(members: dict[str, Any] | None, own: str, other: str) -> dict[str, Any] | None:
    """Return the members with both clients in each list that names the own one; None without such a list."""
    found = {name: [*each, other] for name, each in (members or {}).items() if isinstance(each, list) and own in each}
    return {**(members or {}), **found} if found else None


@verifies("authorization/concealment/no-members-are-everybody")
def test_no_members_are_everybody(platform: Platform) -> None:
    """Purpose: what names no members is open to its organization, also where it says so with an empty list.

    Method: 1. where members that hide an item are a list with the client of full, create one with that list empty
            2. where that is accepted, expect 2xx for the owner, and for each role from which items can be hidden
    """
    judged, own = False, platform.oauth.credential("full").client_id
    for resource, role in hiding(platform):
        hidden_body, slug = (resource.item and resource.item.hidden_body) or {}, platform.names.new()
        lists = sorted(name for name, each in hidden_body.items() if isinstance(each, list) and own in each)
        if not lists or not platform.create(resource, slug, members={name: [] for name in lists}).ok:
            continue
        judged = True
        for reader in ("full", role):
            reply = platform.as_role(reader, platform.operation(resource, "read-item", slug))
            expect_success(reply, f"for {reader}, of an item whose {' and '.join(lists)} is an empty list")
    if not judged:
        raise NotApplicable("no list of members hides an item that may be empty")
