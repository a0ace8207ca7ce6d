"""The pages of a list contain each item exactly once, with its current values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import expect_declared_json, lists_in, member, shows
from conformance.oracles.status import expect_success, observed
from conformance.sandbox.pages import states_no_next_page
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

MOST_PAGES = 60


def _is_complete(pages: list[Exchange], resource: Resource) -> bool:
    """Return whether the pages are empty, or state that they are the whole list and name items by the unique member."""
    documents = [_document(page) for page in pages]
    lists = [each for document in documents for each in lists_in(document)]
    if lists and not any(lists):
        return True
    named = (thing for each in lists for thing in each if isinstance(thing, dict))
    return _is_last(pages[-1], resource) and any(isinstance(thing.get(str(resource.unique)), str) for thing in named)


def _document(page: Exchange) -> Any:
    """Return the JSON of a page; None if it is not JSON."""
    try:
        return page.json()
    except (ValueError, RecursionError):
        return None


ROUNDS = 3


@verifies("errors/lists/complete-and-current#pages")
def test_pages_are_the_whole_list(platform: Platform) -> None:
    """Purpose: a client that reads all pages must not miss an item, nor get the list of an hour ago.
    Method: 1. create eleven items; read their list from its first page to its last, up to three times
            2. expect each linked page to exist, and no page to repeat endlessly
            3. if the pages contain one of the eleven, are empty, or are the whole list by their own statement, expect
               all; of a single page, or of pages without any of the eleven, within seconds
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs = platform.many(resource)
        read = platform.operation(resource, "read")
        missing, pages = _missing_from_list(platform, read, slugs)
        _expect_served(platform, read, pages)
        if len(pages) == MOST_PAGES:
            _expect_other_pages(pages, slugs)
            continue
        shows_some = len(missing) < len(slugs)
        is_whole = (len(pages) > 1 or _is_last(pages[0], resource)) if shows_some else _is_complete(pages, resource)
        if not is_whole:
            continue
        judged, settled = True, shows_some and len(pages) > 1
        if missing and (settled or not platform.soon(partial(_all_named, platform, read, slugs))):
            seen = f"{len(pages)} page{'s' * (len(pages) > 1)} without {worded(min(missing))}"
            raise NonConformance(f"each of {len(slugs)} items on a page of the list", seen, *pages)
    if not judged:
        raise NotApplicable("no list of created items states its end")


@verifies("errors/lists/each-item-once")
def test_pages_contain_each_item_once(platform: Platform) -> None:
    """Purpose: a client that counts or copies a list must not process an item twice.
    Method: 1. create eleven items, and the first again; read the list to its end, up to three times
            2. expect no item on two pages in all three readings
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        unique, slugs = str(resource.unique), set(platform.many(resource))
        # A refused duplicate must not appear in a list.
        platform.as_role("full", platform.operation(resource, "create", min(slugs)))
        repeated = slugs
        for _ in range(ROUNDS):
            pages = platform.pages("full", platform.operation(resource, "read"), MOST_PAGES)
            counts = Counter(slug for page in pages for slug in repeated & _named(page, unique, slugs))
            judged |= bool(counts) and 1 < len(pages) < MOST_PAGES
            repeated = {slug for slug in repeated if counts[slug] > 1 and len(pages) < MOST_PAGES}
            if not repeated:
                break
        else:
            again = [page for page in pages if min(repeated) in _named(page, unique, slugs)]
            seen = f"{worded(min(repeated))} on {len(again)} of {len(pages)} pages"
            raise NonConformance("each item on one page of the list", seen, *again)
    if not judged:
        raise NotApplicable("no list of created items has pages and an end")


@verifies("errors/lists/complete-and-current#own-texts")
def test_list_entries_have_their_own_texts(platform: Platform) -> None:
    """Purpose: a list must not mix up the values of its items.
    Method: 1. create eleven items, each with its name in its texts; list them; 2. expect no item with another's text
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
        raise NotApplicable("no list has objects with the unique member of a created item")


# Characters that an encoder may forget to escape.
WRITTEN = 'one\ttwo\nthree "four" \\ <five> & \u6f22 \U0001f680 end'
LONG = "whose-name-goes-on-and-on"
CUT = re.compile(r"\s*[\[(]?(?:\.{3}|\u2026)[\])]?\Z")
"""An ellipsis after the beginning of a text."""


@verifies("errors/lists/complete-and-current#texts-as-written")
def test_lists_return_texts_as_written(platform: Platform) -> None:
    """Purpose: a list must encode its texts as correctly as an item.
    Method: 1. create an item with a long name and special characters in its texts; a service may refuse it
            2. expect its list to be JSON with the whole name, the item's id, and its texts or their beginning
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slug = platform.names.new(LONG)
        create = platform.operation(resource, "create", slug)
        platform.remember(resource, slug)
        if not platform.as_role("full", create, document=create.reworded(lambda _: WRITTEN)).ok:
            create = platform.operation(resource, "create", slug := platform.names.new())
            platform.remember(resource, slug)
            if not platform.as_role("full", create, document=create.reworded(lambda _: WRITTEN)).ok:
                continue
        item = platform.as_role("full", platform.operation(resource, "read-item", slug))
        for page in platform.pages("full", platform.operation(resource, "read")):
            expect_declared_json(page)
            for thing in _objects_named(slug, str(resource.unique), page):
                judged = True
                _expect_its_id(thing, page, item)
                for name in sorted(create.texts):
                    _expect_beginning(name, thing.get(name), member(item, name), page, item)
    if not judged:
        raise NotApplicable("no list has objects with the unique member of a created item")


def _objects_named(slug: str, unique: str, page: Exchange) -> Iterator[dict[str, Any]]:
    """Yield the objects of a page with this slug; raise NonConformance if a page truncates the slug."""
    for thing in chain.from_iterable(_lists(page)):
        shown = str(thing.get(unique))
        if slug.removesuffix(f"-{LONG}") <= shown < slug and slug.startswith(shown):
            raise NonConformance(f"{unique} {worded(slug)}", worded(shown), page)
        if shown == slug:
            yield thing


def _expect_its_id(thing: dict[str, Any], page: Exchange, item: Exchange) -> None:
    shown, own = thing.get("id"), member(item, "id")
    if type(shown) is type(own) and shown != own:
        raise NonConformance(f"id {worded(own)}, as in the item", worded(shown), item, page)


def _expect_beginning(name: str, shown: Any, own: Any, page: Exchange, item: Exchange) -> None:
    """Expect the item's text or its beginning; a list may omit line ends and markup."""
    if not isinstance(shown, str) or not isinstance(own, str):
        return
    forms = [(edit(CUT.sub("", shown)), edit(own)) for edit in (_on_one_line, _without_tags)]
    if forms[0][0][:3] == forms[0][1][:3] and not any(whole.startswith(start) for start, whole in forms):
        raise NonConformance(f"{name} {worded(own)}, as in the item", worded(shown), item, page)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _without_tags(text: str) -> str:
    return _on_one_line(re.sub("<[a-z]+>", " ", text))


def _expect_own(page: Exchange, slug: str, texts: dict[str, Any], slugs: list[str]) -> None:
    """Expect no text of another item; if several slugs match, the longest one counts."""
    for name, text in texts.items():
        owner = max((each for each in slugs if each in str(text)), key=len, default=slug)
        if owner != slug and slug not in str(text):
            expected, seen = f"{name} of {slug}", f"{worded(str(text))}, which is that of {owner}"
            raise NonConformance(expected, seen, page)


def _expect_served(platform: Platform, read: Operation, pages: list[Exchange]) -> None:
    """Expect each next page to exist, in one of three readings: a list may shrink meanwhile."""
    for _ in range(ROUNDS - 1):
        if pages[-1].ok:
            return
        pages = platform.pages("full", read, MOST_PAGES)
    before, reply = pages[-2:] if len(pages) > 1 else (None, None)
    if before and reply and not reply.ok and reply.status not in {429, *GATEWAY_ERRORS}:
        expected = f"2xx for {reply.url}, which the previous page names as the next"
        raise NonConformance(expected, observed(reply), before, reply)


def _expect_other_pages(pages: list[Exchange], slugs: list[str]) -> None:
    """Expect no page to link back to itself: the same address with the same items."""
    counts = Counter((page.url, *(slug for slug in slugs if shows(page, slug))) for page in pages)
    (address, *_), times = counts.most_common(1)[0]
    if times >= ROUNDS:
        again = [page for page in pages if page.url == address][:2]
        raise NonConformance("a last page", f"{address} {times} times of {len(pages)}", *again)


def _missing_from_list(platform: Platform, read: Operation, slugs: list[str]) -> tuple[set[str], list[Exchange]]:
    """Return the slugs that no reading of a list names, and the pages of the last reading."""
    missing, pages = set(slugs), list[Exchange]()
    for _ in range(ROUNDS):
        pages = platform.pages("full", read, MOST_PAGES)
        missing -= {slug for slug in missing if any(shows(page, slug) for page in pages)}
        if not missing or len(pages) in (1, MOST_PAGES):
            break
    return missing, pages


def _all_named(platform: Platform, read: Operation, slugs: list[str]) -> bool:
    return not _missing_from_list(platform, read, slugs)[0]


def _is_last(page: Exchange, resource: Resource) -> bool:
    """Return whether a page states that it is the last one, so that the list is complete."""
    return resource.pages is not None and states_no_next_page(page, resource)


def _named(page: Exchange, unique: str, expected: set[str]) -> set[str]:
    """Return the wanted names in the page's main list; a page may also contain a list of the newest items."""
    lists = [expected & {str(thing.get(unique)) for thing in each} for each in _lists(page)]
    return max(lists, key=len, default=set[str]())


def _lists(page: Exchange) -> list[list[dict[str, Any]]]:
    """Return the objects of each list of a page, at any depth; none if it is not JSON."""
    try:
        return [[each for each in found if isinstance(each, dict)] for found in lists_in(page.json())]
    except ValueError:
        return []


# Text without escapes in JSON and in regular expressions.
Listed = Callable[[], list[Exchange]]


@verifies("errors/lists/complete-and-current#after-changes")
def test_lists_show_changes(platform: Platform) -> None:
    """Purpose: a list shows the current items with their current values.
    Method: 1. create an item and read its list; update it, and expect no replaced text within seconds
            2. read the page with its former strong ETag in If-None-Match; expect no 304
            3. delete the item; expect its name no more within seconds
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
            _expect_not_listed(platform, listed, replaced, first)
            _expect_modified(platform, first, replaced)
        if resource.delete:
            judged = True
            expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
            _expect_not_listed(platform, listed, [slug], first)
    if not judged:
        raise NotApplicable("no list contains a created item that can be deleted")


def _expect_modified(platform: Platform, first: Exchange, replaced: list[str]) -> None:
    """Expect no 304 for a page's strong ETag after one of its texts was replaced."""
    etag, outdated = first.headers.get("etag") or "", [text for text in replaced if shows(first, text)]
    if not outdated or not etag.startswith('"'):
        return
    reply = platform.http.get(first.url, [bearer(platform.oauth.token("full")), ("If-None-Match", etag)])
    if reply.status == 304:
        expected = f"the changed list, since {worded(outdated[0])} of the one with ETag {etag} was replaced"
        raise NonConformance(expected, "304", first, reply)


def _still_showing(platform: Platform, listed: Listed, text: str) -> Exchange | None:
    """Return a page that shows a text even seconds later, None if there is none."""
    showing: list[Exchange] = []

    def hidden() -> bool:
        showing[:] = [page for page in listed() if shows(page, text)]
        return not showing

    return None if platform.soon(hidden) else showing[0]


def _expect_not_listed(platform: Platform, listed: Listed, texts: list[str], first: Exchange) -> None:
    for text in (each for each in texts if shows(first, each)):
        reply = _still_showing(platform, listed, text)
        if reply is not None:
            expected = f"a list without {worded(text)}, which was replaced or deleted"
            raise NonConformance(expected, "it is in the list", reply)
