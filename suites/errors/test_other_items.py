"""Others are left alone: a change is made to the item that is named, and its answer is of that item as it is then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.oracles.documents import expect_named, member, shows
from conformance.oracles.proofs import literal, shows_text
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
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


@pytest.mark.parametrize(
    "kind",
    [
        row("errors/writes/creations-are-answered-with-what-was-created", "create"),
        row("errors/writes/updates-are-answered-with-what-is-now", "update"),
    ],
)
def test_answers_are_of_what_was_done(platform: Platform, kind: str) -> None:
    """Purpose: who goes on with the item that a write is answered with has the one that was written, as it is now.

    Method: 1. create two items, with a text of its own in each member; update the second
            2. where the creation is answered with the unique member, expect the second one's; what 202 tells is of the
               creation itself
            3. where the update is answered with its members, expect none as it was before; 202 may show either
            4. read the item: of what was sent and is read so, expect no other value of the kind in the answer; of one
               that hides from others, too
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique", *([kind] if kind == "update" else [])):
        platform.item(resource)
        hidden = resource.item.hidden_body if resource.item else None
        for further in ({}, hidden) if hidden else ({},):
            slug = platform.names.new()
            create, own = _to_be_created(platform, resource, slug)
            made = platform.create(resource, slug, members=own | further)
            expect_success(made, f"for {create}")
            sent = (create.document or {}) | own | further
            if kind == "create":
                judged |= _of_the_created(made, str(resource.unique), str(platform.slug_of(create)))
                _expect_as_read(made, platform.as_role("full", platform.operation(resource, "read-item", slug)), sent)
            else:
                judged |= _of_the_update(platform, platform.operation(resource, "update", slug), own, sent)
    if not judged:
        raise NotApplicable(f"no {kind} is answered with the item")


def _to_be_created(platform: Platform, resource: Resource, slug: str) -> tuple[Operation, dict[str, str]]:
    """A creation, and its texts with the name of each in it."""
    create = platform.operation(resource, "create", slug)
    document = create.document or {}
    return create, {name: f"{document[name]} as {name}" for name in create.texts}


@verifies("errors/writes/creations-are-answered-with-what-was-created")
@pytest.mark.parametrize("of", [case("each-of-eleven", "eleven")])
def test_each_creation_is_answered_alike(platform: Platform, of: str) -> None:
    """Purpose: who goes on with such an answer may do so each time, whichever instance of the service has given it.

    Method: 1. create eleven items
            2. of each text that some answers to that show as it was sent, expect none to show another
    """
    judged = False
    for resource in platform.resources_with("create", "item"):
        made = platform.many_made(resource)
        for name in platform.operation(resource, "create").texts:
            sent = {slug: (platform.operation(resource, "create", slug).document or {})[name] for slug in made}
            told = {slug: member(reply, name) for slug, reply in made.items()}
            others = [slug for slug in made if told[slug] is not None and told[slug] != sent[slug]]
            shown = any(told[slug] == sent[slug] for slug in made)
            judged |= shown
            if others and shown:
                expected, seen = f"{name} {worded(sent[others[0]])}, as others are answered", worded(told[others[0]])
                proof = Proof(beyond=f"{len(others)} of {len(made)} answers are so")
                raise NonConformance(expected, seen, *(made[slug] for slug in others[:3]), proof=proof)
    if not judged:
        raise NotApplicable("no creation is answered with a text of what was created")


def _of_the_created(reply: Exchange, unique: str, slug: str) -> bool:
    """Whether an answer to a creation has the unique member, which is that of what was created."""
    if reply.status == 202:
        return False
    expect_named(reply, unique, slug, ", which was created")
    return member(reply, unique) is not None


def _expect_as_read(reply: Exchange, item: Exchange, sent: dict[str, Any]) -> None:
    """What was sent, and is read as it was, is not told otherwise in the answer to the write; nor is its id."""
    for name, value in [*sent.items(), ("id", member(item, "id"))] if reply.ok and reply.status != 202 else ():
        told, now = (member(each, name) for each in (reply, item))
        if type(told) is type(now) and _in_order(now) == _in_order(value) != _in_order(told):
            beyond = Proof(beyond="what is there is made and read by other requests")
            named = Proof(reply.id, matches=f'"{literal(name)}" *: *"{literal(str(now))}"')
            proof = named if name in sent and isinstance(now, str) and now.isascii() else beyond
            raise NonConformance(f"{name} {worded(now)}, as the item is read", worded(told), reply, item, proof=proof)


def _in_order(value: Any) -> Any:
    """A list of texts in one order, which says nothing; any other value as it is."""
    return sorted(map(str, value)) if isinstance(value, list) else value


def _of_the_update(platform: Platform, update: Operation, before: dict[str, str], sent: dict[str, Any]) -> bool:
    """Whether an answer to an update has a member of the item, and each as it is now."""
    reply = platform.as_role("full", update)
    expect_success(reply, f"for {update}")
    if reply.status == 202:
        return False
    wanted = {name: new for name, new in (update.document or {}).items() if name in before and new != before[name]}
    told = {name: member(reply, name) for name in wanted}
    for name, value in told.items():
        if value == before[name]:
            proof = Proof(beyond="what is there before is made by an earlier request")
            raise NonConformance(f"{name} {worded(wanted[name])}, as it is now", worded(value), reply, proof=proof)
    item = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    _expect_as_read(reply, item, sent | (update.document or {}))
    return any(value is not None for value in told.values())


@verifies("errors/reads/tell-what-was-written")
@pytest.mark.parametrize("kind", [case("beside-an-unknown-member", "update")])
def test_what_stands_beside_an_unknown_member_is_written(platform: Platform, kind: str) -> None:
    """Purpose: what is accepted is written, though the service does not know all of it.

    Method: 1. update an item, with a member in the body that no document names; go on where that is 2xx, but 202
            2. read the item: expect the texts that were sent
    """
    for resource in platform.resources_with("create", "item", kind):
        slug = platform.new_item(resource)
        update = platform.operation(resource, kind, slug)
        document = update.reworded("{} beside".format)
        reply = platform.as_role("full", update, document={**document, "cf-unknown": "cf"})
        if not reply.ok or reply.status == 202:
            continue
        again = platform.as_role("full", platform.operation(resource, "read-item", slug))
        for text in (document[name] for name in sorted(update.texts)):
            if not shows(again, text):
                proof = shows_text(again, text)
                proof = replace(proof, or_refused=(reply.id,)) if proof else None
                expected = f"{worded(text)}, as was written beside a member that is unknown"
                raise NonConformance(expected, again.text[:300], reply, again, proof=proof)
