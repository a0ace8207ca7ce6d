"""The catalog of repositories, where offered: order, pages, and who may see which repositories (Docker Registry V2)."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from conformance.clients.registry.challenges import needs_no_scope
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import NewImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import ask, pull, token_for
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type
from conformance.oracles.registry import (
    expect_denied,
    expect_listed,
    expect_reachable,
    expect_scope,
    expect_sorted,
    next_link,
    pages_from,
    strings_of,
)
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

# "a missing entry does not mean that the registry does not have the repository" (Listing Repositories).
LATER_S, AGAIN_S = 5.0, 0.5
FEW = 5
BAD_NUMBERS = {"negative": "-1", "word": "x", "nought": "0", "large": "9" * 18}


def whole_catalog(registry: Registry) -> list[Exchange]:
    """Return the catalog to its end, fifty names a page."""
    return pages_from(registry.catalog("?n=50"), registry.follow_catalog)


def names_in(pages: list[Exchange]) -> list[str]:
    """Return the names on pages of the catalog."""
    return [each for page in pages for each in strings_of(page, "repositories")]


@pytest.fixture
def three_repositories(
    stored: StoredImage, explored: StoredImage, repository: Repository, new_image: NewImage, once: Once
) -> None:
    """At least three repositories, so that a page of two has a successor."""
    once("third", lambda: repository.given(new_image()))


@pytest.fixture
def pages(registry: Registry, three_repositories: None, once: Once) -> list[Exchange]:
    """The catalog to its end."""
    return once("catalog", lambda: whole_catalog(registry))


@pytest.fixture
def anonymous_response(registry: Registry, stored: StoredImage, once: Once) -> Exchange:
    """The response to a request for the catalog without a login."""
    return once("catalog without a login", registry.as_role(None).catalog)


def first_two(registry: Registry, once: Once) -> Exchange:
    """Return the first page of two repositories."""
    return once("catalog of two", lambda: registry.catalog("?n=2"))


def next_page(registry: Registry, once: Once, page: Exchange, link: str) -> Exchange:
    """Return the page that a page's link leads to."""
    return once("catalog behind two", lambda: registry.follow_catalog(page, link))


@verifies("registry/catalog/pushed-repository-is-listed")
def test_catalog_lists_what_was_pushed(registry: Registry, pages: list[Exchange], stored: StoredImage) -> None:
    """Purpose: a client finds out which repositories exist.
    Method: 1. push an image, read the catalog to its end; again for some seconds while the repository is missing
            2. expect the repository once
    """
    # A long catalog is not read ten times: the recorded times limit the attempts, also when evidence is judged again.
    started = None
    while stored.repository.name not in names_in(pages) and (started is None or pages[-1].started - started < LATER_S):
        registry.http.recorder.pause(AGAIN_S)
        pages = whole_catalog(registry)
        started = started or pages[0].started
    found = names_in(pages)

    if (times := found.count(stored.repository.name)) != 1:
        raise NonConformance(f"{stored.repository.name} once", f"{times} times among {len(found)}", *pages)


@verifies("registry/catalog/lists-each-repository-once")
def test_catalog_lists_each_repository_once(pages: list[Exchange]) -> None:
    """Purpose: a client that processes the catalog handles each repository once.
    Method: 1. read the catalog to its end; 2. expect no name twice
    """
    found = names_in(pages)
    again = sorted({each for each in found if found.count(each) > 1})
    if again:
        raise NonConformance("each repository once", f"{worded(again[:5])} more than once", *pages)


@verifies("registry/catalog/is-json")
def test_catalog_is_json(pages: list[Exchange]) -> None:
    """Purpose: a client knows how to read the catalog.
    Method: 1. read the catalog; 2. expect Content-Type: application/json
    """
    expect_media_type(pages[0], "application/json")


@verifies("registry/catalog/is-sorted")
def test_catalog_is_sorted(guarded_image: StoredImage, registry: Registry, pages: list[Exchange], once: Once) -> None:
    """Purpose: the catalog can be read in pages because it has an order.
    Method: 1. read the catalog to its end, and two pages of two repositories; 2. expect each page in lexical order
    """
    first = first_two(registry, once)
    link = next_link(first)
    for page in [*pages, first, *([next_page(registry, once, first, link)] if link else [])]:
        expect_sorted(page, "repositories")


@verifies("registry/catalog/links-leave-nothing-out")
def test_links_leave_nothing_out(registry: Registry, pages: list[Exchange], once: Once) -> None:
    """Purpose: a client that follows the links sees each repository once.
    Method: 1. read the catalog to its end; request two repositories, follow the Link once
            2. expect a Link if there are more; later names only, and no name of the catalog between the two pages
    """
    first = first_two(registry, once)
    whole, names, link = names_in(pages), strings_of(first, "repositories"), next_link(first)
    if len(names) > 2:
        raise NotApplicable("the page has more than two names")
    if link is None and len(whole) > len(names):
        seen = f"no Link, and {len(names)} of {len(whole)} names"
        raise NonConformance("a Link to the next page", seen, *pages, first)
    if link is None or not names:
        raise NotApplicable("the page names all repositories" if names else "the page names no repository")
    second = expect_reachable("a Link", lambda: next_page(registry, once, first, link))

    before, after = names[-1], strings_of(second, "repositories")
    passed, earlier = passed_over(whole, before, after), whole[: whole.index(before)] if before in whole else []
    if passed or {*names, *earlier} & set(after):
        seen = worded(after) + (f"; {', '.join(passed[:3])} left out" if passed else "")
        raise NonConformance(f"the names after {before}", seen, first, second)


def passed_over(whole: list[str], before: str, after: list[str]) -> list[str]:
    """Return the catalog's names between a page's last name and the next page; none if one of the two is newer."""
    rest = whole[whole.index(before) + 1 :] if before in whole else []
    known = [rest.index(each) for each in after if each in rest]
    return rest[: min(known, default=0)] if after else rest


@verifies("registry/catalog/n-limits-the-page")
def test_n_limits_the_page(registry: Registry, three_repositories: None, once: Once) -> None:
    """Purpose: a client gets no more names than it requests.
    Method: 1. request two repositories; 2. expect at most two
    """
    reply = first_two(registry, once)
    if (found := len(strings_of(reply, "repositories"))) > 2:
        raise NonConformance("at most two repositories", f"{found} repositories", reply)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        *(
            row(f"registry/catalog/bad-n-is-no-server-error#{name}", number, None)
            for name, number in BAD_NUMBERS.items()
        ),
        *(row(f"registry/catalog/bad-n-is-400#{name}", BAD_NUMBERS[name], 400) for name in ("negative", "word")),
    ],
)
def test_bad_n(registry: Registry, once: Once, number: str, status: int | None) -> None:
    """Purpose: a client learns that its number is invalid, and gets no server error.
    Method: 1. request -1, "x", 0 and 999999999999999999 repositories; 2. expect no 5xx, and 400 to the first two
    """
    reply = once(("catalog of", number), lambda: registry.catalog(f"?n={number}"))
    if status is None:
        expect_no_server_error(reply)
    else:
        expect_status(reply, status, "for an invalid number")


@pytest.mark.parametrize(
    "exists",
    [row("registry/catalog/last-continues-after-the-name", True), row("registry/catalog/last-need-not-exist", False)],
)
def test_last_continues_after_the_name(
    registry: Registry, pages: list[Exchange], stored: StoredImage, explored: StoredImage, exists: bool
) -> None:
    """Purpose: a client continues after the last name that it knows, also if that repository was deleted meanwhile.
    Method: 1. read the catalog; request the names after the one before ours, or after ours without its last letter
            2. expect our repository, and not the name before it
    """
    whole = names_in(pages)
    own = [each for each in whole[1:] if each in (stored.repository.name, explored.repository.name)]
    before = whole[whole.index(own[0]) - 1] if own else ""
    last = before if exists or not own else own[0][:-1]
    if not own or (not exists and (last in whole or before > last)):
        raise NotApplicable("the catalog lists no repository of this run with another name shortly before it")
    found = pages_from(registry.catalog(f"?last={last}"), registry.follow_catalog)

    expect_listed(found, "repositories", own[:1])
    if before in names_in(found):
        raise NonConformance(f"the names after {last}", f"{before} as well", *found)


@verifies("registry/login/anonymous-cannot-list-repositories")
def test_anonymous_cannot_list_repositories(registry: Registry, bad_login: str, anonymous_response: Exchange) -> None:
    """Purpose: only users with a login see an organization's repositories.
    Method: 1. push an image; request the catalog, and a page of it, without a login, and with an invalid one
            2. expect 401, or an empty list
    """
    for reply in (
        anonymous_response,
        registry.as_role(None).catalog("?n=100"),
        registry.presenting(bad_login).catalog(),
    ):
        if reply.status != 200 or strings_of(reply, "repositories"):
            expect_status(reply, 401, "without a login")


@verifies("registry/login/catalog-challenge-names-the-scope")
def test_challenge_of_the_catalog(bearer: Registry, anonymous_response: Exchange) -> None:
    """Purpose: a client that requests the catalog learns which token it needs.
    Method: 1. request the catalog without a login
            2. if that is 401, expect the scope registry:catalog:* in the Bearer challenge; a challenge without a scope
               is right if a token without one lists repositories (Docker Registry V2, Listing Repositories)
    """
    if anonymous_response.status != 401:
        raise NotApplicable(f"the catalog requires no login ({anonymous_response.status})")
    if (
        not needs_no_scope(anonymous_response)
        or not bearer.presenting(f"Bearer {token_for(bearer, 'pusher')}").catalog().ok
    ):
        expect_scope(anonymous_response, "registry:catalog", "*")


@verifies("registry/rights/catalog-hides-other-organizations")
@pytest.mark.usefixtures("one_organization")
def test_catalog_hides_other_organizations(registry: Registry, theirs: StoredImage, guarded: StoredImage) -> None:
    """Purpose: the catalog names only repositories that the caller may see.
    Method: 1. read the catalog with our login and another organization's: expect neither to list the other's repository
            2. request the tags of five listed repositories of further organizations: expect neither 401 nor 403
            3. request the one name after the one just before the other's: expect it in no list and no Link, and no 5xx
    """
    name, ours, other_login = theirs.repository.name, guarded.repository.name, registry.as_role("foreign")
    pages, same = whole_catalog(registry), other_login.catalog("?n=50")
    for hidden, shown in ((name, pages), (ours, [same] if same.status == 200 else [])):
        if hidden in names_in(shown):
            raise NonConformance(f"{hidden} not listed", "it is listed", *shown)
    # An organization's name may begin with that of another one.
    own = "/".join(ours.split("/")[:2]) + "/"
    for other in [each for each in names_in(pages) if each.startswith("orgs/") and not each.startswith(own)][:FEW]:
        reply = registry.repository(other).tags()
        if reply.status in (401, 403):
            seen = f"it is listed, and its tags return {reply.status}"
            raise NonConformance(f"{other} not listed", seen, *pages, reply)
    for hidden, login in ((name, registry), (ours, other_login)):
        reply = login.catalog(f"?n=1&last={hidden[:-1]}")
        expect_no_server_error(reply)
        listed = strings_of(reply, "repositories") if reply.status == 200 else []
        seen = f"{listed}, Link: {unquote(reply.headers.get('link') or '')}"
        if hidden in seen:
            raise NonConformance(f"{hidden} in no list or Link", seen, reply)


@verifies("registry/token/catalog-needs-its-scope")
def test_catalog_needs_its_scope(bearer: Registry, good: str, anonymous_response: Exchange) -> None:
    """Purpose: a token for a repository does not open the catalog.
    Method: 1. request the catalog without a login; not applicable if the challenge names no scope
            2. GET the catalog, and a page of it, with a token to pull from a repository: expect 401, 403 or 404
    """
    if needs_no_scope(anonymous_response):
        raise NotApplicable("the registry requires no scope for the catalog")
    for query in ("", "?n=1"):
        reply = bearer.presenting(f"Bearer {good}").catalog(query)
        expect_denied(reply, "for a token without registry:catalog:*")


@verifies("registry/token/catalog-token-opens-no-repository")
def test_catalog_token_opens_no_repository(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token that lists repositories pulls from none.
    Method: 1. request a token for the catalog; not applicable if there is none; 2. pull with it: expect 401, 403 or 404
    """
    token = token_in(ask(bearer, "pusher", "registry:catalog:*"))
    if not token:
        raise NotApplicable("the registry issues no token for the catalog")
    expect_denied(pull(guarded, token), "for a token for the catalog")
