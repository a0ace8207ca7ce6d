"""Every update gives an item a new version; If-Match compares it as RFC 9110, section 13.1.1, specifies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import bearer
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.oracles.proofs import another_field
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared


def going_by_if_match(platform: Platform) -> list[Resource]:
    """Resources whose updates go by If-Match; NotApplicable where there is none."""
    found = [
        each
        for each in platform.resources_with("create", "item", "update")
        if each.update and each.update.concurrency == "If-Match"
    ]
    if not found:
        raise NotDeclared(
            "no resource declares If-Match as its update.concurrency", "identity.resources.update.concurrency"
        )
    return found


def strong(reply: Exchange) -> str | None:
    """The strong ETag of an answer."""
    etag = reply.headers.get("etag")
    return etag if etag and etag.startswith('"') else None


@verifies("errors/409/told-version-is-the-new-one")
def test_told_version_is_the_new_one(platform: Platform) -> None:
    """Purpose: who has just written something may go on from what the answer told of its version.

    Method: 1. create an item; where the answer has a strong ETag, update the item on condition of it
            2. where that answer has one, update the item again on condition of it, and once more
            3. expect 2xx each time
    """
    told = False
    for resource in going_by_if_match(platform):
        slug = platform.names.new()
        reply = platform.create(resource, slug)
        expect_success(reply, "for a new item")
        for _ in range(3):
            etag = strong(reply)
            if etag is None:
                break
            told = True
            update = platform.operation(resource, "update", slug)
            reply = platform.as_role("full", update, [("If-Match", etag)])
            expect_success(
                reply, f"for an update on condition of the ETag {etag} that the write before was answered with"
            )
    if not told:
        raise NotApplicable("no answer to a write tells a strong ETag")


@verifies("errors/409/version-is-not-given-again")
def test_version_is_not_given_again(platform: Platform) -> None:
    """Purpose: who has read an item does not overwrite another one that was given its name since.

    Method: 1. create an item and read it; delete it, create another of the same name, and change its text
            2. expect no ETag among those of the second that the first had, where both are strong
    """
    judged = False
    for resource in going_by_if_match(platform):
        if not resource.delete:
            continue
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        first = platform.as_role("full", read)
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        operation = platform.operation(resource, "create", slug)
        made = platform.as_role("full", operation, document=operation.reworded("{} made again".format))
        if made.status == 409:
            continue  # A name that is never given again has no second item.
        expect_success(made)
        second = platform.as_role("full", read)
        if not strong(first) or not strong(second) or first.body == second.body:
            continue
        judged = True
        if strong(first) == strong(second):
            expected = f"another ETag than {strong(first)}, which an item of other content had"
            proof = another_field(first, second, "etag")
            raise NonConformance(expected, f"ETag: {strong(second)}", first, second, proof=proof)
    if not judged:
        raise NotApplicable("no item that can be deleted tells a strong ETag")


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


MORE = 10
Refused = Callable[[Platform, Operation], Exchange | None]


def _name_taken(platform: Platform, update: Operation) -> Exchange | None:
    if not update.resource.unique:
        return None
    create = platform.operation(update.resource, "create", platform.slug_of(update))
    return platform.as_role("full", create, document=create.reworded("{} 2".format))


def _role_lacking(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    role = next((each for each in (declared.forbidden_to if declared else ()) if platform.oauth.has(each)), None)
    return platform.as_role(role, update) if role else None


def _no_json(platform: Platform, update: Operation) -> Exchange:
    fields = [update.type_field, bearer(platform.oauth.token("full"))]
    return platform.request(update.method, update.path, fields, update.body[:-1])


def _unknown_version(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    by_field = declared and declared.concurrency == "If-Match"
    return platform.as_role("full", update, [("If-Match", '"cf-unknown"')]) if by_field else None


def _broken_off(platform: Platform, update: Operation) -> Exchange:
    caller = BreakingOff(platform.http)
    length = ("Content-Length", str(len(update.body) + MORE))
    fields = [("Host", caller.host()), update.type_field, bearer(platform.oauth.token("full")), length]
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields)
    return caller.send_beginning(f"{update.method} {caller.target(update.path)} HTTP/1.1{lines}".encode(), update.body)


def _accepted_without_refusal(platform: Platform, resource: Resource) -> bool:
    """Return whether an update of another item from its current version is accepted, without an earlier refusal."""
    slug = platform.new_item(resource)
    update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
    return platform.as_role("full", update, fields).ok


REFUSED: dict[str, tuple[str, Refused]] = {
    "name-taken": ("a creation of its name", _name_taken),
    "role-lacking": ("an update by a role that lacks the right", _role_lacking),
    "no-json": ("an update that is no JSON", _no_json),
    "unknown-version": ("an update of an unknown version", _unknown_version),
    "broken-off": ("an update that broke off", _broken_off),
}


@verifies("errors/409/refusal-is-no-update")
@pytest.mark.parametrize("how", [case(name, name) for name in REFUSED])
def test_refusal_is_no_update(platform: Platform, how: str) -> None:
    """Purpose: a request that was refused leaves no trace at which an honest one fails: no new version, no lock.

    Method: 1. create an item and read its version; have something refused: a creation of its name, an update by who
               may not, one that is no JSON, one of an unknown version, one whose connection breaks
            2. update the item on condition of the version: expect 2xx. What was refused is named where another item,
               of which nothing was, is updated so
    """
    told, refuse = REFUSED[how]
    judged = False
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
        refused = refuse(platform, platform.operation(resource, "update", slug))
        if refused is not None and not refused.ok:
            judged = True
            reply = platform.as_role("full", update, fields)
            behind = (
                f", behind {told}, which was refused"
                if reply.ok or _accepted_without_refusal(platform, resource)
                else ""
            )
            expect_success(reply, f"for an update from the present version{behind}")
    if not judged:
        raise NotApplicable(f"nothing is refused here as {told}")
