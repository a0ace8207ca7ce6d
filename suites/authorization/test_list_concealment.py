"""Hidden resources affect no list, total, search, conflict or response time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.concealment import Asked, expect_as_absent, expect_not_named
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.timing import expect_same_time
from conformance.sandbox.concealed_resources import Hidden, HiddenThings, hiding
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

EVERYTHING = "all=true&include_hidden=true&hidden=true&include=all&visibility=all&archived=true&deleted=true"
QUOTED = "%27%20OR%20%271%27%3D%271"
INJECTED = f"q={QUOTED}&search={QUOTED}&filter={QUOTED}&name={QUOTED}&slug[$ne]=cf"


@verifies("authorization/concealment/lists-do-not-show-hidden")
def test_lists_do_not_show_hidden(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: no list names what its reader may not see.

    Method: 1. read every declared resource as each role from which something is concealed; a list of such things also
               page by page, with bounds of its own, and with parameters that ask for all there is, or that a database
               would read
            2. expect the name of the hidden thing nowhere in the answers
    """
    for thing in hidden.all():
        if thing.name == platform.target.organization:
            continue
        for operation in platform.operations("read"):
            if operation.path == thing.path(thing.name):
                continue  # Its own path may be repeated in the error.
            listed = operation.resource.item is not None and operation.resource.item.path == thing.template
            for page in platform.pages(thing.role, operation) if listed else [platform.as_role(thing.role, operation)]:
                expect_not_named(page, thing.name)
            for query in ("?limit=200&offset=0", f"?{EVERYTHING}", f"?{INJECTED}") if listed else ():
                reply = platform.as_role(thing.role, operation, path=f"{operation.path}{query}")
                expect_not_named(reply, thing.name)


@verifies("authorization/concealment/lists-do-not-show-hidden")
@pytest.mark.parametrize("reader", [case("behind-its-owner", "full")])
def test_kept_list_does_not_show_hidden(platform: Platform, hidden: HiddenThings, reader: str) -> None:
    """Purpose: what is kept of the list that one reader was shown is not shown to the next.

    Method: 1. read each list in which a hidden thing stands as its owner, and at once as who may not see it, also
               by an address that nobody has asked for before
            2. expect its name nowhere in the second answer
    """
    lists = {resource.item.path: resource for resource in platform.resources if resource.item}
    for thing in hidden.all():
        if thing.template in lists:
            operation = platform.operation(lists[thing.template], "read")
            for path in (operation.path, f"{operation.path}?cf={platform.names.new()}"):
                platform.as_role(reader, operation, path=path)
                expect_not_named(platform.as_role(thing.role, operation, path=path), thing.name)


TOTALS = ("total", "count", "total_count", "totalCount", "total_items")


@verifies("authorization/concealment/totals-do-not-count-hidden")
def test_totals_do_not_count_hidden(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: no total counts what its reader may not see.

    Method: 1. read every declared resource as each role from which something is concealed; where an answer has one list
               and a total, again with a limit of that total
            2. where a page is not full and no further one can follow, expect the total to be the list's length: a page
               that is cut before what is hidden is left out tells how much that is
    """
    for role in {thing.role for thing in hidden.all()}:
        for operation in platform.operations("read"):
            reply = platform.as_role(role, operation)
            total = expect_total_as_listed(reply)
            if total:
                expect_total_as_listed(platform.as_role(role, operation, path=f"{operation.path}?limit={total}"))


def expect_total_as_listed(reply: Exchange) -> int | None:
    """The total of a list whose page is not full is its length; returns it, None where an answer is no such list."""
    document = reply.members() if reply.ok and "json" in reply.media_type else {}
    lists = [value for value in document.values() if isinstance(value, list)]
    totals = [document[name] for name in TOTALS if isinstance(document.get(name), int)]
    page = document.get("limit", document.get("per_page", 0))
    if len(lists) != 1 or not totals or not isinstance(page, int):
        return None
    if len(lists[0]) < page and totals[0] != len(lists[0]):
        raise NonConformance(f"a total of {len(lists[0])}, as listed", f"a total of {totals[0]}", reply)
    return int(totals[0])


ROUNDS = 8
# Fields that follow from what a list holds; others are of their moment (Date) or count the reader's own requests.
COUNTED = re.compile(r"etag|last-modified|content-range|link|.*(?:total|count).*")
TWO_MOMENTS = "it is about what was read before something hidden was made, and what behind it"


def read_by(platform: Platform, role: str) -> dict[str, Exchange]:
    """What a role is answered of every declared resource, by its path."""
    return {each.path: platform.as_role(role, each) for each in platform.operations("read")}


def counted(reply: Exchange) -> list[tuple[str, str]]:
    """The validators and totals of an answer."""
    return [each for each in reply.headers if COUNTED.fullmatch(each[0].lower())]


def alike(one: Exchange, other: Exchange) -> bool:
    """Whether two answers have the same status, body, validators and totals."""
    first, second = ((each.status, each.body, counted(each)) for each in (one, other))
    return first == second


@verifies("authorization/concealment/new-hidden-things-change-nothing")
def test_new_hidden_things_change_nothing(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: nobody learns from what it may read that something was made which it may not see.

    Method: 1. as each role of the organization from which an item can be hidden, read every declared resource; have its
               owner create a hidden item; read them again, and once more
            2. expect body, ETag, Last-Modified and fields with totals as before: a change counts if it is there behind
               each of eight creations, and never between the two readings behind it, since others change things at the
               same time
    """
    for resource in platform.resources_with("create", "item"):
        for role in resource.item.hidden_from if resource.item else ():
            suspects = {operation.path for operation in platform.operations("read")}
            for _ in range(ROUNDS):
                before = read_by(platform, role)
                hidden.new_item(resource)
                after, again = read_by(platform, role), read_by(platform, role)
                suspects = {
                    each
                    for each in suspects
                    if not alike(before[each], after[each]) and alike(after[each], again[each])
                }
                if not suspects:
                    break
            for path in sorted(suspects):
                pair = before[path], after[path]
                was, is_now = (f"{worded(each.body[:200])} with {dict(counted(each))}" for each in pair)
                wanted = f"{path} as before for {role}, behind each hidden creation: {was}"
                raise NonConformance(wanted, is_now, *pair, proof=Proof(beyond=TWO_MOMENTS))


SEARCHES = ("q", "search", "filter", "slug", "name")


@verifies("authorization/concealment/searching-tells-nothing")
@pytest.mark.parametrize("parameter", [case(name, name) for name in SEARCHES])
def test_searching_tells_nothing(platform: Platform, hidden: HiddenThings, parameter: str) -> None:
    """Purpose: what a list does not show cannot be found in it either, nor counted by its total.

    Method: 1. as a role of the same organization, read the list in which a hidden thing would stand: 2xx
            2. search it for the name of the hidden thing, between searches for names that never existed
            3. expect the answers to be alike, once the names are masked (a target may ignore the parameter)
    """
    lists = {resource.item.path: resource for resource in platform.resources if resource.item}
    searched = {(thing.role, thing.template): thing for thing in hidden.all() if thing.template in lists}
    for thing in searched.values():
        operation = platform.operation(lists[thing.template], "read")
        if not platform.as_role(thing.role, operation).ok:
            continue  # To whom the whole list is closed, it tells nothing.

        def ask(name: str, operation: Operation = operation, role: str = thing.role) -> Asked:
            path = f"{operation.path}?{parameter}={name}"
            return Asked(name, platform.as_role(role, operation, path=path))

        expect_as_absent(ask, thing.name, thing.control, f"for {thing.role} ({parameter}=…)")


@verifies("authorization/concealment/hidden-takes-the-same-time")
def test_hidden_takes_the_same_time(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: nor does the time of the answer tell what exists.

    Method: 1. read a hidden and an absent thing, the first that is declared for a role (to one of another organization
               that is this one itself), in random order within each pair, over one connection
            2. expect no difference by a rank test with effect size, or none again in a fresh sample
    """

    def hidden_one(thing: Hidden, token: tuple[str, str]) -> Exchange:
        return platform.http.get(thing.path(thing.name), [token])

    def absent_one(thing: Hidden, token: tuple[str, str]) -> Exchange:
        return platform.http.get(thing.path(thing.control()), [token])

    by_role = {thing.role: thing for thing in reversed(hidden.all())}
    for thing in by_role.values():
        token = bearer(platform.oauth.token(thing.role))
        expect_same_time(
            partial(hidden_one, thing, token),
            partial(absent_one, thing, token),
            f"what is hidden from {thing.role} and what is absent",
        )


@verifies("authorization/concealment/conflict-names-nothing-hidden")
def test_conflict_names_nothing_hidden(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: that a name is taken says no more of a hidden thing than of any other.

    Method: 1. as a role of the same organization, create a thing of a name that a hidden one has: 409, or 2xx
            2. create one of a name that a visible one has: 409
            3. expect the two 409 to be alike, once the names are masked
    """
    for thing in hidden.all():
        for resource in platform.resources:
            if thing.ours or not resource.create or not resource.item or resource.item.path != thing.template:
                continue
            if thing.role in resource.concealed_from:
                continue

            def ask(name: str, role: str = thing.role, resource: Resource = resource) -> Asked:
                return Asked(name, platform.as_role(role, platform.operation(resource, "create", name)))

            def visible(resource: Resource = resource) -> str:
                return platform.new_item(resource)

            if ask(thing.name).reply.status == 409:
                expect_as_absent(ask, thing.name, visible, like="any other name that is taken")


@verifies("authorization/concealment/lists-do-not-show-hidden")
@pytest.mark.parametrize("most", [case("further-pages", 30)])
def test_further_pages_do_not_show_hidden(platform: Platform, hidden: HiddenThings, most: int) -> None:
    """Purpose: nor does a page behind the first name what its reader may not see.

    Method: 1. have the owner create eleven items that all see, and one that is hidden
            2. read the list of them, as far as 30 pages, as each role from which items can be hidden
            3. where it comes in pages, expect the hidden one on none
    """
    judged = False
    for resource, role in hiding(platform):
        platform.many(resource)
        slug = hidden.new_item(resource)
        pages = platform.pages(role, platform.operation(resource, "read"), most)
        judged = judged or len(pages) > 1
        for page in pages:
            expect_not_named(page, slug)
    if not judged:
        raise NotApplicable("no list of what can be hidden comes in pages")


FORMS = ("text/csv", "application/xml", "application/hal+json", "text/html")


@verifies("authorization/concealment/lists-do-not-show-hidden")
@pytest.mark.parametrize("kinds", [case("in-other-forms", FORMS)])
def test_lists_in_other_forms_do_not_show_hidden(
    platform: Platform, hidden: HiddenThings, kinds: Sequence[str]
) -> None:
    """Purpose: nor does the list name it as a table to be saved, as a page or in another form.

    Method: 1. have the owner create a hidden item
            2. read the list, as each role from which items can be hidden, with Accept: text/csv, and other forms
            3. expect the hidden one in no answer, and no 5xx
    """
    for resource, role in hiding(platform):
        slug = hidden.new_item(resource)
        for kind in kinds:
            reply = platform.as_role(role, platform.operation(resource, "read"), [("Accept", kind)])
            expect_no_server_error(reply)
            expect_not_named(reply, slug)
