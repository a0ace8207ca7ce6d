"""A write returns the new state of its item, and later reads return the written values unchanged."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from conformance.clients.http import address_in
from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import distinct_texts, expect_declared_json, expect_named, member, shows
from conformance.oracles.headers import address_parts
from conformance.oracles.status import expect_accepted_or_refused, expect_status, expect_success, refused_in_front
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import shortened, worded


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
            raise NonConformance("201 with Location", "201 without it", reply)
        parts = address_parts(reply, location)
        if _origin(parts) != _origin(urlsplit(platform.http.base_url)):
            raise NonConformance("a Location at the host of the request", location, reply)
        address = address_in(reply.url, location).partition("#")[0]
        if address.rstrip("/") == platform.http.url_of(resource.path).rstrip("/"):
            raise NonConformance("the Location of the new item", f"{location}, the list", reply)
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
    [row("errors/writes/creation-response#second-item", "create"), row("errors/writes/update-response", "update")],
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
        for extra in ({}, hidden) if hidden else ({},):
            slug = platform.names.new()
            create, own = _creation_with_texts(platform, resource, slug)
            made = platform.create(resource, slug, members=own | extra)
            expect_success(made, f"for {create}")
            sent = (create.document or {}) | own | extra
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
            found = {slug: member(reply, name) for slug, reply in made.items()}
            wrong = [slug for slug in made if found[slug] is not None and found[slug] != sent[slug]]
            shown = any(found[slug] == sent[slug] for slug in made)
            judged |= shown
            if wrong and shown:
                expected, seen = f"{name} {worded(sent[wrong[0]])}, as in other responses", worded(found[wrong[0]])
                raise NonConformance(expected, seen, *(made[slug] for slug in wrong[:3]))
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
        shown, read = (member(each, name) for each in (reply, item))
        if type(shown) is type(read) and _normalized(read) == _normalized(value) != _normalized(shown):
            raise NonConformance(f"{name} {worded(read)}, as in the item", worded(shown), reply, item)


def _normalized(value: Any) -> Any:
    """Return a list of texts in sorted order; any other value unchanged."""
    return sorted(map(str, value)) if isinstance(value, list) else value


def _shows_the_update(platform: Platform, update: Operation, before: dict[str, str], sent: dict[str, Any]) -> bool:
    """Update; expect no old value in the response, and return whether it has members of the item."""
    reply = platform.as_role("full", update)
    expect_success(reply, f"for {update}")
    if reply.status == 202:
        return False
    texts = {name: new for name, new in (update.document or {}).items() if name in before and new != before[name]}
    shown = {name: member(reply, name) for name in texts}
    for name, value in shown.items():
        if value == before[name]:
            raise NonConformance(f"{name} {worded(texts[name])}, its current value", worded(value), reply)
    item = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    _expect_as_read(reply, item, sent | (update.document or {}))
    return any(value is not None for value in shown.values())


@verifies("errors/reads/written-values-are-returned#each-write")
def test_reads_return_what_was_written(platform: Platform) -> None:
    """Purpose: an accepted write is complete and visible at once.
    Method: 1. read an absent item; create it, update it three times, with long texts if possible; read it each time
            2. update it with empty texts, then delete and recreate it with others, if accepted
            3. expect each read to show the last written texts only
    """
    resources = [each for each in platform.resources_with("create", "item") if each.unique]
    for resource in resources:
        slug = platform.names.new()
        platform.as_role("full", platform.operation(resource, "read-item", slug))
        written = _written(platform, platform.operation(resource, "create", slug), 15)
        platform.remember(resource, slug)
        _expect_read(platform, resource.name, slug, [*distinct_texts(written).values()])
        for _ in range(3 if resource.update else 0):
            written = _written(platform, platform.operation(resource, "update", slug), 10)
            _expect_read(platform, resource.name, slug, [*distinct_texts(written).values()])
        if resource.update:
            _expect_emptied(platform, platform.operation(resource, "update", slug), written)
        if resource.delete:
            _expect_recreated(platform, platform.operation(resource, "delete", slug))


def _expect_emptied(platform: Platform, update: Operation, written: dict[str, Any]) -> None:
    """Expect texts that an accepted update empties to be gone."""
    emptied = update.reworded(lambda text: "")
    empty = [name for name, value in emptied.items() if value == ""]
    if not empty or not platform.as_role("full", update, document=emptied).ok:
        return
    reply = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    for text in distinct_texts({name: written.get(name) for name in empty}).values():
        if shows(reply, text):
            raise NonConformance(f"no {worded(text)}, which was replaced by an empty text", reply.text[:300], reply)


def _expect_recreated(platform: Platform, deletion: Operation) -> None:
    """Expect an item that replaces a deleted one, if accepted, to have only its own texts."""
    slug = str(platform.slug_of(deletion))
    if platform.as_role("full", deletion).status == 202:  # It may happen later.
        return
    create = platform.operation(deletion.resource, "create", slug)
    document = create.document or {}
    made = {**document, **{name: f"{document[name]} anew as {name}" for name in create.texts}}
    if platform.as_role("full", create, document=made).ok:
        _expect_read(platform, deletion.resource.name, slug, [*distinct_texts(made).values()])


def _written(platform: Platform, operation: Operation, times: int) -> dict[str, Any]:
    """Send a write with longer texts, or as declared if those are too long; return the accepted body."""
    document, extra = operation.document or {}, " and more" * times
    longer = operation.reworded(lambda text: text + extra)
    reply = platform.as_role("full", operation, document=longer)
    if reply.status in (400, 413, 422):
        longer, reply = document, platform.as_role("full", operation)
    expect_success(reply)
    return longer


def _expect_read(platform: Platform, name: str, slug: str, texts: list[str]) -> None:
    resource = next(each for each in platform.resources if each.name == name)
    reply = platform.as_role("full", platform.operation(resource, "read-item", slug))
    for text in texts:
        if not shows(reply, text):
            raise NonConformance(f"{worded(text)}, as written", reply.text[:300], reply)


# A percent sign that begins an escape, and in another text one that does not: some services decode valid escapes.
TEXTS = {
    "marks": "1 < 2 & \"3\" 'x' \\ %41 &amp;",
    "letters": "häll ñ Ж 漢 e\u0301",
    # Characters of Latin-1, which some encoders choose if possible; JSON is UTF-8.
    "accents": "h\u00e4ll caf\u00e9 \u00df end",
    "four-bytes": "rocket 🚀 \U0001f469\u200d\U0001f467 end",
    "lines": "one\ntwo\tthree\n\nfour  + five $$ {0}",
    "line-ends": "one\r\ntwo\rthree",
    "markup": "<b>one</b> <script>two</script> {{three}} ${four} 50%",
    "invisible": "one\u00a0two\u200bthree\u00adfour\u2028five",
    "word": "null",
    "number": "0070.10",
    # Spreadsheet exports prefix formulas.
    "formula": "=1+2",
    "date-time": "2026-03-01T00:30:00+02:00",
    "long": "x" * 300 + " end",
    "very-long": "x" * 3000 + " end",
    "long-of-three-bytes": "\u6f22" * 3000 + " end",
}
VALUES = {TEXTS[name] for name in ("word", "number", "formula", "date-time")}
"""Texts that a member of another type may normalize to its own form."""


@verifies("errors/reads/written-values-are-returned")
@pytest.mark.parametrize("text", [case(f"text-{name}", value) for name, value in TEXTS.items()])
def test_texts_are_stored_unchanged(platform: Platform, text: str) -> None:
    """Purpose: a text is data: it must not be escaped, replaced or cut.
    Method: 1. create and update an item with this text in each member of any text in turn; a service may refuse it
            2. if it is accepted, expect a read to return it unchanged, if the item shows that member
    """
    for resource in platform.resources_with("create", "item"):
        body = resource.create.body if resource.create else {}
        named = {name: each for name, each in body.items() if isinstance(each, str) and name not in resource.naming}
        for name in [name for name, each in named.items() if "{text}" in each or text not in VALUES]:
            slug = platform.names.new()
            platform.remember(resource, slug)
            if not _write_is_stored_unchanged(platform, platform.operation(resource, "create", slug), name, text):
                platform.create(resource, slug)
            if resource.update and isinstance(resource.update.body.get(name), str):
                _write_is_stored_unchanged(platform, platform.operation(resource, "update", slug), name, text)


@verifies("errors/reads/written-values-are-returned#text-chunked")
def test_chunked_texts_are_stored_unchanged(platform: Platform) -> None:
    """Purpose: a character may be split over two chunks.
    Method: 1. create an item with characters of two to four bytes, in chunks of two bytes; a service may refuse it
            2. if it is accepted, expect a read to return the text unchanged
    """
    text = "h\u00e4ll \u6f22 \U0001f680 end"
    for resource in platform.resources_with("create", "item"):
        create = platform.operation(resource, "create", platform.names.new())
        for name in sorted(create.texts)[:1]:
            body = json.dumps({**(create.document or {}), name: text}, ensure_ascii=False).encode()
            chunks = tuple(body[at : at + 2] for at in range(0, len(body), 2))
            fields = [*create.headers, bearer(platform.oauth.token("full"))]
            reply = platform.http.send(create.method, create.path, fields, chunks)
            if reply.ok:
                platform.remember(resource, str(platform.slug_of(create)))
                _is_stored_unchanged(platform, create, name, text, reply)


def _write_is_stored_unchanged(platform: Platform, operation: Operation, name: str, text: str) -> bool:
    """Write a text into a member; expect it unchanged in a read, and return whether it was accepted."""
    document = {**(operation.document or {}), name: text}
    # Escaped in the creation, unescaped in the last write: both are JSON.
    escaped = operation.kind == "create" and operation.resource.update is not None
    body = json.dumps(document, ensure_ascii=escaped).encode()
    fields = [*operation.headers, bearer(platform.oauth.token("full"))]
    return _is_stored_unchanged(
        platform, operation, name, text, platform.request(operation.method, operation.path, fields, body)
    )


def _is_stored_unchanged(platform: Platform, operation: Operation, name: str, text: str, reply: Exchange) -> bool:
    """Return whether a text was accepted; raise unless it is then read as it was sent."""
    if not reply.ok:
        if not refused_in_front(reply):
            expect_accepted_or_refused(reply, f"for {shortened(text)} in {name}")
        return False
    read = platform.operation(operation.resource, "read-item", platform.slug_of(operation))
    shown = platform.as_role("full", read)
    if (reply.status, shown.status) == (202, 404):
        return True  # It is created later.
    expect_status(shown, range(200, 300), f"for an item accepted with {shortened(text)} in {name}")
    expect_declared_json(shown)
    found = member(shown, name)
    if found != text and (isinstance(found, str) or _is_shown(platform, operation, name)):
        sent, seen = _distinguishable(text, str(found))
        raise NonConformance(f"{name} {sent}, as sent", seen, reply, shown)
    return True


def _is_shown(platform: Platform, operation: Operation, name: str) -> bool:
    """Return whether an item shows this member of plain text."""
    plain = platform.operation(operation.resource, "read-item", platform.item(operation.resource))
    return isinstance(member(platform.as_role("full", plain), name), str)


def _distinguishable(sent: str, shown: str) -> tuple[str, str]:
    """Return both texts for a finding, with escapes if they look alike."""
    if len(sent) <= 100 and _appearance(sent) == _appearance(shown):
        return json.dumps(sent), json.dumps(shown)
    return shortened(sent), shortened(shown)


def _appearance(text: str) -> str:
    """Return a text without invisible differences: composition, zero-width characters, blanks and line ends."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(each for each in plain if unicodedata.category(each) not in ("Cc", "Cf", "Zl", "Zp", "Zs"))


@verifies("errors/reads/written-values-are-returned#with-unknown-member")
def test_texts_are_stored_despite_an_unknown_member(platform: Platform) -> None:
    """Purpose: an accepted body is stored, even if the service ignores one member.
    Method: 1. update an item with an unknown member in addition; 2. after 2xx, not 202, expect a read to show the texts
    """
    for resource in platform.resources_with("create", "item", "update"):
        slug = platform.new_item(resource)
        update = platform.operation(resource, "update", slug)
        document = update.reworded("{} with another".format)
        reply = platform.as_role("full", update, document={**document, "cf-unknown": "cf"})
        if not reply.ok or reply.status == 202:
            continue
        again = platform.as_role("full", platform.operation(resource, "read-item", slug))
        for text in (document[name] for name in sorted(update.texts)):
            if not shows(again, text):
                expected = f"{worded(text)}, as written with an unknown member"
                raise NonConformance(expected, again.text[:300], reply, again)
