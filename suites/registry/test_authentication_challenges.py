"""The support check, requests without a login, and the challenges in responses (Docker Registry V2; RFC 6750)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from conformance.clients.registry.challenges import Challenge, challenges
from conformance.clients.registry.client import EVERY_TYPE, Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, READS, SELDOM_READS, WRITES, Occasion
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import (
    expect_absolute_realm,
    expect_error_told,
    expect_header,
    expect_readable_challenges,
)
from conformance.oracles.proofs import field_matches
from conformance.oracles.registry import expect_nothing_changed, expect_reachable, expect_scope
from conformance.oracles.registry_errors import expect_code, expect_json_error
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, of_strangers, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import field_of

RESOURCE_SCOPES = re.compile(r"[^\s:]+:\S+:[^\s:]+( +[^\s:]+:\S+:[^\s:]+)*")
READERS = [case(name, name) for name in READS]
SELDOM_READERS = [case(name, name) for name in ("manifest-head-by-digest", "tags-in-pages")]
WRITERS = [case(name, name) for name in (*WRITES, *DELETIONS)]


@pytest.fixture
def support_response(registry: Registry, once: Once) -> Exchange:
    """The response to the support check with a login."""
    return once("support with a login", registry.support)


@verifies("registry/support/is-answered-200")
@of_strangers()
def test_support_is_answered(registry: Registry, support_response: Exchange) -> None:
    """Purpose: a client that may log in learns that the registry speaks V2.

    Method: 1. GET /v2/ with a login
            2. expect 200
    """
    # A token was given for the login, which is therefore good; of a password that is sent itself nobody knows.
    if support_response.status in (401, 403) and registry.door.scheme != "bearer":
        raise Inconclusive(f"the login is not let in: {support_response}", "a login that works, in role pusher")
    expect_status(support_response, 200)


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
    reply: Exchange = request.getfixturevalue("support_response") if role else once("support", stranger.support)

    expect_status(reply, {200, 401})
    value = expect_header(reply, "Docker-Distribution-Api-Version")
    if "registry/2.0" not in value.split():
        proof = field_matches(reply, "Docker-Distribution-Api-Version", r"(^| )registry/2\.0( |$)")
        raise NonConformance("registry/2.0", value, reply, proof=proof)


@pytest.fixture
def occasion(tried: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """The image, blob and tag that each operation is tried on; the registry need not ask for a login."""
    return Occasion(tried, new_blob(), names.new("tag"))


@dataclass(frozen=True)
class Anonymous:
    """Sends each operation without a login, once."""

    occasion: Occasion
    once: Once

    def attempt(self, operation: str) -> tuple[Exchange, Occasion]:
        """The answer to an operation, and what it was tried on."""
        stranger, on = self.occasion.stored.repository.as_role(None), self.occasion
        asked = OPERATIONS | SELDOM_READS
        return self.once(("anonymous", operation), lambda: (asked[operation].request(stranger, on), on))

    def reply(self, operation: str) -> Exchange:
        """The answer to an operation."""
        return self.attempt(operation)[0]


@pytest.fixture
def anonymous(occasion: Occasion, once: Once) -> Anonymous:
    """The responses to operations without a login."""
    return Anonymous(occasion, once)


@pytest.fixture
def support(registry: Registry, once: Once) -> Exchange:
    """The response to the support check without a login."""
    return once("support", registry.as_role(None).support)


def expect_login_challenge(reply: Exchange) -> Challenge:
    """Expect a challenge of a scheme that Docker clients know."""
    for challenge in challenges(reply):
        if challenge.scheme in ("basic", "bearer"):
            return challenge
    value = reply.headers.get("www-authenticate")
    told = f"WWW-Authenticate: {value}" if value else f"{reply.status} without WWW-Authenticate"
    proof = field_matches(reply, "WWW-Authenticate", "(^|[, ])(bearer|basic) ")
    raise NonConformance("WWW-Authenticate: Bearer … or Basic …", told, reply, proof=proof)


@verifies("registry/login/support-asks-for-a-login")
@of_strangers()
def test_support_asks_for_a_login(support: Exchange, registry: Registry) -> None:
    """Purpose: a client that logs in learns whether its login is good: it is asked for one.

    Method: 1. GET /v2/ without a login; where that is 403 and nothing says that a registry has answered, with one
            2. expect 401; nothing is known where everybody is answered 403 by nobody knows whom
    """
    own = "docker-distribution-api-version" in support.headers or isinstance(support.member("errors"), list)
    if support.status == 403 and not own and not registry.support().ok:
        raise Inconclusive("403 to everybody, and not from a registry", "an address that is let in")
    expect_status(support, 401, "without a login")


@verifies("registry/login/anonymous-cannot-pull")
@pytest.mark.parametrize("operation", [*READERS, *SELDOM_READERS])
def test_anonymous_cannot_pull(anonymous: Anonymous, operation: str) -> None:
    """Purpose: an organization's images are for those who log in.

    Method: 1. read tags, manifests and blobs without a login
            2. expect 401
    """
    expect_status(anonymous.reply(operation), 401, "without a login")


@verifies("registry/login/known-needs-a-login")
def test_conditional_pull_needs_a_login(tried: StoredImage) -> None:
    """Purpose: who has the ETag of an image still has to log in.

    Method: 1. GET an image by digest, and again without a login and with its ETag in If-None-Match
            2. expect 401
    """
    repository, digest = tried.repository, tried.image.digest
    known = repository.get_manifest(digest).headers.get("etag") or f'"{digest}"'
    reply = repository.as_role(None).get_manifest(digest, [EVERY_TYPE, ("If-None-Match", known)])

    expect_status(reply, 401, "without a login")


@verifies("registry/login/anonymous-cannot-push")
@pytest.mark.parametrize("operation", WRITERS)
def test_anonymous_cannot_push(anonymous: Anonymous, operation: str) -> None:
    """Purpose: no one pushes or deletes without a login.

    Method: 1. upload, mount, push and delete without a login
            2. expect 401 (400 or 405 where that deletion is not offered), and what it would have changed as it was
    """
    reply, occasion = anonymous.attempt(operation)

    expect_status(reply, {401, *OPERATIONS[operation].unoffered}, "without a login")
    expect_nothing_changed(operation, occasion)


@verifies("registry/login/challenge-is-given")
@of_strangers()
@pytest.mark.parametrize("operation", [case("support", "support")])
def test_challenge_is_given_to_support(support: Exchange, operation: str) -> None:
    """Purpose: a client learns how to log in.

    Method: 1. GET /v2/ without a login
            2. expect WWW-Authenticate with a Bearer or Basic challenge and its realm on the 401, and commas, with
               nothing else, between what it tells
    """
    expect_challenge_with_realm(support)


@verifies("registry/login/challenge-is-given")
@pytest.mark.parametrize("operation", [*READERS, *WRITERS])
def test_challenge_is_given(anonymous: Anonymous, operation: str) -> None:
    """Purpose: a client learns how to log in.

    Method: 1. send each request without a login
            2. expect WWW-Authenticate with a Bearer or Basic challenge and its realm on the 401, and commas, with
               nothing else, between what it tells
    """
    reply = anonymous.reply(operation)
    if reply.status in OPERATIONS[operation].unoffered:
        raise NotApplicable(f"the registry does not offer that deletion ({reply.status})")
    expect_challenge_with_realm(reply)


@verifies("registry/login/challenge-names-the-scope")
@of_strangers()
@pytest.mark.parametrize("operation", [case("support", "support")])
def test_scope_of_support(support: Exchange, operation: str) -> None:
    """Purpose: a client that asks for the scope that it was told asks for what can be asked for.

    Method: 1. GET /v2/ without a login
            2. where the Bearer challenge tells a scope, which it need not, expect type:name:actions, and blanks between
               several
    """
    bearers = [each for each in challenges(support) if each.scheme == "bearer"]
    if not bearers:
        raise NotApplicable("the support check asks for no token")
    for told in (each.parameters.get("scope", "") for each in bearers):
        if told and not RESOURCE_SCOPES.fullmatch(told):
            raise NonConformance("a scope of the form type:name:actions, or none", f'scope="{told}"', support)


def expect_challenge_with_realm(reply: Exchange) -> None:
    """Expect a readable challenge with a realm in a 401; Inconclusive for another status."""
    if reply.status != 401:
        raise Inconclusive(f"no login was asked for: {reply}", "a registry that asks for a login")
    if "realm" not in expect_login_challenge(reply).parameters:
        told, proof = field_of(reply, "WWW-Authenticate"), field_matches(reply, "WWW-Authenticate", "realm *=")
        raise NonConformance("a challenge with a realm", told, reply, proof=proof)
    expect_readable_challenges(reply)


@verifies("registry/login/realm-is-a-url")
@of_strangers()
def test_realm_is_a_url(support: Exchange) -> None:
    """Purpose: a client learns where to get a token.

    Method: 1. GET /v2/ without a login
            2. expect the Bearer challenge's realm to be an absolute http(s) URL
    """
    expect_absolute_realm(support, bearer_parameters(support).get("realm", ""))


def bearer_parameters(reply: Exchange) -> dict[str, str]:
    """Return the parameters of the Bearer challenge; not applicable where the registry takes no bearer tokens."""
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not take bearer tokens")
    return bearer.parameters


@verifies("registry/login/challenge-names-the-service")
@of_strangers()
def test_challenge_names_the_service(support: Exchange) -> None:
    """Purpose: a client learns for which service to ask for a token.

    Method: 1. GET /v2/ without a login
            2. expect the Bearer challenge to have a service, which is not empty
    """
    if not bearer_parameters(support).get("service"):
        proof = field_matches(support, "WWW-Authenticate", 'service *= *"?[^", ]')
        raise NonConformance("a service", support.headers.get("www-authenticate") or "", support, proof=proof)


@verifies("registry/login/challenge-names-the-scope")
@pytest.mark.parametrize("operation", [*READERS, *WRITERS])
def test_challenge_names_the_scope(anonymous: Anonymous, operation: str) -> None:
    """Purpose: a client asks the token endpoint for what the request needs, and for nothing less.

    Method: 1. send each request without a login
            2. expect the Bearer challenge's scope to name the repository and the action: pull (for tags also one of the
               registry's own) or push; delete for a deletion, or push ("push for write access")
    """
    repository, right = anonymous.occasion.stored.repository, OPERATIONS[operation].right
    also = ("push",) if right == "delete" else repository.registry.door.listing if operation == "tags" else ()
    expect_scope(anonymous.reply(operation), f"repository:{repository.name}", right, *also)


@verifies("registry/login/denial-is-told")
@pytest.mark.parametrize("operation", [case("tags", "tags"), case("manifest", "manifest"), case("upload", "upload")])
def test_denial_is_reported(anonymous: Anonymous, operation: str) -> None:
    """Purpose: the body of a 401 is an error document like any other.

    Method: 1. send requests without a login
            2. expect JSON with the code UNAUTHORIZED (or DENIED)
    """
    expect_status(reply := anonymous.reply(operation), 401)
    expect_json_error(reply)
    expect_code(reply, "UNAUTHORIZED", "DENIED")


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
def rejected_token(bearer: Registry, guarded: StoredImage, names: Names, once: Once) -> tuple[str, Exchange]:
    """A text that is no token, and the response to a pull with it."""

    def made() -> tuple[str, Exchange]:
        token = names.new("no-token")
        return token, guarded.repository.presenting(f"Bearer {token}").get_manifest(guarded.tag)

    return once("no token", made)


@verifies("registry/token/invalid-is-told")
def test_invalid_token_is_reported(rejected_token: tuple[str, Exchange]) -> None:
    """Purpose: a client learns that its token is no good, and not only that one is needed.

    Method: 1. pull with a token that is none
            2. expect error="invalid_token" in the challenge, and commas, with nothing else, between what it tells
    """
    _, reply = rejected_token

    expect_error_told(reply, "invalid_token")
    expect_readable_challenges(reply)


@verifies("registry/token/is-not-told-back")
@pytest.mark.parametrize("what", [case("of-no-use", "the token")])
def test_invalid_token_is_not_echoed(rejected_token: tuple[str, Exchange], what: str) -> None:
    """Purpose: a refused token is not echoed: it may be valid elsewhere, or one letter away from a valid one.

    Method: 1. pull with a token that is none
            2. expect it nowhere in the answer
    """
    token, reply = rejected_token

    expect_not_repeated(reply, [token], what)
