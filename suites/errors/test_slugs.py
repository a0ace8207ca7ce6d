"""A slug is required, and one outside its declared pattern is answered 400."""

from __future__ import annotations

import pytest

from conformance.oracles.documents import member, shows, shows_member
from conformance.oracles.proofs import lacks
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotDeclared, Proof
from conformance.vocabulary.wording import worded

LEFT_OUT = {"missing": ..., "null": None, "empty": ""}
MALFORMED = {"number": 7, "list": [], "object": {}}


def created_with(platform: Platform, operation: Operation, value: object) -> tuple[str, Exchange]:
    """A create with another value of the unique member, or without it; the member's name, and what is answered.

    What is refused with 400 has made nothing: no item of its text is listed.
    """
    unique = str(operation.resource.unique)
    document = {name: each for name, each in (operation.document or {}).items() if name != unique}
    reply = platform.as_role("full", operation, document=document if value is ... else {**document, unique: value})
    if reply.status == 400:
        _expect_not_listed(platform, operation, reply)
    return unique, reply


def _expect_not_listed(platform: Platform, create: Operation, refused: Exchange) -> None:
    """No list has the text of what was refused, which is the run's own; nothing is judged where it carries none."""
    text = f"text of {platform.slug_of(create)}"
    if text not in str(create.document):
        return
    for page in platform.pages("full", platform.operation(create.resource, "read")):
        if shows(page, text):
            expected, proof = f"no item of the text {worded(text)}, which was refused", lacks(page, text)
            raise NonConformance(expected, "a list with it", refused, page, proof=proof)


@verifies("errors/400/unique-member-missing-or-malformed")
@pytest.mark.parametrize("value", [case(name, value) for name, value in LEFT_OUT.items()])
def test_unique_member_missing(platform: Platform, value: object) -> None:
    """Purpose: nothing is made without a unique name.

    Method: 1. send each declared create without its unique member, or with null or an empty text for it
            2. expect 400; or 2xx that shows one which the service made up, or leads there by Location
    """
    for operation in platform.operations("create"):
        if operation.resource.unique is None:
            continue
        unique, reply = created_with(platform, operation, value)
        if reply.status == 409:
            before = Proof(beyond="it is in conflict with what another request had made without one before")
            raise NonConformance(f"2xx or 400 for {operation}", observed(reply), reply, proof=before)
        expect_status(reply, {400, *range(200, 300)}, f"for {operation}")
        if reply.ok:
            made = member(reply, unique)
            if isinstance(made, str) and made:
                platform.remember(operation.resource, made)
            elif shows_member(reply, unique) or not reply.headers.get("location"):
                expected, proof = f"400, or a {unique} that was made up", Proof(reply.id, statuses=(400,))
                raise NonConformance(expected, f"{reply.status} with {unique} {worded(made)}", reply, proof=proof)


@verifies("errors/400/unique-member-missing-or-malformed")
@pytest.mark.parametrize("value", [case(name, value) for name, value in MALFORMED.items()])
def test_unique_member_malformed(platform: Platform, value: object) -> None:
    """Purpose: a thing of a unique name that is no text is not made.

    Method: 1. send each declared create with a unique member of another kind
            2. expect 400
    """
    for operation in platform.operations("create"):
        if operation.resource.unique is not None:
            _, reply = created_with(platform, operation, value)
            expect_status(reply, 400, f"for {operation}")


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
