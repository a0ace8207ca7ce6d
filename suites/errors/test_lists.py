"""The pages of a list contain each item exactly once, with its current values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import expect_json_where_told, lists_in, member, shows
from conformance.oracles.proofs import shows_text
from conformance.oracles.status import expect_success, observed
from conformance.sandbox.pages import is_told_to_be_the_last
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

MOST = 60


@verifies("errors/lists/complete-and-current#after-changes")
@pytest.mark.parametrize("what", [case("created-items", "what was created")])
def test_lists_have_what_was_created(platform: Platform, what: str) -> None:
    """Purpose: a list is of the things that there are, and not of none, nor of those that there were an hour ago.

    Method: 1. create eleven items; read the list where they were created, to its end
            2. where it is empty, or tells its end by the declared member and has objects with the unique one, expect
               one of the eleven in it within seconds
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs, read = platform.many(resource), platform.operation(resource, "read")
        pages = platform.pages("full", read, MOST)
        if not _is_complete(pages, resource):
            continue
        judged = True
        if not (_names_any(pages, slugs) or platform.soon(partial(_is_named, platform, read, slugs))):
            expected = f"one of {len(slugs)} items in the list, such as {worded(slugs[0])}"
            proof = Proof(beyond="what a list has hangs on what there is")
            raise NonConformance(expected, "none of them, to its end", pages[0], pages[-1], proof=proof)
    if not judged:
        raise NotApplicable(f"no list that tells its end has things by their unique member, as {what} has")


def _is_named(platform: Platform, read: Operation, slugs: list[str]) -> bool:
    return _names_any(platform.pages("full", read, MOST), slugs)


def _names_any(pages: Iterable[Exchange], slugs: list[str]) -> bool:
    return any(shows(page, slug) for page in pages for slug in slugs)


def _is_complete(pages: list[Exchange], resource: Resource) -> bool:
    """Whether the pages have nothing at all; or are the whole list by their own word, of things with the unique member.

    A list that does not say so may be longer, and by other members things are told apart as well.
    """
    documents = [_document(page) for page in pages]
    lists = [each for document in documents for each in lists_in(document)]
    if lists and not any(lists):
        return True
    named = (thing for each in lists for thing in each if isinstance(thing, dict))
    whole = resource.pages is not None and is_told_to_be_the_last(pages[-1], resource)
    return whole and any(isinstance(thing.get(str(resource.unique)), str) for thing in named)


def _document(page: Exchange) -> Any:
    """The JSON of a page; None where it is none."""
    try:
        return page.json()
    except (ValueError, RecursionError):
        return None


ROUNDS = 3


@verifies("errors/lists/complete-and-current#pages")
def test_pages_are_the_whole_list(platform: Platform) -> None:
    """Purpose: who reads a list to its end has missed nothing where one page ends and the next begins.

    Method: 1. create eleven items; where the list comes in pages then, read it from its first page to its last
            2. expect each page that another leads to to be there
            3. if it names one of them, expect all; who else writes meanwhile may move one: so three readings count;
               and within seconds of one that says by the declared member that no page follows the first
            4. where it has no end, expect no page of it to come again and again
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs = platform.many(resource)
        read = platform.operation(resource, "read")
        missing, pages = _missing_from_list(platform, read, slugs)
        _expect_served(platform, read, pages)
        if len(pages) == MOST:
            _expect_other_pages(pages, slugs)
        if len(missing) == len(slugs) or len(pages) == MOST or (len(pages) == 1 and not _is_last(pages[0], resource)):
            continue
        judged = True
        if missing and (len(pages) > 1 or not platform.soon(partial(_all_named, platform, read, slugs))):
            told = f"{len(pages)} page{'s' * (len(pages) > 1)} without {worded(min(missing))}"
            proof = Proof(beyond="where a page ends hangs on how many items there are")
            raise NonConformance(f"each of {len(slugs)} items on a page of the list", told, *pages, proof=proof)
    if not judged:
        raise NotApplicable("no list that names what is created comes in pages and can be read to its end")


@verifies("errors/lists/each-item-once")
def test_pages_name_each_once(platform: Platform) -> None:
    """Purpose: who counts or copies what a list has does no thing twice.

    Method: 1. create eleven items, and the first once more; where the list comes in pages then, read it to its end
            2. expect none of them in the lists of two pages, the same one in each of three readings: one that others'
               writes move to the next page is another each time
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        unique, slugs = str(resource.unique), set(platform.many(resource))
        # What is refused as a duplicate is nothing that a list has.
        platform.as_role("full", platform.operation(resource, "create", min(slugs)))
        twice = slugs
        for _ in range(ROUNDS):
            pages = platform.pages("full", platform.operation(resource, "read"), MOST)
            met = Counter(slug for page in pages for slug in twice & _named(page, unique, slugs))
            judged |= bool(met) and 1 < len(pages) < MOST
            twice = {slug for slug in twice if met[slug] > 1 and len(pages) < MOST}
            if not twice:
                break
        else:
            again = [page for page in pages if min(twice) in _named(page, unique, slugs)]
            proof = Proof(beyond="where a page ends hangs on how many items there are")
            told = f"{worded(min(twice))} on {len(again)} of {len(pages)} pages"
            raise NonConformance("each item on one page of the list", told, *again, proof=proof)
    if not judged:
        raise NotApplicable("no list that names what is created comes in pages and can be read to its end")


@verifies("errors/lists/complete-and-current#after-changes")
@pytest.mark.parametrize("what", [case("own-texts", "text")])
def test_lists_tell_of_each_its_own(platform: Platform, what: str) -> None:
    """Purpose: what stands beside a name in a list is that thing's, and no neighbour's.

    Method: 1. create eleven items, of each of which the name stands in its texts; read the list in which they stand
            2. expect in no object with the unique name of one a text of another; a list need show no text at all
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs, unique = platform.many(resource), str(resource.unique)
        sent = platform.operation(resource, "create", slugs[0]).document or {}
        members = [name for name, value in sorted(sent.items()) if slugs[0] in str(value) and name != unique]
        for page in platform.pages("full", platform.operation(resource, "read")):
            for thing in chain.from_iterable(_lists(page)):
                slug = thing.get(unique)
                if slug in slugs:
                    judged = True
                    _expect_own(page, slug, {name: thing.get(name) for name in members}, slugs)
    if not judged:
        raise NotApplicable("no list has objects with the unique member of what was created")


# What whoever writes JSON by hand, or twice, forgets one of.
WRITTEN = 'one\ttwo\nthree "four" \\ <five> & \u6f22 \U0001f680 end'
LONG = "whose-name-goes-on-and-on"
CUT = re.compile(r"\s*[\[(]?(?:\.{3}|\u2026)[\])]?\Z")
"""What stands behind a text of which a list has the beginning."""


@verifies("errors/lists/complete-and-current#after-changes")
@pytest.mark.parametrize("text", [case("texts-as-written", WRITTEN)])
def test_lists_tell_texts_as_written(platform: Platform, text: str) -> None:
    """Purpose: a list is written as well as what it lists: in JSON that can be read, with texts as they are.

    Method: 1. create an item of a long name, or a short one where that is refused, with tabs, lines, quotes, marks of
               markup and characters of four bytes in its texts; a service may refuse them; read the list in which it is
            2. expect JSON, the whole name where there is its beginning, and in the object with its unique name the
               item's own id, where both tell one of a kind, and its own texts, or their beginning
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slug = platform.names.new(LONG)
        create = platform.operation(resource, "create", slug)
        platform.remember(resource, slug)
        if not platform.as_role("full", create, document=create.reworded(lambda _: text)).ok:
            create = platform.operation(resource, "create", slug := platform.names.new())
            platform.remember(resource, slug)
            if not platform.as_role("full", create, document=create.reworded(lambda _: text)).ok:
                continue
        item = platform.as_role("full", platform.operation(resource, "read-item", slug))
        for page in platform.pages("full", platform.operation(resource, "read")):
            expect_json_where_told(page)
            for thing in _objects_named(slug, str(resource.unique), page):
                judged = True
                _expect_its_id(thing, page, item)
                for name in sorted(create.texts):
                    _expect_beginning(name, thing.get(name), member(item, name), page, item)
    if not judged:
        raise NotApplicable("no list has objects with the unique member of what was created")


def _objects_named(slug: str, unique: str, page: Exchange) -> Iterator[dict[str, Any]]:
    """Yield the objects of a page with this slug; raise where a page cuts the slug off."""
    for thing in chain.from_iterable(_lists(page)):
        told = str(thing.get(unique))
        if slug.removesuffix(f"-{LONG}") <= told < slug and slug.startswith(told):
            raise NonConformance(f"{unique} {worded(slug)}", worded(told), page, proof=shows_text(page, slug))
        if told == slug:
            yield thing


def _expect_its_id(thing: dict[str, Any], page: Exchange, item: Exchange) -> None:
    told, own = thing.get("id"), member(item, "id")
    if type(told) is type(own) and told != own:
        proof = Proof(beyond="which id a thing has is told by another request")
        raise NonConformance(f"id {worded(own)}, as the item has", worded(told), item, page, proof=proof)


def _expect_beginning(name: str, told: Any, own: Any, page: Exchange, item: Exchange) -> None:
    """A text is as the item has it, or begins so; a list may leave out lines and elements, or have words of its own."""
    if not isinstance(told, str) or not isinstance(own, str):
        return
    forms = [(edit(CUT.sub("", told)), edit(own)) for edit in (_on_one_line, _without_tags)]
    if forms[0][0][:3] == forms[0][1][:3] and not any(whole.startswith(kept) for kept, whole in forms):
        proof = Proof(beyond="which text stands beside which name is no matter of one text alone")
        raise NonConformance(f"{name} {worded(own)}, as the item has", worded(told), item, page, proof=proof)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _without_tags(text: str) -> str:
    return _on_one_line(re.sub("<[a-z]+>", " ", text))


def _expect_own(page: Exchange, slug: str, texts: dict[str, Any], slugs: list[str]) -> None:
    """No text of these is that of another item; names that begin alike are told apart by the longest that fits."""
    for name, text in texts.items():
        whose = max((each for each in slugs if each in str(text)), key=len, default=slug)
        if whose != slug and slug not in str(text):
            proof = Proof(beyond="which text stands beside which name is no matter of one text alone")
            raise NonConformance(
                f"{name} of {slug}", f"{worded(str(text))}, which is that of {whose}", page, proof=proof
            )


def _expect_served(platform: Platform, read: Operation, pages: list[Exchange]) -> None:
    """What a page names as the next one is there, in one of three readings at least: a list may end meanwhile."""
    for _ in range(ROUNDS - 1):
        if pages[-1].ok:
            return
        pages = platform.pages("full", read, MOST)
    before, reply = pages[-2:] if len(pages) > 1 else (None, None)
    if before and reply and not reply.ok and reply.status not in {429, *GATEWAY_ERRORS}:
        proof = Proof(beyond="where a page ends hangs on how many items there are")
        told = f"2xx for {reply.url}, which the page before names as the next"
        raise NonConformance(told, observed(reply), before, reply, proof=proof)


def _expect_other_pages(pages: list[Exchange], slugs: list[str]) -> None:
    """No page leads, by others or at once, to itself: under one address with the same items."""
    met = Counter((page.url, *(slug for slug in slugs if shows(page, slug))) for page in pages)
    (address, *_), times = met.most_common(1)[0]
    if times >= ROUNDS:
        again = [page for page in pages if page.url == address][:2]
        proof = Proof(beyond="where a page leads hangs on how many items there are")
        raise NonConformance("a last page", f"{address} {times} times of {len(pages)}", *again, proof=proof)


def _missing_from_list(platform: Platform, read: Operation, slugs: list[str]) -> tuple[set[str], list[Exchange]]:
    """Return the slugs that no reading of a list names, and the pages of the last reading."""
    missing, pages = set(slugs), list[Exchange]()
    for _ in range(ROUNDS):
        pages = platform.pages("full", read, MOST)
        missing -= {slug for slug in missing if any(shows(page, slug) for page in pages)}
        if not missing or len(pages) in (1, MOST):
            break
    return missing, pages


def _all_named(platform: Platform, read: Operation, slugs: list[str]) -> bool:
    return not _missing_from_list(platform, read, slugs)[0]


def _is_last(page: Exchange, resource: Resource) -> bool:
    """Return whether a page states that it is the last one, so that the list is complete."""
    return resource.pages is not None and is_told_to_be_the_last(page, resource)


def _named(page: Exchange, unique: str, wanted: set[str]) -> set[str]:
    """What the list of a page that names most of what is wanted names; beside it there may be others, of the newest."""
    lists = [wanted & {str(thing.get(unique)) for thing in each} for each in _lists(page)]
    return max(lists, key=len, default=set[str]())


def _lists(page: Exchange) -> list[list[dict[str, Any]]]:
    """The objects of each list of a page, however deep; no list where it is no JSON."""
    try:
        return [[each for each in found if isinstance(each, dict)] for found in lists_in(page.json())]
    except ValueError:
        return []


# As JSON and a regular expression have it alike.
PLAIN = re.compile("[A-Za-z0-9 _-]+")
Listed = Callable[[], list[Exchange]]


@verifies("errors/lists/complete-and-current#after-changes")
def test_lists_tell_what_is_so(platform: Platform) -> None:
    """Purpose: a list is of what is there now, and as it is now.

    Method: 1. create an item, with a text of its own in each member, and read the list in which it would stand; go on
               where its name stands there
            2. update the item: expect no text of before in the list that the update has replaced, within seconds; and
               not to be told, on condition of a strong ETag that the page with it had, that the page is as it was
            3. delete it: expect its name no more, within seconds; nothing says that a list knows all in that moment
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slug = platform.names.new()
        create = platform.operation(resource, "create", slug)
        document = create.document or {}
        own = {name: f"{document[name]} as {name}" for name in create.texts}
        listed = partial(platform.pages, "full", platform.operation(resource, "read"))
        expect_success(platform.as_role("full", create, document={**document, **own}))
        platform.remember(resource, slug)
        first = next((page for page in listed() if page.ok and shows(page, slug)), None)
        if first is None:
            continue
        if resource.update:
            update = platform.operation(resource, "update", slug)
            expect_success(platform.as_role("full", update))
            replaced = [own[name] for name in update.document or {} if name in own]
            _expect_no_more(platform, listed, replaced, first)
            _expect_modified(platform, first, replaced)
        if resource.delete:
            judged = True
            expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
            _expect_no_more(platform, listed, [slug], first)
    if not judged:
        raise NotApplicable("no list names an item that was created and can be deleted")


def _expect_modified(platform: Platform, first: Exchange, replaced: list[str]) -> None:
    """A page is not said to be as it was, where a text of it has been replaced and its ETag was a strong one."""
    etag, gone = first.headers.get("etag") or "", [text for text in replaced if shows(first, text)]
    if not gone or not etag.startswith('"'):
        return
    reply = platform.http.get(first.url, [bearer(platform.oauth.token("full")), ("If-None-Match", etag)])
    if reply.status == 304:
        expected = f"the list as it is, since {worded(gone[0])} of the one with ETag {etag} is no more"
        raise NonConformance(expected, "304", first, reply, proof=Proof(reply.id, statuses=(200,)))


def _still_showing(platform: Platform, listed: Listed, text: str) -> Exchange | None:
    """A page that shows a text seconds later, None where none does: it may be read from a copy."""
    showing: list[Exchange] = []

    def gone() -> bool:
        showing[:] = [page for page in listed() if shows(page, text)]
        return not showing

    return None if platform.soon(gone) else showing[0]


def _expect_no_more(platform: Platform, listed: Listed, texts: list[str], first: Exchange) -> None:
    for text in (each for each in texts if shows(first, each)):
        reply = _still_showing(platform, listed, text)
        if reply is not None:
            expected, proof = (
                f"a list without {worded(text)}",
                Proof(reply.id, lacks=text) if PLAIN.fullmatch(text) else None,
            )
            raise NonConformance(f"{expected}, which is no more", "a list with it", reply, proof=proof)
