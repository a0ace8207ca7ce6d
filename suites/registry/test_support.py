"""The support check (OCI Distribution 1.1, "Determining Support"; Docker Registry V2, "API Version Check")."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.proofs import field_matches
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, of_strangers, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance


@pytest.fixture
def answered(registry: Registry, once: Once) -> Exchange:
    """The support check of one who has a login."""
    return once("support with a login", registry.support)


@verifies("registry/support/is-answered-200")
@of_strangers()
def test_support_is_answered(registry: Registry, answered: Exchange) -> None:
    """Purpose: a client that may log in learns that the registry speaks V2.

    Method: 1. GET /v2/ with a login
            2. expect 200
    """
    # A token was given for the login, which is therefore good; of a password that is sent itself nobody knows.
    if answered.status in (401, 403) and registry.door.scheme != "bearer":
        raise Inconclusive(f"the login is not let in: {answered}", "a login that works, in role pusher")
    expect_status(answered, 200)


@verifies("registry/support/names-its-version")
@pytest.mark.parametrize("role", [case("login", "pusher"), case("anonymous", None)])
def test_support_names_its_version(
    request: pytest.FixtureRequest, registry: Registry, once: Once, role: str | None
) -> None:
    """Purpose: clients may insist on the version field before they go on.

    Method: 1. GET /v2/ with a login and without
            2. expect Docker-Distribution-Api-Version: registry/2.0 on 200 and on 401
    """
    stranger = registry.as_role(None)
    reply: Exchange = request.getfixturevalue("answered") if role else once("support", stranger.support)

    expect_status(reply, {200, 401})
    value = expect_header(reply, "Docker-Distribution-Api-Version")
    if "registry/2.0" not in value.split():
        proof = field_matches(reply, "Docker-Distribution-Api-Version", r"(^| )registry/2\.0( |$)")
        raise NonConformance("registry/2.0", value, reply, proof=proof)
