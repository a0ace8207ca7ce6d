"""Lists that come in pages: together they are the list, no more and no less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.oracles.documents import shows
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

ROUNDS = 3
MOST = 60


@verifies("errors/reads/pages-are-the-whole-list")
def test_pages_are_the_whole_list(platform: Platform) -> None:
    """Purpose: who reads a list to its end has missed nothing where one page ends and the next begins.

    Method: 1. create eleven items; where the list comes in pages then, read it from its first page to its last
            2. if it names one of them, expect all; who else writes meanwhile may move one: so three readings count
            3. where it has no end, expect no page of it to come again and again
            4. expect none of them among the things of two pages, the same one in each of three readings
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs = platform.many(resource)
        read = platform.operation(resource, "read")
        missing, pages = _never_named(platform, read, slugs)
        if len(pages) == MOST:
            _expect_other_pages(pages, slugs)
        if len(missing) == len(slugs) or len(pages) in (1, MOST):
            continue
        judged = True
        if missing:
            told = f"{len(pages)} pages without {worded(min(missing))}"
            proof = Proof(beyond="where a page ends hangs on how many items there are")
            raise NonConformance(f"each of {len(slugs)} items on a page of the list", told, *pages, proof=proof)
        _expect_once(platform, read, pages, slugs)
    if not judged:
        raise NotApplicable("no list that names what is created comes in pages and can be read to its end")


@verifies("errors/reads/lists-tell-what-is-so")
@pytest.mark.parametrize("what", [case("each-its-own", "text")])
def test_lists_tell_of_each_its_own(platform: Platform, what: str) -> None:
    """Purpose: what stands beside a name in a list is that thing's, and no neighbour's.

    Method: 1. create eleven items, of each of which the name stands in its texts; read the list in which they stand
            2. expect in no object with the unique name of one a text of another; a list need show no text at all
    """
    judged = False
    for resource in platform.resources_with("create", "item", "unique"):
        slugs, unique = platform.many(resource), str(resource.unique)
        members = sorted(platform.operation(resource, "create").texts)
        for page in platform.pages("full", platform.operation(resource, "read")):
            for thing in _of_page(page):
                slug = thing.get(unique)
                if slug in slugs:
                    judged = True
                    _expect_own(page, slug, {name: thing.get(name) for name in members}, slugs)
    if not judged:
        raise NotApplicable("no list has objects with the unique member of what was created")


def _expect_own(page: Exchange, slug: str, texts: dict[str, Any], slugs: list[str]) -> None:
    """No text of these is that of another item; names that begin alike are told apart by the longest that fits."""
    for name, text in texts.items():
        whose = max((each for each in slugs if each in str(text)), key=len, default=slug)
        if whose != slug and slug not in str(text):
            proof = Proof(beyond="which text stands beside which name is no matter of one text alone")
            raise NonConformance(
                f"{name} of {slug}", f"{worded(str(text))}, which is that of {whose}", page, proof=proof
            )


def _expect_other_pages(pages: list[Exchange], slugs: list[str]) -> None:
    """No page leads, by others or at once, to itself: under one address with the same items."""
    met = Counter((page.url, *(slug for slug in slugs if shows(page, slug))) for page in pages)
    (address, *_), times = met.most_common(1)[0]
    if times >= ROUNDS:
        again = [page for page in pages if page.url == address][:2]
        proof = Proof(beyond="where a page leads hangs on how many items there are")
        raise NonConformance("a last page", f"{address} {times} times of {len(pages)}", *again, proof=proof)


def _never_named(platform: Platform, read: Operation, slugs: list[str]) -> tuple[set[str], list[Exchange]]:
    """Which of these no reading of a list names, and the pages of the last one."""
    missing, pages = set(slugs), list[Exchange]()
    for _ in range(ROUNDS):
        pages = platform.pages("full", read, MOST)
        missing -= {slug for slug in missing if any(shows(page, slug) for page in pages)}
        if not missing or len(pages) in (1, MOST):
            break
    return missing, pages


def _expect_once(platform: Platform, read: Operation, pages: list[Exchange], slugs: list[str]) -> None:
    """No item is on two pages, reading after reading; one that others' writes move to the next page is another each."""
    unique, twice = str(read.resource.unique), set(slugs)
    for left in reversed(range(ROUNDS)):
        met = Counter(slug for page in pages for slug in twice if slug in _named(page, unique))
        twice = {slug for slug in twice if met[slug] > 1}
        if not twice:
            return
        pages = platform.pages("full", read, MOST) if left else pages
    again = [page for page in pages if min(twice) in _named(page, unique)]
    proof = Proof(beyond="where a page ends hangs on how many items there are")
    told = f"{worded(min(twice))} on {len(again)} of {len(pages)} pages"
    raise NonConformance(f"each of {len(slugs)} items on one page of the list", told, *again, proof=proof)


def _named(page: Exchange, unique: str) -> set[str]:
    """What the things in a page's lists have as their unique member; links and what else stands there are none."""
    return {thing[unique] for thing in _of_page(page) if isinstance(thing.get(unique), str)}


def _of_page(page: Exchange) -> list[dict[str, Any]]:
    """Every object of a page, none where it is no JSON."""
    try:
        return list(_things(page.json()))
    except ValueError:
        return []


def _things(document: Any) -> Iterator[dict[str, Any]]:
    """Every object that stands in a list of a document, however deep: not where its next page begins."""
    within = isinstance(document, list)
    for each in document if within else document.values() if isinstance(document, dict) else ():
        if within and isinstance(each, dict):
            yield each
        yield from _things(each)
