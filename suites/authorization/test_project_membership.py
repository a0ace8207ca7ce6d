"""Project membership restricts access and never extends it."""

from __future__ import annotations

from typing import Any

from conformance.oracles.concealment import expect_not_named
from conformance.oracles.documents import shows
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.concealed_resources import ConcealedResources, hiding
from conformance.sandbox.platform import Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

Members = dict[str, Any]


def hidden_members(resource: Resource) -> Members:
    """Return the members of a creation that hide the new item; none if the target file declares none."""
    return (resource.item and resource.item.hidden_body) or {}


@verifies("authorization/concealment/membership-decides-visibility#outsider")
def test_project_membership_restricts_access(platform: Platform) -> None:
    """Purpose: a project that only some members may see is hidden from the rest of the organization.

    Method: 1. read each resource that is concealed from outsider, as full: 2xx; 2. as outsider: expect 404, or 403
    """
    concealed = [each for each in platform.resources if "outsider" in each.concealed_from]
    if not concealed:
        reason = "no resource is declared concealed from the role outsider"
        raise NotDeclared(reason, "identity.resources.concealed_from")
    for resource in concealed:
        operation = platform.operation(resource, "read")
        control = platform.as_role("full", operation)
        if not control.ok:
            reason = f"{operation} is answered {control.status} to its owner"
            raise Inconclusive(reason, "a resource that full may read")
        expect_status(platform.as_role("outsider", operation), {403, 404}, f"for {operation} as outsider")


@verifies("authorization/concealment/membership-decides-visibility#after-hiding")
def test_hiding_takes_effect_immediately(platform: Platform) -> None:
    """Purpose: a member who loses access to an item must not see it any more.

    Method: 1. create a visible item and read it as each role from which items can be hidden: 2xx
            2. hide it by an update: expect 404 or 403 for that role 18 times, no list with it, 2xx for the owner
            3. send the declared update, which names no members: expect it still hidden (except after PUT)
    """
    judged = False
    for resource, role in hiding(platform):
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        update = platform.operation(resource, "update", slug) if resource.update else None
        if update is None or not platform.as_role(role, read).ok:
            continue
        platform.as_role(role, platform.operation(resource, "read"))
        document = {**(update.document or {}), **hidden_members(resource)}
        if not platform.as_role("full", update, document=document).ok:
            continue
        judged = True
        for reply in platform.on_each_replica(lambda replica, who=role, it=read: replica.as_role(who, it)):  # type: ignore[misc]
            expect_status(reply, {403, 404}, f"for {read} as {role}, from whom it was hidden, from any replica")
        for page in platform.pages(role, platform.operation(resource, "read")):
            expect_not_named(page, slug)
        expect_success(platform.as_role("full", read), "for the owner of the item that was hidden")
        if update.method != "PUT" and platform.as_role("full", platform.operation(resource, "update", slug)).ok:
            expect_status(platform.as_role(role, read), {403, 404}, f"for {read} as {role}, after another update")
    if not judged:
        raise NotApplicable("no update accepts the members that hide an item")


@verifies("authorization/concealment/membership-decides-visibility#for-members")
def test_members_can_use_hidden_items(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: an item that is hidden from others stays usable for its members.

    Method: 1. as full, create a hidden item and a visible one
            2. expect the list, if it is complete and names the visible one, to name the hidden one
            3. update the hidden item and delete it, where that is declared: expect 2xx
    """
    for resource in {each.name: each for each, _ in hiding(platform)}.values():
        slug, seen = hidden.new_item(resource), platform.new_item(resource)
        listed = platform.as_role("full", platform.operation(resource, "read"))
        document = listed.members() if listed.ok and "json" in listed.media_type else {}
        lists = [value for value in document.values() if isinstance(value, list)]
        complete = len(lists) == 1 and document.get("total", document.get("count")) == len(lists[0])
        if complete and f'"{seen}"' in listed.text and f'"{slug}"' not in listed.text:
            raise NonConformance(f"a list that names {slug}, as it does {seen}", f"a list without {slug}", listed)
        for kind in ("update", "delete"):
            if getattr(resource, kind):
                operation = platform.operation(resource, kind, slug)
                expect_success(platform.as_role("full", operation), f"for {operation} as a member")


@verifies("authorization/concealment/creation-replaces-nothing-hidden")
def test_creation_replaces_nothing_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a caller who may not see an item must not overwrite it by creating one of its name.

    Method: 1. create a hidden item; as a role from which it is hidden, create one of the same name
            2. expect no 5xx, nothing of the hidden item in the response, and the owner to find it unchanged
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


@verifies("authorization/concealment/membership-decides-visibility#of-a-reused-name")
def test_reused_name_has_its_own_members(platform: Platform) -> None:
    """Purpose: a new item's own members decide who sees it, not those of a deleted item with the same name.

    Method: 1. create a visible item; have each role from which items can be hidden read it: 2xx; delete it
            2. create a hidden one of the same name: expect 404 or 403 for that role; delete it
            3. create a visible one of the same name: expect 2xx for that role
    """
    judged = False
    for resource, role in hiding(platform):
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        if not resource.delete or not platform.as_role(role, read).ok:
            continue
        for members, statuses in ((hidden_members(resource), {403, 404}), ({}, range(200, 300))):
            platform.as_role("full", platform.operation(resource, "delete", slug))
            if not platform.create(resource, slug, members=members).ok:
                break  # A service need not accept a name twice.
            judged = True
            reason = f"for {read} as {role}, created again and {'hidden' if members else 'visible'}"
            expect_status(platform.as_role(role, read), statuses, reason)
    if not judged:
        raise NotApplicable("no name of a deleted item that a role could see is accepted again")


def forbidden_changes(platform: Platform) -> list[tuple[Resource, str, str]]:
    """Return resources whose items can be hidden, with each change of an item and a role that may not make it."""
    resources = {each.name: each for each, _ in hiding(platform)}.values()
    changes = [(each, kind, getattr(each, kind)) for each in resources for kind in ("update", "delete")]
    found = [(each, kind, role) for each, kind, change in changes for role in (change.forbidden_to if change else ())]
    return [each for each in found if platform.oauth.has(each[2])]


@verifies("authorization/permissions/membership-grants-no-right")
def test_membership_grants_no_right(platform: Platform) -> None:
    """Purpose: a member of a project may do no more with it than the organization role permits.

    Method: 1. where the members that hide an item name the client of full, create one that also names the client of a
               role to which changes are forbidden; continue if that role reads it
            2. update and delete it as that role: expect 403 or 404, and the owner to find it unchanged
    """
    judged = False
    for resource, kind, role in forbidden_changes(platform):
        slug, hidden = platform.names.new(), hidden_members(resource)
        own, other = (platform.oauth.credential(each).client_id for each in ("full", role))
        lists = {name: each for name, each in hidden.items() if isinstance(each, list) and own in each}
        members = {**hidden, **{name: [*each, other] for name, each in lists.items()}}
        if not lists or not platform.create(resource, slug, members=members).ok:
            continue
        if not platform.as_role(role, platform.operation(resource, "read-item", slug)).ok:
            continue
        judged, change = True, platform.operation(resource, kind, slug)
        before = platform.state(change)
        reply = platform.as_role(role, change)
        expect_status(reply, {403, 404}, f"for {change} as {role}, which is a member of it")
        expect_unchanged(before, platform.state(change), reply)
    if not judged:
        raise NotApplicable("no item can be created with a member whose role forbids changes")


@verifies("authorization/concealment/empty-member-list-is-open")
def test_empty_member_list_is_open(platform: Platform) -> None:
    """Purpose: an item with an empty list of members is open to the whole organization.

    Method: 1. where the members that hide an item are a list with the client of full, create one with an empty list
            2. if it is accepted, expect 2xx for the owner, and for each role from which items can be hidden
    """
    judged, own = False, platform.oauth.credential("full").client_id
    for resource, role in hiding(platform):
        slug, members = platform.names.new(), hidden_members(resource)
        lists = sorted(name for name, each in members.items() if isinstance(each, list) and own in each)
        if not lists or not platform.create(resource, slug, members={name: [] for name in lists}).ok:
            continue
        judged = True
        for reader in ("full", role):
            reply = platform.as_role(reader, platform.operation(resource, "read-item", slug))
            expect_success(reply, f"for {reader}, of an item whose {' and '.join(lists)} is an empty list")
    if not judged:
        raise NotApplicable("no item can be created with an empty list of members")
