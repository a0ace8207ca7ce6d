"""Organizations whose names are like one another, or whose apps are named alike (API Reference, Docker Registry)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.clients.registry.tokens import ask, pull
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NotApplicable


def namesake(repository: Repository) -> Repository:
    """Another organization's repository for the app of this name, with its login."""
    registry = repository.registry.as_role("foreign")
    first, organization, *_ = f"{registry.described.foreign_repository or ''}//".split("/")
    name = "/".join([first, organization, *repository.name.split("/")[2:]])
    if not organization or name.count("/") < 2 or name == repository.name:
        needs = 'foreign_repository = "orgs/{another-org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive("no organization besides ours is described", needs)
    return registry.repository(name)


@verifies("registry/rights/same-app-of-another-organization")
@pytest.mark.parametrize("operation", [case("manifest", "manifest"), case("blob", "blob")])
def test_same_app_of_another_organization(guarded: StoredImage, new_blob: NewBlob, operation: str) -> None:
    """Purpose: an app of one organization is not the app of the same name of another.

    Method: 1. push an image to orgs/{our-org}/{app}
            2. read it from orgs/{other-org}/{app} with the other organization's login: expect 401, 403 or 404
    """
    reply = OPERATIONS[operation].request(namesake(guarded.repository), Occasion(guarded, new_blob(), "unused"))

    expect_denied(reply, "for what another organization has under this name")


@verifies("registry/token/prefix-is-another-repository")
@pytest.mark.parametrize("right", [case("same-app", "pull")])
def test_token_for_the_same_app_of_another_organization(bearer: Registry, guarded: StoredImage, right: str) -> None:
    """Purpose: nor does a token for the one open the other.

    Method: 1. ask for a token for orgs/{other-org}/{app} with the other organization's login
            2. pull from orgs/{our-org}/{app} with it: expect 401, 403 or 404
    """
    name = namesake(guarded.repository).name
    token = token_in(ask(bearer, "foreign", bearer.scope(name, right)))
    if not token:
        raise NotApplicable("no token is given for a repository that is not there")

    expect_denied(pull(guarded, token), "for an app of the same name of another organization")


@verifies("registry/rights/similar-organization-is-another")
@pytest.mark.parametrize(
    "similar",
    [
        *(case("longer", "{}-{}"), case("without-dash", "{}x"), case("below", "{}.{}")),
        *(case("ends-so", "{1}-{0}"), case("has-an-app-so", "{1}/{2}/{0}")),
    ],
)
def test_similar_organization(repository: Repository, names: Names, similar: str) -> None:
    """Purpose: rights on one organization are none on another whose name begins or ends so, or that has an app so.

    Method: 1. open an upload to orgs/{our organization and more}/app, to orgs/{more and ours}/app and to
               orgs/{another}/orgs/{ours}/app
            2. expect a refusal (400, 401, 403 or 404)
    """
    repository.registry.door.expect_locked()
    first, *rest = repository.name.split("/")
    if len(rest) < 2:
        needs = 'repository = "orgs/{org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive(f"no organization is named in {repository.name}", needs)
    other = repository.named("/".join([first, similar.format(rest[0], names.new(), first), *rest[1:]]))

    expect_status(other.post_upload(), {400, 401, 403, 404}, "for another organization")
