"""What errors are measured against: good requests are served, every time, and what was written is what is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import shows
from conformance.oracles.proofs import lacks, literal, shows_text
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotDeclared, Proof
from conformance.vocabulary.wording import worded

TIMES = 60


@verifies("errors/5xx/good-requests-never-fail")
def test_good_requests_never_fail(platform: Platform) -> None:
    """Purpose: a good request is served, not now and then, but every time.

    Method: 1. send sixty good reads
            2. expect 2xx for each, also in the moment in which a gateway reaches no service
            3. create an item that hides from others, of each resource that has such: expect no 5xx
    """
    operations = platform.operations("read")
    strict = replace(platform, http=replace(platform.http, forgives=False))
    for number in range(TIMES):
        expect_success(strict.as_role("full", operations[number % len(operations)]), "for a good request")
    for resource in platform.resources:
        if resource.create and resource.item and resource.item.hidden_body:
            reply = platform.create(resource, platform.names.new(), members=resource.item.hidden_body)
            expect_no_server_error(reply, f"for a {resource.name} item that hides")


def texts_of(document: dict[str, object] | None) -> list[str]:
    """The texts of a body that are long enough to be told from others."""
    return [value for value in (document or {}).values() if isinstance(value, str) and len(value) >= 8]


@verifies("errors/reads/tell-what-was-written")
def test_reads_tell_what_was_written(platform: Platform) -> None:
    """Purpose: an accepted write is whole, and read from then on.

    Method: 1. look for an item: 404; create it with a long text (with a short one, where a long one is refused as
               invalid), read it; update it, read it; three times
            2. expect the texts that were sent, at once
            3. update it once more, with nothing in each text; where that is 2xx, expect none of those any more
            4. delete it and create it again with other texts; where that is 2xx, expect those
    """
    resources = [each for each in platform.resources_with("create", "item") if each.unique]
    for resource in resources:
        slug = platform.names.new()
        platform.as_role("full", platform.operation(resource, "read-item", slug))
        written = _written(platform, platform.operation(resource, "create", slug), 15)
        platform.remember(resource, slug)
        _expect_read(platform, resource.name, slug, texts_of(written))
        for _ in range(3 if resource.update else 0):
            written = _written(platform, platform.operation(resource, "update", slug), 10)
            _expect_read(platform, resource.name, slug, texts_of(written))
        if resource.update:
            _expect_emptied(platform, platform.operation(resource, "update", slug), written)
        if resource.delete:
            _expect_made_anew(platform, platform.operation(resource, "delete", slug))


def _expect_emptied(platform: Platform, update: Operation, written: dict[str, Any]) -> None:
    """Texts that an update sets to nothing are gone where it is accepted, as it may not be."""
    emptied = update.reworded(lambda text: "")
    empty = [name for name, value in emptied.items() if value == ""]
    if not empty or not platform.as_role("full", update, document=emptied).ok:
        return
    reply = platform.as_role("full", platform.operation(update.resource, "read-item", platform.slug_of(update)))
    for text in texts_of({name: written.get(name) for name in empty}):
        if shows(reply, text):
            told, proof = reply.text[:300], Proof(reply.id, lacks=literal(text)) if text.isascii() else None
            raise NonConformance(f"no {worded(text)}, in whose place nothing was written", told, reply, proof=proof)


def _expect_made_anew(platform: Platform, deletion: Operation) -> None:
    """What takes the place of what was deleted is all new, where it is accepted, as it may not be."""
    slug = str(platform.slug_of(deletion))
    if platform.as_role("full", deletion).status == 202:  # It may be yet to come.
        return
    create = platform.operation(deletion.resource, "create", slug)
    document = create.document or {}
    made = {**document, **{name: f"{document[name]} anew as {name}" for name in create.texts}}
    if platform.as_role("full", create, document=made).ok:
        _expect_read(platform, deletion.resource.name, slug, texts_of(made))


def _written(platform: Platform, operation: Operation, times: int) -> dict[str, Any]:
    """Sends a write with longer texts, and as it is declared where those are refused as too long; what was accepted."""
    document, more = operation.document or {}, " and more" * times
    longer = operation.reworded(lambda text: text + more)
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
            raise NonConformance(f"{worded(text)}, as written", reply.text[:300], reply, proof=shows_text(reply, text))


@verifies("errors/writes/media-type-is-known-in-any-form")
@pytest.mark.parametrize(
    "written",
    [
        case("charset", "{0}; charset=utf-8".format),
        case("quoted-charset", '{0};charset="UTF-8"'.format),
        case("blank-before", "{0} ; charset=utf-8".format),
        case("upper-case", str.title),
    ],
)
def test_media_type_is_known_in_any_form(platform: Platform, written: Callable[[str], str]) -> None:
    """Purpose: what client libraries write behind the name of the media type, and in which case, keeps no write out.

    Method: 1. send each declared create and update as its type (application/json) with charset=utf-8, without the
               blank and with quotation marks, with a blank before (RFC 9110 section 5.6.6), and in other case
            2. expect 2xx
    """
    token = platform.oauth.token("full")
    for operation in platform.operations("create", "update"):
        content_type = written(operation.content_type)
        fields = [("Content-Type", content_type), bearer(token)]
        reply = platform.request(operation.method, operation.path, fields, operation.body)
        slug = platform.slug_of(operation)
        if operation.kind == "create" and reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_success(reply, f"for {operation} as {content_type}")


@verifies("errors/reads/creation-is-201")
def test_creation_is_201(platform: Platform) -> None:
    """Purpose: a creation is told as one.

    Method: 1. create an item by POST
            2. expect 201 (202 where it is made later)
    """
    for resource in platform.resources_with("create", "item"):
        if resource.create and resource.create.method == "POST":
            expect_status(
                platform.create(resource, platform.names.new()), {201, 202}, f"for a new {resource.name} item"
            )


MALFORMED_SLUGS = {
    "upper-case": "{slug}-Upper", "newline-behind": "{slug}\n", "hyphen-before": "-{slug}", "hyphen-behind": "{slug}-",
    "underscore": "{slug}_x", "blank": "{slug} x", "slash": "{slug}/x", "dot": "{slug}.x", "non-ascii": "{slug}é",
    "percent": "{slug}%41",
}  # fmt: skip


@verifies("errors/400/slug-outside-its-pattern")
@pytest.mark.parametrize("template", [case(name, value) for name, value in MALFORMED_SLUGS.items()])
def test_slug_outside_its_pattern(platform: Platform, template: str) -> None:
    """Purpose: a slug is [a-z0-9][a-z0-9-]*[a-z0-9], whole and unchanged.

    Method: 1. create an item whose slug has one character of another kind, or a hyphen at an end
            2. expect 400
    """
    resources = [each for each in platform.resources_with("create", "item") if each.unique == "slug"]
    if not resources:
        raise NotDeclared("no resource of the target file has the unique member slug", "identity.resources.unique")
    for resource in resources:
        operation = platform.operation(resource, "create")
        slug = template.replace("{slug}", str(platform.slug_of(operation)))
        reply = platform.as_role("full", operation, document={**(operation.document or {}), "slug": slug})
        if reply.ok:
            platform.remember(resource, slug.lower())
        expect_status(reply, 400, f"for the slug {worded(slug)}")


@verifies("errors/400/repeated-member")
def test_repeated_member(platform: Platform) -> None:
    """Purpose: a body in which a member stands twice is not read in one way here and another way there.

    Method: 1. send a create in which its texts stand twice, and not alike
            2. expect 400; or, where it is read as many parsers do, by its first or its last, an item that shows the
               text that the answer to its creation showed
    """
    for operation in platform.operations("create"):
        other = json.dumps(operation.reworded(lambda text: f"{text} again")).encode()
        fields = [operation.type_field, bearer(platform.oauth.token("full"))]
        reply = platform.request(operation.method, operation.path, fields, operation.body[:-1] + b", " + other[1:])
        slug = platform.slug_of(operation)
        if not reply.ok or not slug or not operation.resource.item:
            expect_status(reply, {400, 422, *range(200, 300)}, "for a body in which members stand twice")
            continue
        platform.remember(operation.resource, slug)
        read = platform.as_role("full", platform.operation(operation.resource, "read-item", slug))
        for text in texts_of({name: (operation.document or {})[name] for name in operation.texts}):
            last = f"{text} again"
            if shows(reply, text) and shows(read, last) != shows(reply, last):
                told = f"the item as its creation told it, with {worded(last if shows(reply, last) else text)}"
                proof = shows_text(read, last) if shows(reply, last) else lacks(read, last)
                raise NonConformance(told, read.text[:300], reply, read, proof=proof)
