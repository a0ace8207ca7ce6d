"""A creation or update returns the new state of its item, and a creation its location."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from conformance.clients.http import address_in
from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import expect_named, member
from conformance.oracles.headers import address_parts
from conformance.oracles.proofs import field_matches, field_says_no, literal
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded


@verifies("errors/writes/created-with-location#status")
def test_creation_is_201(platform: Platform) -> None:
    """Purpose: a client learns by the status that an item was created.
    Method: 1. create an item by POST; 2. expect 201, or 202 if it is created later
    """
    for resource in platform.resources_with("create", "item"):
        if resource.create and resource.create.method == "POST":
            expect_status(
                platform.create(resource, platform.names.new()), {201, 202}, f"for a new {resource.name} item"
            )


@verifies("errors/writes/created-with-location#location")
def test_location_leads_to_the_new_item(platform: Platform) -> None:
    """Purpose: a client finds the new item by its Location.
    Method: 1. create an item, and one that hides from others; after 201 expect a Location other than the list's
            2. GET it at the same host; expect 2xx with the unique member of the new item
    """
    judged, token = False, bearer(platform.oauth.token("full"))
    for resource, members in _creations(platform):
        slug = platform.names.new()
        reply = platform.create(resource, slug, members=members)
        if reply.status != 201:
            continue
        judged = True
        location = reply.headers.get("location")
        if not location:
            proof = field_matches(reply, "Location", ".")
            raise NonConformance("201 with Location", "201 without it", reply, proof=proof)
        parts = address_parts(reply, location)
        if _origin(parts) != _origin(urlsplit(platform.http.base_url)):
            base = literal(platform.http.base_url)
            proof = field_matches(reply, "Location", f"^({base}/|/?[^:]*$)")
            raise NonConformance("a Location at the host of the request", location, reply, proof=proof)
        address = address_in(reply.url, location).partition("#")[0]
        if address.rstrip("/") == platform.http.url_of(resource.path).rstrip("/"):
            proof = field_says_no(reply, "Location", f"^{literal(location)}$")
            raise NonConformance("the Location of the new item", f"{location}, the list", reply, proof=proof)
        found = platform.http.get(address, [token])
        expect_success(found, f"at the Location {location}")
        name = platform.slug_of(platform.operation(resource, "create", slug))
        expect_named(found, str(resource.unique), name, ", which was created")
    if not judged:
        raise NotApplicable("no creation is answered 201")


def _creations(platform: Platform) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """Yield each resource with the additional members of its body: none, and those that hide the item."""
    for resource in platform.resources_with("create", "item"):
        yield resource, {}
        if resource.item and resource.item.hidden_body:
            yield resource, resource.item.hidden_body


def _origin(parts: SplitResult) -> tuple[str | None, int | None]:
    """Return host and port; behind a TLS proxy the scheme of a Location may differ."""
    return parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


@pytest.mark.parametrize(
    "kind",
    [
        row("errors/writes/creation-response#second-item", "create"),
        row("errors/writes/update-response", "update"),
    ],
)
def test_write_response_shows_the_new_state(platform: Platform, kind: str) -> None:
    """Purpose: a client uses the item in the response to a write instead of reading it again.
    Method: 1. create two items with different texts, or update the second
            2. expect the response's unique member to be that item's, and none of its members to have an old value
            3. read the item; expect no other values in the response than in the read (202 may show either)
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique", *([kind] if kind == "update" else [])):
        platform.item(resource)
        hidden = resource.item.hidden_body if resource.item else None
        for further in ({}, hidden) if hidden else ({},):
            slug = platform.names.new()
            create, own = _creation_with_texts(platform, resource, slug)
            made = platform.create(resource, slug, members=own | further)
            expect_success(made, f"for {create}")
            sent = (create.document or {}) | own | further
            if kind == "create":
                judged |= _shows_the_created(made, str(resource.unique), str(platform.slug_of(create)))
                _expect_as_read(made, platform.as_role("full", platform.operation(resource, "read-item", slug)), sent)
            else:
                judged |= _shows_the_update(platform, platform.operation(resource, "update", slug), own, sent)
    if not judged:
        raise NotApplicable(f"no response to a {kind} contains the item")


def _creation_with_texts(platform: Platform, resource: Resource, slug: str) -> tuple[Operation, dict[str, str]]:
    """Return a creation, and its texts with the name of each member in it."""
    create = platform.operation(resource, "create", slug)
    document = create.document or {}
    return create, {name: f"{document[name]} as {name}" for name in create.texts}


@verifies("errors/writes/creation-response#eleven-items")
def test_each_creation_response_shows_its_item(platform: Platform) -> None:
    """Purpose: each instance of the service must return the created item.
    Method: 1. create eleven items; 2. if some responses show a text as sent, expect no other response to show another
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
                expected, seen = f"{name} {worded(sent[others[0]])}, as in other responses", worded(told[others[0]])
                proof = Proof(beyond=f"{len(others)} of {len(made)} responses differ so")
                raise NonConformance(expected, seen, *(made[slug] for slug in others[:3]), proof=proof)
    if not judged:
        raise NotApplicable("no response to a creation has a text of the new item")


def _shows_the_created(reply: Exchange, unique: str, slug: str) -> bool:
    """Expect the unique member of the created item; return whether the response has it."""
    if reply.status == 202:
        return False
    expect_named(reply, unique, slug, ", which was created")
    return member(reply, unique) is not None


def _expect_as_read(reply: Exchange, item: Exchange, sent: dict[str, Any]) -> None:
    """Expect a member that is read as it was sent, and the id, to have the same value in the response."""
    for name, value in [*sent.items(), ("id", member(item, "id"))] if reply.ok and reply.status != 202 else ():
        told, now = (member(each, name) for each in (reply, item))
        if type(told) is type(now) and _in_order(now) == _in_order(value) != _in_order(told):
            beyond = Proof(beyond="the item is written and read by other requests")
            named = Proof(reply.id, matches=f'"{literal(name)}" *: *"{literal(str(now))}"')
            proof = named if name in sent and isinstance(now, str) and now.isascii() else beyond
            raise NonConformance(f"{name} {worded(now)}, as the item is read", worded(told), reply, item, proof=proof)


def _in_order(value: Any) -> Any:
    """Return a list of texts in sorted order; any other value unchanged."""
    return sorted(map(str, value)) if isinstance(value, list) else value


def _shows_the_update(platform: Platform, update: Operation, before: dict[str, str], sent: dict[str, Any]) -> bool:
    """Update; expect no old value in the response, and return whether it has members of the item."""
    reply = platform.as_role("full", update)
    expect_success(reply, f"for {update}")
    if reply.status == 202:
        return False
    wanted = {name: new for name, new in (update.document or {}).items() if name in before and new != before[name]}
    told = {name: member(reply, name) for name in wanted}
    for name, value in told.items():
        if value == before[name]:
            proof = Proof(beyond="an earlier request wrote the old value")
            raise NonConformance(f"{name} {worded(wanted[name])}, its current value", worded(value), reply, proof=proof)
    item = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    _expect_as_read(reply, item, sent | (update.document or {}))
    return any(value is not None for value in told.values())
