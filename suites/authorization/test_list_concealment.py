"""Hidden resources affect no list, total, search, conflict or response time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.concealment import Probe, expect_as_absent, expect_not_named
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.timing import expect_same_time
from conformance.sandbox.concealed_resources import ConcealedResources, Hidden, hiding
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

EVERYTHING = "all=true&include_hidden=true&hidden=true&include=all&visibility=all&archived=true&deleted=true"
QUOTED = "%27%20OR%20%271%27%3D%271"
INJECTED = f"q={QUOTED}&search={QUOTED}&filter={QUOTED}&name={QUOTED}&slug[$ne]=cf"


def lists_of(platform: Platform, hidden: ConcealedResources) -> list[tuple[Hidden, Operation]]:
    """Return each hidden item with the read of its list."""
    lists = {resource.item.path: resource for resource in platform.resources if resource.item}
    things = [thing for thing in hidden.all() if thing.template in lists]
    return [(thing, platform.operation(lists[thing.template], "read")) for thing in things]


@verifies("authorization/concealment/lists-do-not-show-hidden")
def test_lists_do_not_show_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: no list names a resource that its reader may not see.

    Method: 1. read every declared resource as each role from which something is hidden; read its list also page by
               page, with limits, with parameters that request everything, and with injected SQL
            2. expect the name of the hidden thing nowhere in the responses
    """
    for thing in hidden.all():
        if thing.name == platform.target.organization:
            continue
        for operation in platform.operations("read"):
            if operation.path == thing.path(thing.name):
                continue  # The error may repeat the path.
            listed = operation.resource.item is not None and operation.resource.item.path == thing.template
            for page in platform.pages(thing.role, operation) if listed else [platform.as_role(thing.role, operation)]:
                expect_not_named(page, thing.name)
            for query in ("?limit=200&offset=0", f"?{EVERYTHING}", f"?{INJECTED}") if listed else ():
                reply = platform.as_role(thing.role, operation, path=f"{operation.path}{query}")
                expect_not_named(reply, thing.name)


@verifies("authorization/concealment/lists-do-not-show-hidden#after-its-owner")
def test_cached_list_does_not_show_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a cache must not serve the list that one reader got to the next reader.

    Method: 1. read each list with a hidden thing as its owner, then as a role that must not see it; also at a new URL
            2. expect its name nowhere in the second response
    """
    for thing, operation in lists_of(platform, hidden):
        for path in (operation.path, f"{operation.path}?cf={platform.names.new()}"):
            platform.as_role("full", operation, path=path)
            expect_not_named(platform.as_role(thing.role, operation, path=path), thing.name)


@verifies("authorization/concealment/lists-do-not-show-hidden#further-pages")
def test_further_pages_do_not_show_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: the later pages of a list do not name hidden items either.

    Method: 1. create eleven visible items and a hidden one; read their list, up to 30 pages, as each role from which
               items can be hidden, by its own length and by a limit of five
            2. if it has several pages, expect the hidden item on none
    """
    judged = False
    for resource, role in hiding(platform):
        platform.many(resource)
        slug = hidden.new_item(resource)
        for limit in (None, 5):
            pages = platform.pages(role, platform.operation(resource, "read"), 30, limit)
            judged = judged or len(pages) > 1
            for page in pages:
                expect_not_named(page, slug)
    if not judged:
        raise NotApplicable("no list of items that can be hidden has several pages")


@verifies("authorization/concealment/lists-do-not-show-hidden#in-other-forms")
def test_lists_in_other_forms_do_not_show_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: an export or page of the list does not name hidden items either.

    Method: 1. create a hidden item; read its list, as each role that must not see it, as CSV, XML, HAL and HTML
            2. expect the hidden item in no response, and no 5xx
    """
    for resource, role in hiding(platform):
        slug = hidden.new_item(resource)
        for kind in ("text/csv", "application/xml", "application/hal+json", "text/html"):
            reply = platform.as_role(role, platform.operation(resource, "read"), [("Accept", kind)])
            expect_no_server_error(reply)
            expect_not_named(reply, slug)


@verifies("authorization/concealment/lists-do-not-show-hidden#totals")
def test_totals_do_not_count_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a total must not count items that its reader may not see.

    Method: 1. read every declared resource as each role from which something is hidden, and as its owner; where a
               response has one list and a total, in a member or header field, again with a limit of that total
            2. where the list is shorter than the stated limit, or the owner's is whole and no shorter, expect the total
               to be the length of the list
    """
    for role in {thing.role for thing in hidden.all()}:
        for operation in platform.operations("read"):
            owners = count(platform.as_role("full", operation))
            seen = expect_total_as_listed(platform.as_role(role, operation), owners)
            if seen and seen.total:
                path = f"{operation.path}?limit={seen.total}"
                expect_total_as_listed(platform.as_role(role, operation, path=path), owners)


TOTALS = {"total", "count", "total_count", "totalCount", "total_items", "totalItems", "totalElements", "x-total-count"}
LIMITS = {"limit", "per_page", "perPage", "page_size", "pageSize"}
PAGE_MEMBERS = ("meta", "_meta", "pagination", "paging", "page")


@dataclass(frozen=True)
class Count:
    """How many entries a list has, its stated total, and its stated limit (0 without one)."""

    entries: int
    total: int
    limit: int


def count(reply: Exchange) -> Count | None:
    """Return the count of a response's one list, with the total from its JSON or header fields; None without both."""
    try:
        document = reply.json() if reply.ok and "json" in reply.media_type else None
    except ValueError:
        return None
    top = document if isinstance(document, dict) else {"items": document}
    page_members = [each for name in PAGE_MEMBERS if isinstance(each := top.get(name), dict)]
    numbers = {name: each for level in (*page_members, top) for name, each in level.items() if type(each) is int}
    numbers |= {name.lower(): int(each) for name, each in reply.headers if each.isascii() and each.isdecimal()}
    lists = [each for each in top.values() if isinstance(each, list)]
    totals, limits = ([numbers[name] for name in sorted(names & numbers.keys())] for names in (TOTALS, LIMITS))
    return Count(len(lists[0]), totals[0], limits[0] if limits else 0) if len(lists) == 1 and totals else None


def expect_total_as_listed(reply: Exchange, owners: Count | None) -> Count | None:
    """Return the count of a list; expect its total to be its length if its limit or the owner's list shows it whole."""
    seen = count(reply)
    if seen and seen.total != seen.entries:
        as_owners = owners and owners.total == owners.entries >= seen.entries
        if seen.entries < seen.limit or (as_owners and not seen.limit):
            observed = f"a total of {seen.total}: it counts hidden items"
            raise NonConformance(f"a total of {seen.entries}, as listed", observed, reply)
    return seen


ROUNDS = 8
COUNTED = re.compile(r"etag|last-modified|content-range|link|.*(?:total|count).*")
"""Fields that depend on the content of a list; other fields may depend on the time or on the number of requests."""
View = tuple[int, bytes, list[tuple[str, str]]]


def view(reply: Exchange) -> View:
    """Return the status, body, validators and totals of a response."""
    return reply.status, reply.body, [each for each in reply.headers if COUNTED.fullmatch(each[0].lower())]


@verifies("authorization/concealment/hidden-creations-change-no-visible-response")
def test_hidden_creations_change_no_visible_response(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a reader must not notice that an item was created that is hidden from it.

    Method: 1. as each role from which items can be hidden, read every resource; create a hidden item; read twice again
            2. expect the same body, ETag, Last-Modified and totals; a change counts if it occurs at each of eight
               creations, and never between the two later reads
    """

    def read(role: str) -> dict[str, Exchange]:
        return {each.path: platform.as_role(role, each) for each in platform.operations("read")}

    for resource in platform.resources_with("create", "item"):
        for role in resource.item.hidden_from if resource.item else ():
            suspects = {operation.path for operation in platform.operations("read")}
            for _ in range(ROUNDS):
                before = read(role)
                hidden.new_item(resource)
                after, again = read(role), read(role)
                suspects = {
                    each
                    for each in suspects
                    if view(before[each]) != view(after[each]) and view(after[each]) == view(again[each])
                }
                if not suspects:
                    break
            for path in sorted(suspects):
                pair = before[path], after[path]
                expected_view, seen = (f"{worded(each.body[:200])} with {dict(view(each)[2])}" for each in pair)
                expected = f"{path} as before for {role}, after each hidden creation: {expected_view}"
                raise NonConformance(expected, seen, *pair)


@verifies("authorization/concealment/hidden-is-answered-as-absent")
@pytest.mark.parametrize(
    "parameter", [case(f"search-by-{name}", name) for name in ("q", "search", "filter", "slug", "name")]
)
def test_search_finds_nothing_hidden(platform: Platform, hidden: ConcealedResources, parameter: str) -> None:
    """Purpose: a search must not find or count an item that its list does not show.

    Method: 1. as a role of the same organization, read the list of a hidden thing: 2xx
            2. search it for the name of the hidden thing, between searches for names that never existed
            3. expect the same responses with the names masked (a target may ignore the parameter)
    """
    searched = {(thing.role, thing.template): (thing, read) for thing, read in lists_of(platform, hidden)}
    for thing, operation in searched.values():
        if not platform.as_role(thing.role, operation).ok:
            continue  # The whole list is closed to this role.

        def search(name: str, operation: Operation = operation, role: str = thing.role) -> Probe:
            path = f"{operation.path}?{parameter}={name}"
            return Probe(name, platform.as_role(role, operation, path=path))

        expect_as_absent(search, thing.name, thing.control, f"for {thing.role} ({parameter}=…)")


@verifies("authorization/concealment/hidden-takes-the-same-time")
@sends_up_to(1700)
def test_hidden_takes_the_same_time(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: response times must not show which hidden resources exist.

    Method: 1. read the first hidden thing of each role and an absent one, in random order, over one connection
            2. expect no difference by a rank test with effect size, or none in a second sample
    """

    def read(thing: Hidden, token: tuple[str, str], absent: bool) -> Exchange:
        return platform.http.get(thing.path(thing.control() if absent else thing.name), [token])

    for thing in {thing.role: thing for thing in reversed(hidden.all())}.values():
        request = partial(read, thing, bearer(platform.oauth.token(thing.role)))
        pair = (partial(request, absent=False), partial(request, absent=True))
        expect_same_time(*pair, f"what is hidden from {thing.role} and what is absent")


@verifies("authorization/concealment/conflict-names-nothing-hidden")
def test_conflict_names_nothing_hidden(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a 409 says no more about a hidden item than about a visible one.

    Method: 1. as a role of the same organization, create an item with the name of a hidden one: 409, or 2xx
            2. create one with the name of a visible one: 409
            3. expect the same 409 for both, with the names masked
    """
    for thing in hidden.all():
        for resource in platform.resources:
            if thing.ours or not resource.create or not resource.item or resource.item.path != thing.template:
                continue
            if thing.role in resource.concealed_from:
                continue

            def create(name: str, role: str = thing.role, resource: Resource = resource) -> Probe:
                return Probe(name, platform.as_role(role, platform.operation(resource, "create", name)))

            if create(thing.name).reply.status == 409:
                visible = partial(platform.new_item, resource)
                expect_as_absent(create, thing.name, visible, like="any other name that exists")
