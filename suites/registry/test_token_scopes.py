"""Tokens for several repositories at once (Docker Registry token authentication)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.tokens import pull, token_for
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive

NOWHERE = f"sha256:{'0' * 64}"
REFUSED = {401, 403}


@verifies("registry/token/each-scope-has-its-own-actions")
def test_each_scope_has_its_own_actions(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: of a token for several repositories, each has the actions that were asked for it.

    Method: 1. ask for one token to pull from a repository, and to pull from and push to another
            2. pull from the first with it: expect 200 (the control); push to the first: expect 401, 403 or 404
    """
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name, "pull,push")
    token = token_for(bearer, "pusher", *scopes)
    if pull(stored, token).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")

    expect_denied(stored.repository.presenting(f"Bearer {token}").post_upload(), "for a push with a token to pull")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("number", [case("a-dozen", 12)])
def test_a_dozen_scopes(bearer: Registry, stored: StoredImage, guarded: StoredImage, number: int) -> None:
    """Purpose: one token is for as many repositories as a build draws from.

    Method: 1. ask for one token for twelve repositories, those that are there first and last
            2. expect it to pull from both
    """
    names = [f"{stored.repository.name}-{each}" for each in range(number - 2)]
    named = [stored.repository.name, *names, guarded.repository.name]
    token = token_for(bearer, "puller", *(bearer.scope(each, "pull") for each in named))

    for each in (stored, guarded):
        expect_status(pull(each, token), 200, f"from {each.repository.name}")


@verifies("registry/token/each-scope-has-its-own-rights")
@pytest.mark.parametrize("order", [case("ours-first", 1), case("ours-last", -1)])
def test_each_scope_has_its_own_rights(bearer: Registry, guarded: StoredImage, theirs: StoredImage, order: int) -> None:
    """Purpose: what one may do in one repository is granted there, whatever else is asked for beside it.

    Method: 1. ask for one token to pull from a repository of ours and from another organization's, in either order
            2. expect it to pull from ours, and not from theirs (401, 403 or 404)
    """
    names = [guarded.repository.name, theirs.repository.name][::order]
    token = token_for(bearer, "pusher", *(bearer.scope(each, "pull") for each in names))

    expect_status(pull(guarded, token), 200, "from ours")
    expect_denied(pull(theirs, token), "from another organization's")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("number", [case("that-change", 2)])
def test_scopes_that_change(bearer: Registry, stored: StoredImage, guarded: StoredImage, number: int) -> None:
    """Purpose: nor does it matter, where something is changed, which repository was named first.

    Method: 1. ask for one token to pull from a repository, and for everything in another
            2. open an upload in the other with it: expect 2xx
            3. DELETE a blob that is not there, with the login: where that is no 401 or 403, expect none with the token
    """
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name)
    both = guarded.repository.presenting(f"Bearer {token_for(bearer, 'pusher', *scopes[:number])}")

    expect_success(both.post_upload(), "with a token for both")
    if guarded.repository.delete_blob(NOWHERE).status not in REFUSED:
        expect_status(both.delete_blob(NOWHERE), {*range(200, 600)} - REFUSED, "with a token for both")
