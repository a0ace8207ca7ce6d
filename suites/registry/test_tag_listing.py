"""Listing tags: order, pages and limits (OCI Distribution 1.1, "Listing Tags"; Docker Registry V2, "Pagination")."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import image
from conformance.evidence.shared_requests import Once
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.registry import (
    expect_complete,
    expect_list,
    expect_reachable,
    expect_sorted,
    next_link,
    pages_from,
    strings_of,
)
from conformance.oracles.registry_errors import expect_code, expect_error_document
from conformance.oracles.status import expect_no_server_error, expect_status, observed, unlike_field
from conformance.sandbox.retry_once import at_second_try
from conformance.strategies.properties import explores
from conformance.strategies.registry import tag_queries
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

SIGNATURE = f"sha256-{'0' * 64}.sig"  # the form of signing tools
TAGS = ["v10", "a1", "M", "v2", "latest", SIGNATURE, "a-2.json"]
MANY = 10_000
BAD_NUMBERS = [case("negative", "-1"), case("word", "x"), case("fraction", "1.5"), case("huge", "9" * 30)]
MORE_THAN_THERE_ARE = "9" * 18  # fits into 64 bits, and is more than any registry holds
Ask = Callable[[str], Exchange]


@pytest.fixture(scope="session")
@at_second_try
def tagged(new_repository: NewRepository) -> Repository:
    """A read-only repository with seven tags that were pushed in no order, after its empty list was read."""
    repository = new_repository("tags")
    repository.tags()
    repository.given(image(repository.name, layers=0), *TAGS)
    return repository


@pytest.fixture(scope="session")
def ask(tagged: Repository, once: Once) -> Ask:
    """Lists the tags with a query, once for each query."""
    return lambda query: once(("tags", query), lambda: tagged.tags(query))


@pytest.fixture
def pages(tagged: Repository, ask: Ask, once: Once) -> list[Exchange]:
    """The list of all tags, read to the end."""
    return once("pages of tags", lambda: pages_from(ask(""), tagged.follow))


@pytest.fixture
def whole(pages: list[Exchange]) -> list[str]:
    """All tags, in the registry's own order."""
    return [tag for page in pages for tag in strings_of(page, "tags")]


def in_order(reply: Exchange) -> list[str]:
    """Return the tags of a response in the registry's own order."""
    return strings_of(reply, "tags")


@verifies("registry/tags/are-listed")
def test_tags_are_listed(tagged: Repository, pages: list[Exchange]) -> None:
    """Purpose: a client finds out which tags exist.
    Method: 1. list the tags of a repository that does not exist yet; push one image under seven tags; list again
            2. expect 200 in JSON with the repository's name and each tag once
    """
    reply = pages[0]

    expect_complete(pages, "tags", TAGS)
    if expect_json_object(reply).get("name") != tagged.name:
        raise NonConformance(f'"name": "{tagged.name}"', observed(reply), reply)


@verifies("registry/tags/are-sorted")
def test_tags_are_sorted(tagged: Repository, ask: Ask, whole: list[str]) -> None:
    """Purpose: a list can be read in pages because it has an order.
    Method: 1. list seven tags at once, and two a page; 2. expect the same lexical order both times
    """
    expect_sorted(ask(""), "tags")
    pages = pages_from(ask("?n=2"), tagged.follow)
    found = [tag for page in pages for tag in in_order(page)]

    if found != whole and sorted(found) == sorted(whole):
        raise NonConformance(f"the order of the whole list, {worded(whole)}", worded(found), *pages)


@verifies("registry/tags/n-limits-the-list")
@pytest.mark.parametrize("number", [case("one", 1), case("three", 3), case("all", 7), case("more", MANY)])
def test_n_limits_the_list(ask: Ask, whole: list[str], number: int) -> None:
    """Purpose: a client gets as many tags as it requests.
    Method: 1. request n tags; 2. expect the first n, or fewer with a Link to the next page
            3. for ten thousand, also accept 400 with PAGINATION_NUMBER_INVALID: n may be "bigger than the maximum
               allowed" (Docker Registry V2, Errors)
    """
    reply = ask(f"?n={number}")
    if number == MANY and reply.status == 400:
        expect_code(reply, "PAGINATION_NUMBER_INVALID")
        return
    found, expected = in_order(reply), whole[:number]

    if found != expected and not (next_link(reply) and found == expected[: len(found)]):
        raise NonConformance(f"{worded(expected)}, or their beginning and a Link to the next", worded(found), reply)


@verifies("registry/tags/last-starts-after-the-tag")
@pytest.mark.parametrize("query", [case("with-n", "?n=2&last={}"), case("alone", "?last={}")])
def test_last_continues_after_the_name(ask: Ask, whole: list[str], query: str) -> None:
    """Purpose: a list continues after the tag in last.
    Method: 1. request the tags after the third, with n and without; 2. expect the tags that follow it in the list
    """
    if len(whole) < 3:
        raise Inconclusive(f"the list has only the tags {whole}", "a list of all tags")
    reply = ask(query.format(whole[2]))
    expected = whole[3:5] if "n=" in query else whole[3:]
    found = in_order(reply)

    if found != expected and not (next_link(reply) and found == expected[: len(found)]):
        raise NonConformance(f"{worded(expected)}, the tags after {whole[2]}", worded(found), reply)


@verifies("registry/tags/n-zero-is-empty")
def test_n_zero(tagged: Repository) -> None:
    """Purpose: a client that requests no tags gets none.
    Method: 1. request 0 tags of a repository with tags; 2. expect an empty list, and no Link
    """
    reply = tagged.tags("?n=0")

    expect_list(reply, "tags", [])
    if "link" in reply.headers:
        raise unlike_field("no Link field", reply, "Link")


@verifies("registry/tags/links-reach-every-tag")
@pytest.mark.parametrize(
    "number",
    [case(name, number) for number, name in enumerate(("one", "two", "three", "four", "five", "six", "seven"), 1)]
    + [case("hundred", 100)],
)
def test_links_lead_to_the_end(tagged: Repository, ask: Ask, number: int) -> None:
    """Purpose: a client that follows the links sees every tag once.
    Method: 1. request n tags, follow the Link of each page to the end; 2. expect every tag once over all pages
    """
    pages = expect_reachable("a Link", lambda: pages_from(ask(f"?n={number}"), tagged.follow))
    expect_complete(pages, "tags", TAGS)


@verifies("registry/tags/last-reaches-every-tag")
def test_pages_by_last(ask: Ask) -> None:
    """Purpose: a client that pages with last sees every tag once.
    Method: 1. request 3 tags, then 3 after the last of them, until a page is empty; 2. expect every tag once
    """
    pages = [ask("?n=3")]
    while (found := in_order(pages[-1])) and len(pages) <= len(TAGS) + 1:
        pages.append(ask(f"?n=3&last={found[-1]}"))
    # "MAY return fewer than <int> results, but only when … a Link header is provided" (OCI 1.1, Listing Tags): of none.
    if not found and next_link(pages[-1]):
        raise NotApplicable("an empty page has a Link, but no tag that could be sent as last")

    expect_complete(pages, "tags", TAGS)


@verifies("registry/tags/bad-n-is-400")
@pytest.mark.parametrize("number", [case("negative", "-1"), case("word", "x")])
def test_bad_n(ask: Ask, number: str) -> None:
    """Purpose: a client learns that its n is invalid.
    Method: 1. request -1 and "x" tags; 2. expect 400
    """
    expect_status(ask(f"?n={number}"), 400, "for an invalid number")


@verifies("registry/tags/bad-n-is-no-server-error")
@pytest.mark.parametrize("number", [*BAD_NUMBERS, case("large", MORE_THAN_THERE_ARE)])
def test_bad_n_is_no_server_error(ask: Ask, number: str) -> None:
    """Purpose: an invalid n never causes a server error.
    Method: 1. list the tags with an n that is no number, or is too large; 2. expect no 5xx
    """
    expect_no_server_error(ask(f"?n={number}"))


@verifies("registry/tags/last-may-be-absent")
@pytest.mark.parametrize("last", [case("letter", "b"), case("empty", "")])
def test_last_need_not_be_there(tagged: Repository, last: str) -> None:
    """Purpose: a list continues after a tag that no longer exists, and begins after an empty last.
    Method: 1. request the tags after "b", which is no tag, and after ""
            2. expect the tags that follow it in the order, which may ignore case
    """
    pages = pages_from(tagged.tags(f"?last={last}"), tagged.follow)
    without_case = "M" in [tag for page in pages for tag in strings_of(page, "tags")]

    expect_complete(pages, "tags", [tag for tag in TAGS if (tag.lower() if without_case else tag) > last])


@verifies("registry/tags/any-query-is-no-server-error")
@explores(0.6, {"query": "?n=2&last=a_b+c"}, {"query": "?n=1&n=2"}, query=tag_queries())
def test_any_query(stored: StoredImage, query: str) -> None:
    """Purpose: no query of a tag list causes a server error.
    Method: 1. list the tags with any query; 2. expect 200 or a 4xx with a well-formed error document
    """
    reply = stored.repository.tags(query)

    expect_no_server_error(reply)
    if reply.status != 200:
        expect_error_document(reply)
