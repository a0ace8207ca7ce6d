"""Lists of things: of those that there are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from conformance.oracles.documents import lists_in, shows
from conformance.sandbox.pages import is_told_to_be_the_last
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

MOST = 60


@verifies("errors/reads/lists-tell-what-is-so")
@pytest.mark.parametrize("what", [case("of-what-there-is", "what was created")])
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
        if not _is_judged(pages, resource):
            continue
        judged = True
        if not (_named(pages, slugs) or platform.soon(partial(_is_named, platform, read, slugs))):
            expected = f"one of {len(slugs)} items in the list, such as {worded(slugs[0])}"
            proof = Proof(beyond="what a list has hangs on what there is")
            raise NonConformance(expected, "none of them, to its end", pages[0], pages[-1], proof=proof)
    if not judged:
        raise NotApplicable(f"no list that tells its end has things by their unique member, as {what} has")


def _is_named(platform: Platform, read: Operation, slugs: list[str]) -> bool:
    return _named(platform.pages("full", read, MOST), slugs)


def _named(pages: Iterable[Exchange], slugs: list[str]) -> bool:
    return any(shows(page, slug) for page in pages for slug in slugs)


def _is_judged(pages: list[Exchange], resource: Resource) -> bool:
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
