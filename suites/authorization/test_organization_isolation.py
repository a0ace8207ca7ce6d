"""A token reaches nothing of another organization by path, id, query, cursor or header field."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import quote, urlsplit

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.oauth.client import access_token, bearer
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_pair
from conformance.oracles.documents import shows
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.oracles.tenant_leaks import expect_no_sighting, expect_not_theirs
from conformance.sandbox.other_tenant import ForeignItem, ForeignItems
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

STORED = "another organization's data"


def expect_no_access(theirs: ForeignItems, reply: Exchange, statuses: set[int], because: str) -> None:
    """Expect one of these statuses, and nothing of the other organization in the response."""
    expect_not_repeated(reply, theirs.canaries, STORED)
    expect_status(reply, statuses, because)


def item_operations(platform: Platform, thing: ForeignItem, path: str) -> list[Operation]:
    """Return the operations on a thing at a path: reading, and if the run created it, changing and deleting."""
    kinds = ["read-item", *(kind for kind in ("update", "delete") if thing.ours and getattr(thing.resource, kind))]
    return [replace(platform.operation(thing.resource, kind, thing.slug), path=path) for kind in kinds]


@verifies("authorization/isolation/nothing-reaches-another-organization")
@pytest.mark.parametrize("role", [case("foreign", "foreign"), case("no-token", None)])
def test_nothing_reaches_another_organization(platform: Platform, role: str | None) -> None:
    """Purpose: no content of one organization reaches another one, or an unauthenticated client.

    Method: 1. create an item with a unique text that its owner reads
            2. perform every declared and some undeclared operations on it, as the role foreign and without a token
            3. expect the text nowhere in the responses
    """
    token = platform.oauth.token(role) if role else None
    for item in platform.operations("read-item"):
        canary = f"text of {platform.slug_of(item)}"
        if not shows(platform.as_role("full", item), canary):
            raise Inconclusive("the owner's read does not show the created text", "a create.body with {text} in it")
        for operation in platform.operations(*(kind for kind in KINDS if kind != "create")):
            expect_not_repeated(platform.send(operation, token), [canary], STORED)
        for method in ("OPTIONS", "TRACE", "PUT", "POST"):
            expect_not_repeated(platform.send(item, token, method=method), [canary], STORED)


MOST_PAGES = 10


@verifies("authorization/isolation/nothing-reaches-another-organization#later-pages")
def test_later_pages_show_no_other_organization(platform: Platform, theirs: ForeignItems) -> None:
    """Purpose: the later pages of a list show one organization only, like the first.

    Method: 1. create eleven items; each organization has some in a list of its own
            2. read up to ten pages of each list as its owner, by its own length and by a short limit
            3. expect nothing of the one organization on any page of the other
    """
    judged = False
    for resource, foreign in theirs.declared():
        if not (resource.create and resource.item and resource.unique):
            continue
        unseen = {"foreign": platform.many(resource), "full": theirs.canaries}
        things = theirs.items_of(resource)
        read = platform.operation(resource, "read")
        for role, limit in {"foreign": 1, "full": 5}.items():
            operation = replace(read, path=foreign.path) if role == "foreign" else read
            pages = [page for each in (None, limit) for page in platform.pages(role, operation, MOST_PAGES, each)]
            judged |= len(pages) > 2 and bool(things)
            for page in pages:
                expect_not_repeated(page, unseen[role], STORED)
    if not judged:
        raise NotApplicable("no list of both organizations has pages")


@verifies("authorization/isolation/valid-token-of-another-organization-is-not-401")
def test_valid_token_of_another_organization_is_not_401(platform: Platform) -> None:
    """Purpose: a client that gets 401 requests a new token, although its token is valid.

    Method: 1. read each declared resource as the role foreign; 2. expect 403 or 404, and not 401
    """
    if not platform.oauth.has("foreign"):
        raise NotDeclared("the target file has no credential in the role foreign", "identity.credentials.foreign")
    for operation in platform.shut("read"):
        expect_status(platform.as_role("foreign", operation), {403, 404}, f"for {operation} as foreign")


@verifies("authorization/isolation/paths-of-another-organization-open-nothing")
@pytest.mark.parametrize("kind", ["read", "create"])
def test_paths_of_another_organization_open_nothing(platform: Platform, theirs: ForeignItems, kind: str) -> None:
    """Purpose: the resources of another organization are closed to us, as ours are to it.

    Method: 1. as full, read the other organization's resources, and create items in them, also of an existing name
            2. expect 403 or 404, and nothing shown
    """
    for resource, foreign in theirs.places():
        if kind == "create" and not resource.create:
            continue
        operation = replace(platform.operation(resource, kind), path=foreign.path)
        sent = [operation]
        if kind == "create" and foreign.slug:
            names = {resource.unique: foreign.slug} if resource.unique else {}
            sent.append(replace(operation, document={**(operation.document or {}), **names}))
        for each in sent:
            expect_no_access(theirs, platform.as_role("full", each), {403, 404}, f"for {each} as full")


@verifies("authorization/isolation/paths-of-another-organization-open-nothing#items")
def test_items_of_another_organization_look_absent(platform: Platform, theirs: ForeignItems) -> None:
    """Purpose: the items of another organization are closed to us, and look like absent ones.

    Method: 1. see that the role foreign reads each of its things
            2. as full, read, change and delete them, and absent ones: expect the same status, 403 or 404
            3. expect the role foreign to find all unchanged
    """
    for thing in theirs.items():
        before = theirs.state(thing)
        for operation in item_operations(platform, thing, thing.path(thing.slug)):
            reply = platform.as_role("full", operation)
            control = platform.as_role("full", replace(operation, path=thing.path(platform.names.new())))
            expect_no_access(theirs, reply, {403, 404}, f"for {operation} as full, as for an absent item")
            expect_pair(reply, control)
            expect_unchanged(before, theirs.state(thing), reply)


@verifies("authorization/isolation/items-are-found-under-their-own-organization-only")
@pytest.mark.parametrize("way", [case("foreign-child", "foreign"), case("own-child-of-a-foreign-parent", "own")])
def test_items_are_found_under_their_own_organization_only(platform: Platform, theirs: ForeignItems, way: str) -> None:
    """Purpose: a service must not look up an item by its id alone and ignore the organization in the path.

    Method: 1. as full, read, change, delete a foreign slug and id under our path, and our slug under the foreign path
            2. expect 404 (403 under the foreign path, 400 for an id), nothing shown, and both items unchanged
    """
    for thing in [each for each in theirs.items() if each.ours and (way == "foreign" or each.elsewhere)]:
        own = platform.new_item(thing.resource)
        read = platform.operation(thing.resource, "read-item", own)
        before, seen = platform.state(read), theirs.state(thing)
        id_there = theirs.read(thing.path(thing.slug)).member("id")
        names = [thing.slug, *([quote(str(id_there), safe="")] if isinstance(id_there, str | int) else [])]
        paths = [platform.operation(thing.resource, "read-item", name).path for name in names]
        for path in paths if way == "foreign" else [thing.path(own)]:
            for operation in item_operations(platform, thing, path):
                reply = platform.as_role("full", operation)
                statuses = {403, 404} if way != "foreign" else {404} if path == paths[0] else {400, 403, 404}
                expect_no_access(theirs, reply, statuses, f"for {operation} as full")
                expect_unchanged(seen, theirs.state(thing), reply)
                expect_unchanged(before, platform.state(read), reply)


DOTS = {
    "plain": "/../", "encoded": "/%2e%2e/", "encoded-slash": "/..%2f", "both-named": ",", "any": "*", "null": "null",
}  # fmt: skip


def path_by_dots(own: str, theirs: str, dots: str) -> str:
    """Return a path that begins like our own and leads to theirs, by dots after the segment in which they differ.

    Or a path with both names, a star or null in that segment.
    """
    ours, others = own.split("/"), theirs.split("/")
    place = next((at for at, pair in enumerate(zip(ours, others, strict=False)) if pair[0] != pair[1]), len(ours) - 1)
    if dots in ("*", "null"):
        return "/".join([*ours[:place], dots, *others[place + 1 :]])
    return "/".join(ours[: place + 1]) + dots + "/".join(others[place:])


@verifies("authorization/isolation/requests-reach-no-other-organization")
@pytest.mark.parametrize("dots", [case(f"path-{name}", value) for name, value in DOTS.items()])
def test_path_traversal_reaches_no_other_organization(
    platform: Platform, theirs: ForeignItems, once: Once, dots: str
) -> None:
    """Purpose: the organization of a path is the one that it leads to, not the one that it begins with.

    Method: 1. see that the role foreign reads a resource of its own
            2. as full, request it by a path through our organization and up again, with both names, a star, or null
            3. expect no 2xx, and nothing of the other organization in the response
    """
    resource, foreign = theirs.places()[-1]
    operation = platform.operation(resource, "read")
    if not once("the target of path traversal", lambda: theirs.read(foreign.path)).ok:
        raise Inconclusive(f"the role foreign does not read {foreign.path}", "a path that it may read")
    reply = platform.as_role("full", replace(operation, path=path_by_dots(operation.path, foreign.path, dots)))
    expect_no_access(theirs, reply, set(range(300, 500)), "for another organization by way of our own")


QUERIES = {
    "organization": ("organization", "organization_id", "org", "org_id", "tenant", "owner", "include"),
    "thing": ("slug", "id", "ids", "parent", "project", "filter", "q", "search", "expand"),
}


@verifies("authorization/isolation/requests-reach-no-other-organization")
@pytest.mark.parametrize("what", [case(f"query-{name}", name) for name in QUERIES])
def test_queries_show_no_other_organization(platform: Platform, theirs: ForeignItems, what: str) -> None:
    """Purpose: no query parameter turns our list into that of another organization.

    Method: 1. as full, read each resource that both organizations have, and an item there, with the slugs of the other
               organization and its items in parameters that filter, select or include
            2. expect nothing that the other organization stored or reads there, and no 5xx
    """
    value = theirs.organization.organization if what == "organization" else theirs.items()[-1].slug
    resources = [resource for resource, _ in theirs.declared()]
    things = [each for resource in resources for each in theirs.items_of(resource) if each.ours]
    paths = [each.path for each in resources]
    paths += [each.path(each.slug) for each in things if what == "organization"]
    existing = {each.path: theirs.read(foreign.path) for each, foreign in theirs.declared() if what == "organization"}
    for path in paths:
        read = partial(platform.http.get, headers=[bearer(platform.oauth.token("full"))])
        for name in QUERIES[what]:
            reply = read(f"{path}?{name}={value}")
            expect_not_repeated(reply, theirs.canaries, STORED)
            expect_no_server_error(reply)
            if path in existing:
                expect_not_theirs(reply, existing[path], value, partial(read, path))


@verifies("authorization/isolation/requests-reach-no-other-organization#cursor")
def test_cursors_show_no_other_organization(platform: Platform, theirs: ForeignItems) -> None:
    """Purpose: the path and the reader decide whose list is read, not the cursor.

    Method: 1. create eleven items; if their list has several pages, take the query of the second one
            2. as foreign, read the other organization's list with that query: expect none of the eleven, and no 5xx
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
                expected = "nothing of another organization for a cursor of its list"
                raise NonConformance(expected, f"{shown[0]} in the response", pages[-1], reply)
    if not judged:
        raise NotApplicable("no list of both organizations has several pages")


PARAMETERS = (
    *("organization", "organization_id", "organizationId", "org", "org_id", "orgId", "tenant", "tenant_id", "account"),
    *("workspace", "domain", "realm", "audience", "resource"),
)


@verifies("authorization/isolation/requests-reach-no-other-organization#token-parameters")
def test_token_parameters_reach_no_other_organization(platform: Platform, theirs: ForeignItems) -> None:
    """Purpose: no parameter of a token request turns a token into one of another organization.

    Method: 1. as full, request a token with parameters that name the other organization: organization, tenant …
            2. if one is issued, read each resource of the other organization with it: expect 401, 403 or 404
    """
    platform.oauth.token("full")
    reply = platform.oauth.request_token(**dict.fromkeys(PARAMETERS, theirs.organization.organization))
    expect_no_server_error(reply)
    if access_token(reply) is None:
        return
    token = platform.oauth.learned_token(reply, "full")
    for resource, foreign in theirs.places():
        answer = platform.send(replace(platform.operation(resource, "read"), path=foreign.path), token)
        expect_no_access(theirs, answer, {401, 403, 404}, f"for {foreign.path} with such a token")


@verifies("authorization/isolation/equal-names-are-separate-items")
def test_equal_names_are_separate_items(platform: Platform, theirs: ForeignItems) -> None:
    """Purpose: two organizations may use one name, and must not change each other's item.

    Method: 1. as full, create an item of a name that the role foreign uses; if created, change it and delete it
            2. expect no 5xx, and the role foreign to find its own unchanged each time, and nothing of it shown
    """
    for thing in [each for each in theirs.items() if each.ours]:
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


# Fields that name a path are sent separately: a front end may refuse one of them and read another.
FORGED: dict[str, list[tuple[str, ...]]] = {
    "organization": [("X-Org-Id", "X-Organization", "X-Organization-Id", "X-Org", "X-Tenant-Id", "X-Tenant",
                      "X-Account-Id", "X-Account", "X-Workspace", "X-Customer-Id")],
    "host": [("X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host")],
    "client": [("X-User-Id", "X-User", "X-Client-Id", "X-Forwarded-User", "X-Remote-User", "X-Authenticated-Userid",
                "X-On-Behalf-Of", "X-Impersonate-User")],
    "path": [("X-Original-URL",), ("X-Rewrite-URL",), ("X-Forwarded-Uri",), ("X-Forwarded-Path",),
             ("X-Forwarded-Prefix",)],
}  # fmt: skip


@verifies("authorization/isolation/requests-reach-no-other-organization")
@pytest.mark.parametrize("kind", [case(f"header-{name}", name) for name in FORGED])
def test_headers_reach_no_other_organization(platform: Platform, theirs: ForeignItems, kind: str) -> None:
    """Purpose: any caller can set forwarded and override fields, so they must not select an organization.

    Method: 1. as full, read each resource that both organizations have, here and there, and an item there, with fields
               that name the other organization, or its host, client or path
            2. expect ours with its usual status or 4xx, and theirs with 400, 403 or 404
            3. expect nothing of the other organization in any response
    """
    for resource, foreign in theirs.declared():
        operation = platform.operation(resource, "read")
        slug = theirs.organization.organization
        values = {"organization": slug, "host": f"{slug}.example", "path": foreign.path}
        value = values.get(kind) or platform.oauth.credential("foreign").client_id
        usual = platform.as_role("full", operation)
        for names in FORGED[kind]:
            fields, listed = [(name, value) for name in names], ", ".join(names)
            ours = platform.as_role("full", operation, fields)
            expect_no_access(theirs, ours, {usual.status, *range(400, 500)}, f"for {operation} under {listed}")
            elsewhere = [foreign.path] if foreign.path != resource.path else []
            elsewhere += [each.path(each.slug) for each in theirs.items_of(resource)]
            for path in elsewhere if kind != "path" else elsewhere[:1]:
                reply = platform.as_role("full", replace(operation, path=path), fields)
                expect_no_access(theirs, reply, {400, 403, 404}, f"for {path} under {listed}")


@verifies("authorization/isolation/no-response-shows-another-organization")
@concludes()
def test_no_response_shows_another_organization(platform: Platform, theirs: ForeignItems, recorder: Recorder) -> None:
    """Purpose: nothing that another organization stored reaches any other caller, in any part of any response.

    Method: 1. see that the role foreign reads a canary: a text that occurs only in its things
            2. as full and without a token, send valid and invalid requests here and there, and failing token requests
            3. expect no canary in these responses, and in all others of the run to other credentials, of any surface
    """
    shown = [theirs.read(foreign.path) for _, foreign in theirs.declared()]
    if not any(shows(each, canary) for each in shown for canary in theirs.canaries):
        needed = "canaries in [targets.X.foreign] that occur in what it reads"
        raise Inconclusive("the role foreign reads no canary", needed)
    for token in (platform.oauth.token("full"), None):
        send_everything(platform, theirs, token)
    platform.oauth.request_token(client_secret="cf-not-the-secret")
    platform.oauth.request_token(scope="cf:unknown")
    expect_no_sighting(recorder)


def send_everything(platform: Platform, theirs: ForeignItems, token: str | None) -> None:
    """Send every declared read and change, valid and invalid, here and in the other organization."""
    operations = platform.operations("read", "create", "read-item", "update")
    for operation in operations:
        if operation.kind == "create":
            platform.remember(operation.resource, str(platform.slug_of(operation)))
    foreign_reads = [(platform.operation(resource, "read"), foreign.path) for resource, foreign in theirs.declared()]
    for operation, path in [*((each, each.path) for each in operations), *foreign_reads]:
        send = partial(platform.send, operation, token)
        at_once([
            partial(send, path=path),
            partial(send, path=path, method="OPTIONS"),
            partial(send, [("If-Match", '"cf"'), ("If-None-Match", "*")], path=path),
            partial(send, path=f"{path}?limit=cf"),
            partial(send, path=f"{path}/{platform.names.new()}"),
            partial(send, path=path, document={"cf": 1}),
        ])  # fmt: skip
