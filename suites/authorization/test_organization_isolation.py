"""A token reaches nothing of another organization by path, id, query, cursor or header field."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import quote, urlsplit

import pytest

from conformance.clients.oauth.client import access_token, bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_pair
from conformance.oracles.documents import shows
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.proofs import lacks
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.oracles.tenant_leaks import expect_not_theirs
from conformance.sandbox.other_tenant import ForeignThing, ForeignThings
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared


@verifies("authorization/isolation/nothing-reaches-another-organization")
@pytest.mark.parametrize("role", [case("foreign", "foreign"), case("no-token", None)])
def test_nothing_reaches_another_organization(platform: Platform, role: str | None) -> None:
    """Purpose: not a byte of what one organization stores reaches another, or nobody.

    Method: 1. create an item with a text of the run's own, and see that its owner reads the text
            2. perform every declared operation on it, and wrong ones, as the role foreign and without a token
            3. expect the text nowhere in the answers
    """
    token = platform.oauth.token(role) if role else None
    for item in platform.operations("read-item"):
        canary = f"text of {platform.slug_of(item)}"
        control = platform.as_role("full", item)
        if not shows(control, canary):
            raise Inconclusive("the owner does not read the text that was created", "a create.body with {text} in it")
        for kind in KINDS:
            if kind == "create":
                continue
            for operation in platform.operations(kind):
                expect_not_repeated(platform.send(operation, token), [canary], "what another organization stored")
        for method in ("OPTIONS", "TRACE", "PUT", "POST"):
            expect_not_repeated(platform.send(item, token, method=method), [canary], "what another organization stored")


@verifies("authorization/isolation/token-opens-nothing-of-another-organization")
def test_token_of_another_organization_is_valid_at_home_only(platform: Platform) -> None:
    """Purpose: the foreign token is good, so that its refusal is a decision and no accident.

    Method: 1. read each declared resource as foreign: refused, though the token is valid
            2. expect 403 or 404, and not 401
    """
    if not platform.oauth.has("foreign"):
        raise NotDeclared("the target file has no credential in the role foreign", "identity.credentials.foreign")
    for operation in platform.shut("read"):
        expect_status(platform.as_role("foreign", operation), {403, 404}, f"for {operation} as foreign")


STORED = "what another organization stored"


def expect_kept_out(theirs: ForeignThings, reply: Exchange, statuses: set[int], because: str) -> None:
    """A refusal that shows nothing of the other organization."""
    expect_not_repeated(reply, theirs.canaries, STORED)
    expect_status(reply, statuses, because)


def at_path(operation: Operation, path: str) -> Operation:
    """Return the same operation at another path."""
    return replace(operation, path=path)


def item_operations(platform: Platform, thing: ForeignThing, path: str) -> list[Operation]:
    """Reading a thing, and, where the run had it made, changing and deleting it, at a path."""
    kinds = ["read-item", *(kind for kind in ("update", "delete") if thing.ours and getattr(thing.resource, kind))]
    return [at_path(platform.operation(thing.resource, kind, thing.slug), path) for kind in kinds]


@verifies("authorization/isolation/foreign-paths-open-nothing")
@pytest.mark.parametrize("kind", [case(kind, kind) for kind in ("read", "create", "items")])
def test_foreign_paths_open_nothing(platform: Platform, theirs: ForeignThings, kind: str) -> None:
    """Purpose: the paths of another organization are closed to us, as ours are to it.

    Method: 1. see that the role foreign reads each of its things
            2. as full, read its resources, create in them (also what is there), read, change and delete its things
            3. expect 403 or 404, for a thing as for one that never existed, and the role foreign to find all as before
    """
    if kind != "items":
        for resource, foreign in theirs.places():
            if kind == "read" or resource.create:
                operation = at_path(platform.operation(resource, kind), foreign.path)
                asked = [operation, *([_of_slug(operation, foreign.slug)] if kind == "create" and foreign.slug else [])]
                for each in asked:
                    expect_kept_out(theirs, platform.as_role("full", each), {403, 404}, f"for {each} as full")
        return
    for thing in theirs.things():
        before = theirs.state(thing)
        for operation in item_operations(platform, thing, thing.path(thing.slug)):
            reply = platform.as_role("full", operation)
            absent = platform.as_role("full", at_path(operation, thing.path(platform.names.new())))
            expect_kept_out(theirs, reply, {403, 404}, f"for {operation} as full")
            expect_pair(reply, absent)
            expect_unchanged(before, theirs.state(thing), reply)


def _of_slug(create: Operation, slug: str) -> Operation:
    """A creation of what is there already, where the target file says by which member it would be found."""
    unique = create.resource.unique
    return replace(create, document={**(create.document or {}), unique: slug}) if unique else create


@verifies("authorization/isolation/foreign-ids-under-own-parents-open-nothing")
@pytest.mark.parametrize("way", [case("foreign-child", "foreign"), case("own-child-of-a-foreign-parent", "own")])
def test_foreign_ids_under_own_parents_open_nothing(platform: Platform, theirs: ForeignThings, way: str) -> None:
    """Purpose: a thing is found by its own parent alone: whose path it is under is no formality.

    Method: 1. as full, read, change and delete the slug of a foreign thing under our own path, and the id by which its
               owner reads that it is known; and our own slug under the foreign path
            2. expect 404 (403 under the foreign path), nothing shown, and both owners to find their things as before
    """
    for thing in [each for each in theirs.things() if each.ours and (way == "foreign" or each.elsewhere)]:
        own = platform.new_item(thing.resource)
        mine = platform.operation(thing.resource, "read-item", own)
        before, seen = platform.state(mine), theirs.state(thing)
        known = theirs.seen(thing.path(thing.slug)).member("id")
        names = [thing.slug, *([quote(str(known), safe="")] if isinstance(known, str | int) else [])]
        paths = [platform.operation(thing.resource, "read-item", name).path for name in names]
        for path in paths if way == "foreign" else [thing.path(own)]:
            for operation in item_operations(platform, thing, path):
                reply = platform.as_role("full", operation)
                statuses = {403, 404} if way != "foreign" else {404} if path == paths[0] else {400, 403, 404}
                expect_kept_out(theirs, reply, statuses, f"for {operation} as full")
                expect_unchanged(seen, theirs.state(thing), reply)
                expect_unchanged(before, platform.state(mine), reply)


DOTS = {
    "plain": "/../", "encoded": "/%2e%2e/", "encoded-slash": "/..%2f", "both-named": ",", "any": "*", "null": "null",
}  # fmt: skip


def path_by_dots(own: str, theirs: str, dots: str) -> str:
    """A path that begins as one's own and leads to another one: up again from the segment in which they differ.

    Or one that names both there, or any with a star, or none with the word that stands for it.
    """
    ours, others = own.split("/"), theirs.split("/")
    place = next((at for at, pair in enumerate(zip(ours, others, strict=False)) if pair[0] != pair[1]), len(ours) - 1)
    if dots in ("*", "null"):
        return "/".join([*ours[:place], dots, *others[place + 1 :]])
    return "/".join(ours[: place + 1]) + dots + "/".join(others[place:])


@verifies("authorization/isolation/dots-lead-to-nothing-foreign")
@pytest.mark.parametrize("dots", [case(name, name) for name in DOTS])
def test_dots_lead_to_nothing_foreign(platform: Platform, theirs: ForeignThings, once: Once, dots: str) -> None:
    """Purpose: whose a path is is decided by where it leads, and not by how it begins.

    Method: 1. see that the role foreign reads what is its own
            2. as full, ask for the same by a path that goes through our organization and up again, that names both, any
               with a star, or none
            3. expect no 2xx, and nothing of the other organization in the answer
    """
    resource, foreign = theirs.places()[-1]
    operation = platform.operation(resource, "read")
    if not once("what is led to by dots", lambda: theirs.seen(foreign.path)).ok:
        raise Inconclusive(f"the role foreign does not read {foreign.path}", "a path that it may read")
    reply = platform.as_role("full", at_path(operation, path_by_dots(operation.path, foreign.path, DOTS[dots])))
    expect_kept_out(theirs, reply, set(range(300, 500)), "for another organization by way of our own")


QUERIES = {
    "organization": ("organization", "organization_id", "org", "org_id", "tenant", "owner", "include"),
    "thing": ("slug", "id", "ids", "parent", "project", "filter", "q", "search", "expand"),
}


@verifies("authorization/isolation/foreign-ids-in-queries-show-nothing")
@pytest.mark.parametrize("what", [case(name, name) for name in QUERIES])
def test_foreign_ids_in_queries_show_nothing(platform: Platform, theirs: ForeignThings, what: str) -> None:
    """Purpose: no parameter turns a list of one's own into another organization's.

    Method: 1. as full, read each resource that has its like elsewhere, and a thing that is there, with the other
               organization's slug, and those of its things, in parameters that filter, select or include
            2. expect nothing that the other organization stored in the answer, nor what is read there, and no 5xx
    """
    value = theirs.organization.organization if what == "organization" else theirs.things()[-1].slug
    resources = [resource for resource, _ in theirs.declared()]
    things = [each for resource in resources for each in theirs.those_of(resource) if each.ours]
    paths = [each.path for each in resources]
    paths += [each.path(each.slug) for each in things if what == "organization"]
    there = {each.path: theirs.seen(foreign.path) for each, foreign in theirs.declared() if what == "organization"}
    for path in paths:
        read = partial(platform.http.get, headers=[bearer(platform.oauth.token("full"))])
        for name in QUERIES[what]:
            reply = read(f"{path}?{name}={value}")
            expect_not_repeated(reply, theirs.canaries, STORED)
            expect_no_server_error(reply)
            if path in there:
                expect_not_theirs(reply, there[path], value, partial(read, path))


PARAMETERS = (
    *("organization", "organization_id", "organizationId", "org", "org_id", "orgId", "tenant", "tenant_id", "account"),
    *("workspace", "domain", "realm", "audience", "resource"),
)


@verifies("authorization/isolation/token-parameters-lead-to-nothing-foreign")
def test_token_parameters_lead_to_nothing_foreign(platform: Platform, theirs: ForeignThings) -> None:
    """Purpose: no parameter of a token request makes a token another organization's.

    Method: 1. as full, ask for a token with parameters that name the other organization, as organization, tenant …
            2. where one is issued, read each resource of the other organization with it: 403, 404 or 401, nothing shown
    """
    reply = platform.oauth.request_token(**dict.fromkeys(PARAMETERS, theirs.organization.organization))
    expect_no_server_error(reply)
    if access_token(reply) is None:
        return
    token = platform.oauth.taken(reply, "full")
    for resource, foreign in theirs.places():
        there = platform.send(at_path(platform.operation(resource, "read"), foreign.path), token)
        expect_kept_out(theirs, there, {401, 403, 404}, f"for {foreign.path} with such a token")


@verifies("authorization/isolation/equal-names-are-two-things")
def test_equal_names_are_two_things(platform: Platform, theirs: ForeignThings) -> None:
    """Purpose: what one organization does to a thing of its own never reaches another's of the same name.

    Method: 1. as full, create a thing of a name that the role foreign has given; no 5xx
            2. where it is created, change it and delete it
            3. expect the role foreign to find its own as before, each time, and nothing of it shown
    """
    for thing in [each for each in theirs.things() if each.ours]:
        before = theirs.state(thing)
        for kind in ("create", "update", "delete"):
            if kind != "create" and not getattr(thing.resource, kind):
                continue
            reply = platform.as_role("full", platform.operation(thing.resource, kind, thing.slug))
            expect_no_server_error(reply)
            expect_not_repeated(reply, theirs.canaries, STORED)
            expect_unchanged(before, theirs.state(thing), reply)
            if not reply.ok:
                break
            if kind == "create":
                platform.remember(thing.resource, thing.slug)


# Those that name a path are sent one by one: a front end may refuse some of them, and the others are told from those.
FORGED: dict[str, list[tuple[str, ...]]] = {
    "organization": [("X-Org-Id", "X-Organization", "X-Organization-Id", "X-Org", "X-Tenant-Id", "X-Tenant",
                      "X-Account-Id", "X-Account", "X-Workspace", "X-Customer-Id")],
    "host": [("X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host")],
    "client": [("X-User-Id", "X-User", "X-Client-Id", "X-Forwarded-User", "X-Remote-User", "X-Authenticated-Userid",
                "X-On-Behalf-Of", "X-Impersonate-User")],
    "path": [("X-Original-URL",), ("X-Rewrite-URL",), ("X-Forwarded-Uri",), ("X-Forwarded-Path",),
             ("X-Forwarded-Prefix",)],
}  # fmt: skip


@verifies("authorization/isolation/headers-lead-to-nothing-foreign")
@pytest.mark.parametrize("what", [case(name, name) for name in FORGED])
def test_headers_lead_to_nothing_foreign(platform: Platform, theirs: ForeignThings, what: str) -> None:
    """Purpose: forwarded and override fields, which any caller can set, change nothing.

    Method: 1. as full, read each resource of ours that has its like elsewhere, that one, and a thing that is there,
               under fields that name the other organization, a host, client or path of its
            2. expect ours answered with the status that it has without them, or refused, and the other 403 or 404
            3. expect nothing of the other organization in any answer
    """
    for resource, foreign in theirs.declared():
        operation = platform.operation(resource, "read")
        slug = theirs.organization.organization
        values = {"organization": slug, "host": f"{slug}.example", "path": foreign.path}
        value = values.get(what) or platform.oauth.credential("foreign").client_id
        plain = platform.as_role("full", operation)
        for names in FORGED[what]:
            fields, under = [(name, value) for name in names], ", ".join(names)
            ours = platform.as_role("full", operation, fields)
            expect_kept_out(theirs, ours, {plain.status, *range(400, 500)}, f"for {operation} under {under}")
            elsewhere = [foreign.path] if foreign.path != resource.path else []
            elsewhere += [each.path(each.slug) for each in theirs.those_of(resource)]
            for path in elsewhere if what != "path" else elsewhere[:1]:
                there = platform.as_role("full", at_path(operation, path), fields)
                expect_kept_out(theirs, there, {400, 403, 404}, f"for {path} under {under}")


@verifies("authorization/isolation/foreign-ids-in-queries-show-nothing")
@pytest.mark.parametrize("what", [case("cursor", "a cursor")])
def test_cursors_lead_to_nothing_foreign(platform: Platform, theirs: ForeignThings, what: str) -> None:
    """Purpose: whose list a page is of is said by its path and its reader, and not by the cursor that it is asked with.

    Method: 1. create eleven items; where their list comes in pages then, take the query of the second one
            2. as foreign, read the other organization's own list with that query
            3. expect none of the eleven in the answer, and no 5xx
    """
    judged = False
    for resource, foreign in theirs.places():
        if not (resource.create and resource.item and resource.unique):
            continue
        slugs = platform.many(resource)
        pages = platform.pages("full", platform.operation(resource, "read"), 2)
        query = urlsplit(pages[-1].url).query if len(pages) > 1 else ""
        if query:
            judged = True
            reply = platform.http.get(f"{foreign.path}?{query}", [bearer(platform.oauth.token("foreign"))])
            expect_no_server_error(reply)
            if shown := [each for each in slugs if shows(reply, each)]:
                expected = f"nothing of another organization for {what} of its list"
                raise NonConformance(expected, f"{shown[0]} in it", pages[-1], reply, proof=lacks(reply, shown[0]))
    if not judged:
        raise NotApplicable("no list with its like in another organization comes in pages")
