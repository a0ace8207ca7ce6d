"""Others are left alone: a change is made to the item that is named, whatever it says of another."""

from __future__ import annotations

from conformance.oracles.documents import member
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded


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
