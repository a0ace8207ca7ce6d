"""Who may list repositories, where that is claimed, and how a client learns what it needs for that."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import asks_for_no_scope
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.tokens import token_for
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_scope, strings_of
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


@pytest.fixture
def unlisted(registry: Registry, stored: StoredImage, once: Once) -> Exchange:
    """The answer to one without a login who asks for the catalog."""
    return once("catalog without a login", registry.as_role(None).catalog)


@verifies("registry/login/anonymous-cannot-list-repositories")
def test_anonymous_cannot_list_repositories(registry: Registry, bad_login: str, unlisted: Exchange) -> None:
    """Purpose: which repositories an organization has is for those who log in.

    Method: 1. push an image; ask for the catalog, and a page of it, without a login, and with one that is none
            2. expect 401, or a list of nothing
    """
    for reply in (unlisted, registry.as_role(None).catalog("?n=100"), registry.presenting(bad_login).catalog()):
        if reply.status != 200 or strings_of(reply, "repositories"):
            expect_status(reply, 401, "without a login")


@verifies("registry/login/catalog-challenge-names-the-scope")
def test_challenge_of_the_catalog(bearer: Registry, unlisted: Exchange) -> None:
    """Purpose: a client that asks for the catalog learns which token it needs.

    Method: 1. ask for the catalog without a login
            2. where that is answered 401, expect the Bearer challenge's scope to be registry:catalog:*
            3. where it names none, a token without a scope is to get the list: a registry may "limit it based on the
               user's access level" alone (Docker Registry V2, Listing Repositories)
    """
    if unlisted.status != 401:
        raise NotApplicable(f"no login is asked for ({unlisted.status})")
    if asks_for_no_scope(unlisted) and bearer.presenting(f"Bearer {token_for(bearer, 'pusher')}").catalog().ok:
        return
    expect_scope(unlisted, "registry:catalog", "*")
