"""If-Match as RFC 9110 section 13.1.1 has it, where that tells concurrent updates, and If-None-Match (13.1.2)."""

from __future__ import annotations

import pytest

from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotDeclared


def updates(platform: Platform) -> list[tuple[Operation, str]]:
    """An update of a new item of each resource that goes by If-Match, with the item's strong ETag."""
    found = []
    for resource in platform.resources_with("create", "item", "update"):
        if resource.update and resource.update.concurrency == "If-Match":
            slug = platform.new_item(resource)
            etag = platform.as_role("full", platform.operation(resource, "read-item", slug)).headers.get("etag") or ""
            if etag.startswith('"'):
                found.append((platform.operation(resource, "update", slug), etag))
    if not found:
        raise NotDeclared(
            "no resource declares If-Match as its update.concurrency and shows a strong ETag",
            "identity.resources.update.concurrency",
        )
    return found


@verifies("errors/409/if-match-takes-lists-and-any")
@pytest.mark.parametrize(
    "templates",
    [
        case("list", ['"cf-unknown", {etag}']),
        case("lines", ['"cf-unknown"', "{etag}"]),
        case("lines-reversed", ["{etag}", '"cf-unknown"']),
        case("any", ["*"]),
        case("nothing-before", [", {etag}"]),
    ],
)
def test_if_match_takes_lists_and_any(platform: Platform, templates: list[str]) -> None:
    """Purpose: an update that names several versions, or any, is made where one of them is the present one.

    Method: 1. update an item on condition of an unknown ETag or its own, in one field line and in two, which are one
               list (RFC 9110 section 5.3); on condition of any; and of its own behind an element of nothing, which
               is passed over (section 5.6.1.2)
            2. expect 2xx; 400 will do for two lines, which fronts refuse that know the field as one, and for nothing
    """
    fronts = {400} if len(templates) > 1 or templates[0].startswith(",") else set()
    for operation, etag in updates(platform):
        fields = [("If-Match", each.replace("{etag}", etag)) for each in templates]
        told = " and ".join(f"{name}: {value}" for name, value in fields)
        expect_status(platform.as_role("full", operation, fields), {*range(200, 300), *fronts}, f"for {told}")


@verifies("errors/409/if-match-is-compared-strongly")
def test_if_match_is_compared_strongly(platform: Platform) -> None:
    """Purpose: a weak ETag says "nearly the same", which is not enough to overwrite something.

    Method: 1. update an item on condition of its ETag made weak
            2. expect 409 or 412, and the owner to find the item as it was
    """
    for operation, etag in updates(platform):
        before = platform.state(operation)
        reply = platform.as_role("full", operation, [("If-Match", f"W/{etag}")])
        expect_status(reply, {409, 412}, f"for If-Match: W/{etag}")
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/reads/if-none-match-takes-lists-and-any")
@pytest.mark.parametrize("template", [case("list", '"cf-unknown", {etag}'), case("any", "*")])
def test_if_none_match_takes_lists_and_any(platform: Platform, template: str) -> None:
    """Purpose: who has copies of several versions, or of any, is not sent the one it has.

    Method: 1. read an item on condition that it does not match its ETag; go on where the answer is 304
            2. read it on condition that it matches neither an unknown ETag nor its own, or none at all: expect 304
    """
    for read, first, _ in not_modified(platform):
        value = template.replace("{etag}", first.headers.get("etag") or "")
        expect_status(platform.as_role("full", read, [("If-None-Match", value)]), 304, f"for If-None-Match: {value}")
