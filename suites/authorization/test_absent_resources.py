"""A resource that does not exist, or no longer exists, is answered 404, after the access check."""

from __future__ import annotations

import pytest

from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform, key_of
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotDeclared

item_kinds = [case(name, name) for name in ("read-item", "update", "delete")]


def scoped(platform: Platform, kind: str) -> list[Operation]:
    """Operations of a kind that need a scope; NotApplicable where none does."""
    found = [each for each in platform.operations(kind) if each.scope]
    if not found:
        raise NotDeclared(f"no declared {kind} needs a scope", f"{key_of(kind)}.scope")
    return found


@verifies("authorization/matrix/absent-is-404")
@pytest.mark.parametrize("kind", item_kinds)
def test_absent_is_404(platform: Platform, kind: str) -> None:
    """Purpose: what does not exist is told as such to who might see it.

    Method: 1. perform an operation of the owner on an item that never existed
            2. expect 404
    """
    for operation in platform.operations(kind):
        absent = platform.operation(operation.resource, kind, platform.names.new())
        expect_status(platform.as_role("full", absent), 404, f"for {absent}")


@verifies("authorization/matrix/declared-absent-is-404")
def test_declared_absent_is_404(platform: Platform) -> None:
    """Purpose: a path of a known kind for something that never existed is 404.

    Method: 1. read each declared absent path with the full token
            2. expect 404 (403 where it lies in another organization's part)
    """
    for resource in platform.resources_with("absent"):
        operation = platform.operation(resource, "read")
        reply = platform.as_role("full", operation, path=platform.absent_path(resource))
        expect_status(reply, {403, 404} if platform.target.organization not in str(resource.absent) else 404)


@verifies("authorization/matrix/deleted-is-404")
def test_deleted_is_404(platform: Platform) -> None:
    """Purpose: what was deleted is gone, for its owner too.

    Method: 1. create an item, read it, delete it
            2. expect 404 for reading and changing it, for deleting it again 404 or 2xx; and 404 for HEAD,
               where there is one
    """
    for resource in platform.resources_with("create", "item", "delete"):
        slug = platform.new_item(resource)
        expect_success(platform.as_role("full", platform.operation(resource, "read-item", slug)))
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        for kind in ("read-item", "update", "delete"):
            if kind != "update" or resource.update:
                again = platform.as_role("full", platform.operation(resource, kind, slug))
                permitted = {404, 200, 202, 204} if kind == "delete" else {404}
                expect_status(again, permitted, f"for {kind} after delete")
        read = platform.operation(resource, "read-item", slug)
        head = platform.send(read, platform.oauth.token("full"), method="HEAD")
        expect_status(head, {404, *NOT_OFFERED}, "for HEAD after delete")


@verifies("authorization/matrix/lacking-scope-comes-before-absence")
def test_lacking_scope_comes_before_absence(platform: Platform) -> None:
    """Purpose: who lacks the scope is told so, whether or not there is anything: else 404 would tell what exists.

    Method: 1. with a token that lacks the scope, read what never existed, of each kind and by each declared absent path
            2. expect 403; of an organization that is not the caller's own 404 too, since a scope says nothing there
    """
    for operation in scoped(platform, "read"):
        if operation.resource.absent or operation.resource.item:
            path = platform.absent_path(operation.resource)
            elsewhere = (organization := platform.target.organization) in operation.path and organization not in path
            reply = platform.send(operation, platform.oauth.token_without(str(operation.scope)), path=path)
            permitted = {403, 404} if elsewhere else {403}
            expect_status(reply, permitted, f"for an absent {operation.resource.name} without the scope")
