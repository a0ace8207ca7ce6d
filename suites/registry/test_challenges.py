"""What a challenge tells: a realm that answers, both sides of a mount, that a token is no good (RFC 6750)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import WRITES, Occasion
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import expect_absolute_realm, expect_error_told, expect_readable_challenges
from conformance.oracles.registry import expect_reachable, expect_scope
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, Proof


@verifies("registry/login/realm-can-be-reached")
def test_realm_can_be_reached(registry: Registry) -> None:
    """Purpose: the realm of the challenge leads to the token endpoint for whoever asked.

    Method: 1. GET /v2/ without a login, GET the realm
            2. expect an answer, and no 5xx
    """
    if registry.door.scheme != "bearer":
        raise NotApplicable("the registry does not take bearer tokens")

    kept = Proof(beyond="a script asks the realm of the run, and not the one that is named now")
    expect_no_server_error(expect_reachable("a realm", lambda: registry.door.ask_token([]), kept))


@verifies("registry/login/realm-is-a-url")
@pytest.mark.parametrize("operation", [case("upload", "upload")])
def test_realm_for_a_push_is_a_url(bearer: Registry, stored: StoredImage, operation: str) -> None:
    """Purpose: a client that asks nothing before it pushes learns where to get a token as well.

    Method: 1. POST an upload without a login
            2. where a Bearer challenge comes, expect its realm to be an absolute http(s) URL
    """
    reply = stored.repository.as_role(None).post_upload()
    bearers = [each for each in challenges(reply) if each.scheme == "bearer"]
    if not bearers:
        raise NotApplicable(f"{operation} is answered without a Bearer challenge ({reply.status})")

    expect_absolute_realm(reply, bearers[0].parameters.get("realm", ""))


@verifies("registry/login/mount-challenge-names-the-source")
def test_challenge_of_a_mount(bearer: Registry, stored: StoredImage, guarded: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a client that wants to mount learns that it needs to pull from the source as well.

    Method: 1. mount a blob from another repository without a login
            2. expect the Bearer challenge's scope to name both repositories, each with what is needed there
    """
    target = stored.repository.as_role(None)
    reply = WRITES["mount"].request(target, Occasion(guarded, new_blob(), "unused"))

    expect_scope(reply, f"repository:{stored.repository.name}", "push")
    expect_scope(reply, f"repository:{guarded.repository.name}", "pull")


@pytest.fixture
def invalid(bearer: Registry, guarded: StoredImage, names: Names, once: Once) -> tuple[str, Exchange]:
    """A text that is no token, and the answer to who pulls with it."""

    def made() -> tuple[str, Exchange]:
        token = names.new("no-token")
        return token, guarded.repository.presenting(f"Bearer {token}").get_manifest(guarded.tag)

    return once("no token", made)


@verifies("registry/token/invalid-is-told")
def test_invalid_token_is_told(invalid: tuple[str, Exchange]) -> None:
    """Purpose: a client learns that its token is no good, and not only that one is needed.

    Method: 1. pull with a token that is none
            2. expect error="invalid_token" in the challenge, and commas, with nothing else, between what it tells
    """
    _, reply = invalid

    expect_error_told(reply, "invalid_token")
    expect_readable_challenges(reply)


@verifies("registry/token/is-not-told-back")
@pytest.mark.parametrize("what", [case("of-no-use", "the token")])
def test_invalid_token_is_not_told_back(invalid: tuple[str, Exchange], what: str) -> None:
    """Purpose: nor does it carry one on that is of no use here: it may be of use elsewhere, or but a letter from one.

    Method: 1. pull with a token that is none
            2. expect it nowhere in the answer
    """
    token, reply = invalid

    expect_not_repeated(reply, [token], what)
