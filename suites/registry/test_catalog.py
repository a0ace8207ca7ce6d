"""The catalog of repositories, where offered: order, pages, and who may see which repositories (Docker Registry V2)."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from conformance.clients.registry.challenges import asks_for_no_scope
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import NewImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import ask, pull, token_for
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type
from conformance.oracles.proofs import among, field_matches, not_among, twice
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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

# "a missing entry does not mean that the registry does not have the repository" (Listing Repositories).
LATER_S, AGAIN_S = 5.0, 0.5
FEW = 5


@pytest.fixture
def three_repositories(
    stored: StoredImage, explored: StoredImage, repository: Repository, new_image: NewImage, once: Once
) -> None:
    """Three repositories at least, so that a page of two is followed by another."""
    once("third", lambda: repository.given(new_image()))


@pytest.fixture
def pages(registry: Registry, three_repositories: None, once: Once) -> list[Exchange]:
    """The catalog to its end, fifty names a page, after three images were pushed."""
    return once("catalog", lambda: _whole(registry))


def _whole(registry: Registry) -> list[Exchange]:
    return pages_from(registry.catalog("?n=50"), registry.follow_catalog)


def _names(pages: list[Exchange]) -> list[str]:
    return [each for page in pages for each in strings_of(page, "repositories")]


def _two(registry: Registry, once: Once) -> Exchange:
    return once("catalog of two", lambda: registry.catalog("?n=2"))


def _behind(registry: Registry, once: Once, two: Exchange) -> list[Exchange]:
    if not (link := next_link(two)):
        return []
    return [once("catalog behind two", lambda: registry.follow_catalog(two, link))]


@verifies("registry/catalog/has-what-was-pushed")
def test_catalog_lists_what_was_pushed(registry: Registry, pages: list[Exchange], stored: StoredImage) -> None:
    """Purpose: a client finds out which repositories there are.

    Method: 1. push an image, read the catalog to its end by its links; for some seconds, where it is not there yet
            2. expect the repository once
    """
    # A long one is not read ten times over: its own times tell how long, to whoever judges the evidence again as well.
    begun = None
    while stored.repository.name not in _names(pages) and (begun is None or pages[-1].started - begun < LATER_S):
        registry.http.recorder.pause(AGAIN_S)
        pages = _whole(registry)
        begun = begun or pages[0].started
    found = _names(pages)

    if found.count(stored.repository.name) != 1:
        times = found.count(stored.repository.name)
        proof = among(pages, f'"{stored.repository.name}"') if times == 0 else None
        raise NonConformance(f"{stored.repository.name} once", f"{times} times among {len(found)}", *pages, proof=proof)


@verifies("registry/catalog/repeats-nothing")
def test_catalog_repeats_nothing(pages: list[Exchange], stored: StoredImage) -> None:
    """Purpose: a repository is listed once.

    Method: 1. read the catalog to its end
            2. expect no name twice
    """
    found = _names(pages)
    again = sorted({each for each in found if found.count(each) > 1})

    if again:
        page = next((each for each in pages if strings_of(each, "repositories").count(again[0]) > 1), None)
        proof = Proof(page.id, lacks=twice(again[0])) if page else None
        raise NonConformance("each repository once", f"{worded(again[:5])} more than once", *pages, proof=proof)


@verifies("registry/catalog/is-json")
def test_catalog_is_json(pages: list[Exchange]) -> None:
    """Purpose: a client knows how to read the catalog.

    Method: 1. read the catalog
            2. expect Content-Type: application/json
    """
    expect_media_type(pages[0], "application/json")


@verifies("registry/catalog/is-sorted")
def test_catalog_is_sorted(guarded_image: StoredImage, registry: Registry, pages: list[Exchange], once: Once) -> None:
    """Purpose: the catalog can be read in pages because it has an order.

    Method: 1. read the catalog to its end; ask for two repositories, follow the answer's Link once
            2. expect each page in lexical order
    """
    for page in [*pages, *_behind(registry, once, _two(registry, once))]:
        expect_sorted(page, "repositories")


@verifies("registry/catalog/links-leave-nothing-out")
def test_links_leave_nothing_out(registry: Registry, pages: list[Exchange], once: Once) -> None:
    """Purpose: whoever follows the links misses no repository and sees none twice, and comes to an end.

    Method: 1. read the catalog to its end, which it must have; ask for two repositories, follow the answer's Link once
            2. expect a Link, where there are more; names that come later, and none of the whole between the two pages
    """
    whole, first = _names(pages), _two(registry, once)
    names, link = strings_of(first, "repositories"), next_link(first)
    if len(names) > 2:
        raise NotApplicable("the answer has more than two names")
    if link is None and len(whole) > len(names):
        told, proof = f"no Link, and {len(names)} of {len(whole)} names", field_matches(first, "Link", ".")
        raise NonConformance("a Link to the next", told, *pages, first, proof=proof)
    if link is None or not names:
        raise NotApplicable("there are no more" if names else "the page has none of its own")
    (second,) = expect_reachable("a Link", lambda: _behind(registry, once, first))

    before, after = names[-1], strings_of(second, "repositories")
    passed, earlier = _passed_over(whole, before, after), whole[: whole.index(before)] if before in whole else []
    if passed or {*names, *earlier} & set(after):
        told = worded(after) + (f"; {', '.join(passed[:3])} passed over" if passed else "")
        raise NonConformance(f"what comes behind {before}", told, first, second)


def _passed_over(whole: list[str], before: str, after: list[str]) -> list[str]:
    """What the whole catalog has, in its own order, between a page's last name and the next page.

    Nothing where one of the two came since the whole was read.
    """
    rest = whole[whole.index(before) + 1 :] if before in whole else []
    known = [rest.index(each) for each in after if each in rest]
    return rest[: min(known, default=0)] if after else rest


@verifies("registry/catalog/n-limits-the-page")
def test_n_limits_the_page(registry: Registry, three_repositories: None, once: Once) -> None:
    """Purpose: a client gets no more names than it asks for.

    Method: 1. ask for two repositories
            2. expect at most two
    """
    reply = _two(registry, once)

    if len(strings_of(reply, "repositories")) > 2:
        proof = Proof(reply.id, lacks=r'"repositories" *: *\[[^],]*,[^],]*,')
        raise NonConformance("two repositories", f"{len(strings_of(reply, 'repositories'))}", reply, proof=proof)


@verifies("registry/catalog/bad-n-is-no-server-error")
@pytest.mark.parametrize(
    "number", [case("negative", "-1"), case("word", "x"), case("nought", "0"), case("large", "9" * 18)]
)
def test_bad_n_is_no_server_error(registry: Registry, once: Once, number: str) -> None:
    """Purpose: a number that is none is never the platform's fault.

    Method: 1. ask for -1, for "x", for 0 and for 999999999999999999 repositories
            2. expect an answer that is no 5xx
    """
    expect_no_server_error(_of(registry, once, number))


def _of(registry: Registry, once: Once, number: str) -> Exchange:
    return once(("catalog of", number), lambda: registry.catalog(f"?n={number}"))


@verifies("registry/catalog/bad-n-is-400")
@pytest.mark.parametrize("number", [case("negative", "-1"), case("word", "x")])
def test_bad_n(registry: Registry, once: Once, number: str) -> None:
    """Purpose: a number that is none is told as such.

    Method: 1. ask for -1 and for "x" repositories
            2. expect 400
    """
    expect_status(_of(registry, once, number), 400, "for a number that is none")


@verifies("registry/catalog/last-goes-on-behind")
def test_last_continues_after_the_name(
    registry: Registry, pages: list[Exchange], stored: StoredImage, explored: StoredImage
) -> None:
    """Purpose: the catalog goes on behind the name that came last, also for who names it without a link.

    Method: 1. read the catalog to its end; ask for what comes behind the name that a repository stands behind in it
            2. expect the repository, and not that name
    """
    whole = _names(pages)
    own = [each for each in whole[1:] if each in (stored.repository.name, explored.repository.name)]
    if not own:
        raise NotApplicable("no repository of the run's own is listed behind another")
    last = whole[whole.index(own[0]) - 1]
    found = pages_from(registry.catalog(f"?last={last}"), registry.follow_catalog)

    expect_listed(found, "repositories", own[:1])
    if last in _names(found):
        raise NonConformance(f"what comes behind {last}", f"{last} again", *found, proof=not_among(found, f'"{last}"'))


@verifies("registry/catalog/last-need-not-be-there")
def test_last_need_not_be_there(
    registry: Registry, pages: list[Exchange], stored: StoredImage, explored: StoredImage
) -> None:
    """Purpose: the catalog goes on behind a repository that was deleted meanwhile.

    Method: 1. read the catalog to its end; ask for what comes behind a repository's name without its last letter
            2. expect the repository, and not the name that it stands behind, if that comes before what was named
    """
    whole = _names(pages)
    own = [each for each in whole[1:] if each in (stored.repository.name, explored.repository.name)]
    before = whole[whole.index(own[0]) - 1] if own else ""
    if not own or (never := own[0][:-1]) in whole or before > never:
        raise NotApplicable("no repository of the run's own is listed behind another, and far enough")
    found = pages_from(registry.catalog(f"?last={never}"), registry.follow_catalog)

    expect_listed(found, "repositories", own[:1])
    if before in _names(found):
        told, proof = f"{before} as well", not_among(found, f'"{before}"')
        raise NonConformance(f"what comes behind {never}", told, *found, proof=proof)


@pytest.fixture
def anonymous_response(registry: Registry, stored: StoredImage, once: Once) -> Exchange:
    """The response to a request for the catalog without a login."""
    return once("catalog without a login", registry.as_role(None).catalog)


@verifies("registry/login/anonymous-cannot-list-repositories")
def test_anonymous_cannot_list_repositories(registry: Registry, bad_login: str, anonymous_response: Exchange) -> None:
    """Purpose: which repositories an organization has is for those who log in.

    Method: 1. push an image; ask for the catalog, and a page of it, without a login, and with one that is none
            2. expect 401, or a list of nothing
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
    """Purpose: a client that asks for the catalog learns which token it needs.

    Method: 1. ask for the catalog without a login
            2. where that is answered 401, expect the Bearer challenge's scope to be registry:catalog:*
            3. where it names none, a token without a scope is to get the list: a registry may "limit it based on the
               user's access level" alone (Docker Registry V2, Listing Repositories)
    """
    if anonymous_response.status != 401:
        raise NotApplicable(f"no login is asked for ({anonymous_response.status})")
    if (
        asks_for_no_scope(anonymous_response)
        and bearer.presenting(f"Bearer {token_for(bearer, 'pusher')}").catalog().ok
    ):
        return
    expect_scope(anonymous_response, "registry:catalog", "*")


def names_of_other_organizations(repository: Repository, listed: list[str]) -> list[str]:
    """Return a few listed names that belong to other organizations, judged by the form of the names."""
    own = "/".join(repository.name.split("/")[:2]) + "/"
    return [each for each in listed if each.startswith("orgs/") and not each.startswith(own)][:FEW]


@verifies("registry/rights/catalog-hides-other-organizations")
def test_catalog_hides_other_organizations(registry: Registry, theirs: StoredImage, guarded: StoredImage) -> None:
    """Purpose: the catalog names what the caller may see.

    Method: 1. push an image with the other organization's login, read the catalog with ours to its end
            2. expect its repository not to be listed
            3. of what is listed of any further organization, ask for the tags of five repositories: expect none to be
               401 or 403, since an organization's name may begin with that of another one
            4. ask for the same page with the other login: expect our repository not to be listed
            5. ask, as each of the two, for the one name behind what comes just before the other's: expect it neither in
               the list, where one comes, nor in a Link, and no 5xx
    """
    name = theirs.repository.name
    pages = pages_from(registry.catalog("?n=50"), registry.follow_catalog)
    listed = [each for page in pages for each in strings_of(page, "repositories")]
    if name in listed:
        raise NonConformance(f"{name} not to be listed", "it is", *pages, proof=not_among(pages, f'"{name}"'))
    same, ours = registry.as_role("foreign").catalog("?n=50"), guarded.repository.name
    if same.status == 200 and ours in strings_of(same, "repositories"):
        raise NonConformance(f"{ours} not to be listed", "it is", same, proof=not_among([same], f'"{ours}"'))
    for other in names_of_other_organizations(guarded.repository, listed):
        reply = registry.repository(other).tags()
        if reply.status in (401, 403):
            told = f"it is, and its tags are answered {reply.status}"
            raise NonConformance(f"{other} not to be listed", told, *pages, reply, proof=not_among(pages, f'"{other}"'))
    for hidden, login in ((name, registry), (guarded.repository.name, registry.as_role("foreign"))):
        reply = login.catalog(f"?n=1&last={hidden[:-1]}")
        expect_no_server_error(reply)
        listed = strings_of(reply, "repositories") if reply.status == 200 else []
        told = f"{listed}, Link: {unquote(reply.headers.get('link') or '')}"
        if hidden in told:
            raise NonConformance(f"{hidden} in no list or Link", told, reply, proof=Proof(reply.id, unsaid=(hidden,)))


@verifies("registry/token/catalog-needs-its-scope")
def test_catalog_needs_its_scope(bearer: Registry, good: str, once: Once) -> None:
    """Purpose: a token for a repository does not open the catalog.

    Method: 1. ask for the catalog without a login: the challenge names its scope, or this is not asked
            2. ask for a token to pull from a repository, GET the catalog with it, and a page of it
            3. expect 401 or 403 (or 404)
    """
    if asks_for_no_scope(once("catalog without a login", bearer.as_role(None).catalog)):
        raise NotApplicable("the registry asks for no scope for the catalog")
    for query in ("", "?n=1"):
        reply = bearer.presenting(f"Bearer {good}").catalog(query)
        expect_denied(reply, "for a token without registry:catalog:*")


@verifies("registry/token/catalog-opens-no-repository")
def test_catalog_opens_no_repository(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token to list repositories pulls from none.

    Method: 1. ask for a token for the catalog: expect it, or none
            2. pull with it: expect 401, 403 or 404
    """
    token = token_in(ask(bearer, "pusher", "registry:catalog:*"))
    if not token:
        raise NotApplicable("no token is given for the catalog")

    expect_denied(pull(guarded, token), "for a token for the catalog")
