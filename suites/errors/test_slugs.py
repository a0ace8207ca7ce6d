"""A slug is required, is stored unchanged, and is answered 400 if it does not match its declared pattern."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.oracles.documents import expect_named, member, shows, shows_member
from conformance.oracles.proofs import lacks
from conformance.oracles.status import expect_accepted_or_refused, expect_status, expect_success, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotDeclared, Proof
from conformance.vocabulary.wording import shortened, worded

LEFT_OUT = {"missing": ..., "null": None, "empty": ""}
MALFORMED = {"number": 7, "list": [], "object": {}}
SUCCESS = range(200, 300)


@verifies("errors/400/invalid-body")
@pytest.mark.parametrize("value", [case(f"unique-{name}", value) for name, value in (LEFT_OUT | MALFORMED).items()])
def test_unique_member(platform: Platform, value: object) -> None:
    """Purpose: nothing is created without a unique name.

    Method: 1. send each declared creation without its unique member, or with null, an empty text or another type
            2. expect 400 and no item in the list
            3. for a missing, null or empty one also accept 2xx with a generated name or Location
    """
    may_be_generated = value in (..., None, "")
    for operation in platform.operations("create"):
        if operation.resource.unique is None:
            continue
        unique = str(operation.resource.unique)
        document = {name: each for name, each in (operation.document or {}).items() if name != unique}
        reply = platform.as_role("full", operation, document=document if value is ... else {**document, unique: value})
        if reply.status == 400:
            _expect_not_listed(platform, operation, reply)
        elif may_be_generated:
            _expect_generated(platform, operation, unique, reply)
        else:
            expect_status(reply, 400, f"for {operation}")


def _expect_not_listed(platform: Platform, create: Operation, refused: Exchange) -> None:
    """Expect no list with the text of a refused creation, if its body contains one."""
    text = f"text of {platform.slug_of(create)}"
    if text not in str(create.document):
        return
    for page in platform.pages("full", platform.operation(create.resource, "read")):
        if shows(page, text):
            expected = f"no item with the text {worded(text)}, which was refused"
            raise NonConformance(expected, "it is in the list", refused, page, proof=lacks(page, text))


def _expect_generated(platform: Platform, operation: Operation, unique: str, reply: Exchange) -> None:
    """Expect 2xx with a generated name or a Location."""
    if reply.status == 409:
        before = Proof(beyond="it conflicts with an item that an earlier request created without a name")
        raise NonConformance(f"2xx or 400 for {operation}", observed(reply), reply, proof=before)
    expect_status(reply, {400, *SUCCESS}, f"for {operation}")
    made = member(reply, unique)
    if isinstance(made, str) and made:
        platform.remember(operation.resource, made)
    elif shows_member(reply, unique) or not reply.headers.get("location"):
        expected, proof = f"400, or a generated {unique}", Proof(reply.id, statuses=(400,))
        raise NonConformance(expected, f"{reply.status} with {unique} {worded(made)}", reply, proof=proof)


def resources_with_slug(platform: Platform) -> list[Resource]:
    """Return the resources whose unique member is named slug; NotDeclared if there is none."""
    found = [each for each in platform.resources_with("create", "item") if each.unique == "slug"]
    if not found:
        raise NotDeclared("no resource of the target file has the unique member slug", "identity.resources.unique")
    return found


OUTSIDE_PATTERN = {
    "upper-case": "{}-Upper", "trailing-newline": "{}\n", "leading-hyphen": "-{}", "trailing-hyphen": "{}-",
    "underscore": "{}_x", "blank": "{} x", "slash": "{}/x", "dot": "{}.x", "non-ascii": "{}é", "percent": "{}%41",
}  # fmt: skip


@verifies("errors/400/slug-outside-its-pattern")
@pytest.mark.parametrize("template", [case(name, value) for name, value in OUTSIDE_PATTERN.items()])
def test_slug_outside_its_pattern(platform: Platform, template: str) -> None:
    """Purpose: a slug becomes part of URLs and host names, and must match [a-z0-9][a-z0-9-]*[a-z0-9].

    Method: 1. create an item whose slug has one other character, or a hyphen at an end
            2. expect 400
    """
    for resource in resources_with_slug(platform):
        operation = platform.operation(resource, "create")
        slug = template.format(platform.slug_of(operation))
        reply = platform.as_role("full", operation, document={**(operation.document or {}), "slug": slug})
        if reply.ok:
            platform.remember(resource, slug.lower())
        expect_status(reply, 400, f"for the slug {worded(slug)}")


SLUGS: dict[str, Callable[[str], str]] = {
    "two-hyphens": "{}--x".format,
    "sixty-three": lambda slug: f"{slug}-{'x' * 63}"[:63],
    "hundred": lambda slug: f"{slug}-{'x' * 100}"[:100],
    "three-hundred": lambda slug: f"{slug}-{'x' * 300}"[:300],
}


@verifies("errors/reads/return-what-was-written")
@pytest.mark.parametrize("make", [case(f"slug-{name}", make) for name, make in SLUGS.items()])
def test_slug_is_stored_unchanged(platform: Platform, make: Callable[[str], str]) -> None:
    """Purpose: a slug that is cut or rewritten no longer names the item for its creator.

    Method: 1. create an item whose slug has two consecutive hyphens, or is long; a service may refuse it
            2. if it is accepted, expect to read the item by that slug, and with it
    """
    for resource in resources_with_slug(platform):
        slug = make(platform.names.new())
        reply = platform.create(resource, slug)
        expect_accepted_or_refused(reply, f"for the slug {shortened(slug)}")
        if reply.ok:
            if isinstance(told := member(reply, "slug"), str) and told != slug:
                platform.remember(resource, told)
            found = platform.as_role("full", platform.operation(resource, "read-item", slug))
            expect_success(found, f"for the slug {shortened(slug)}, which was accepted")
            expect_named(found, "slug", slug, ", by which it is read")
