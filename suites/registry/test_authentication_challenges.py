"""The support check, requests without a login, and the challenges in responses (Docker Registry V2; RFC 6750)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, READ_FORMS, READS, WRITES, Occasion
from conformance.evidence.shared_requests import Once
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import (
    expect_absolute_realm,
    expect_challenge_error,
    expect_header,
    expect_readable_challenges,
)
from conformance.oracles.registry import expect_nothing_changed, expect_reachable, expect_scope
from conformance.oracles.registry_errors import expect_code, expect_json_error
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, needs_no_credential, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import field_of

RESOURCE_SCOPES = re.compile(r"[^\s:]+:\S+:[^\s:]+( +[^\s:]+:\S+:[^\s:]+)*")
READERS = READS
MORE_READS = ("manifest-head-by-digest", "tags-in-pages", "manifest-known")
WRITERS = [*WRITES, *DELETIONS]
Anonymous = Callable[[str], tuple[Exchange, Occasion]]


@pytest.fixture
def support_response(registry: Registry, once: Once) -> Exchange:
    """The response to the support check with a login."""
    return once("support with a login", registry.support)


@pytest.fixture
def support(registry: Registry, once: Once) -> Exchange:
    """The response to the support check without a login."""
    return once("support", registry.as_role(None).support)


@pytest.fixture
def occasion(restored_image: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """The image, blob and tag that each operation is tried on; the registry need not require a login."""
    return Occasion(restored_image, new_blob(), names.new("tag"))


@pytest.fixture
def anonymous(occasion: Occasion, once: Once) -> Anonymous:
    """Sends an operation without a login, once: its response, and the image, blob and tag of the request."""
    client, requests = occasion.stored.repository.as_role(None), OPERATIONS | READ_FORMS
    return lambda operation: once(
        ("anonymous", operation), lambda: (requests[operation].request(client, occasion), occasion)
    )


def bearer_parameters(reply: Exchange) -> dict[str, str]:
    """Return the parameters of the Bearer challenge; not applicable if there is none."""
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable(f"the response has no Bearer challenge ({reply.status})")
    return bearer.parameters


def expect_challenge_with_realm(reply: Exchange) -> None:
    """Expect a well-formed Bearer or Basic challenge with a realm in a 401; Inconclusive for another status."""
    if reply.status != 401:
        raise Inconclusive(f"the registry requires no login: {reply}", "a registry that requires a login")
    known = [each for each in challenges(reply) if each.scheme in ("basic", "bearer")]
    if not known:
        value = reply.headers.get("www-authenticate")
        seen = f"WWW-Authenticate: {value}" if value else f"{reply.status} without WWW-Authenticate"
        raise NonConformance("WWW-Authenticate: Bearer … or Basic …", seen, reply)
    if "realm" not in known[0].parameters:
        raise NonConformance("a challenge with a realm", field_of(reply, "WWW-Authenticate"), reply)
    expect_readable_challenges(reply)


@verifies("registry/support/is-answered-200")
@needs_no_credential()
def test_support_is_answered(registry: Registry, support_response: Exchange) -> None:
    """Purpose: a client that may log in learns that the registry speaks V2.
    Method: 1. GET /v2/ with a login; 2. expect 200
    """
    # The token endpoint has accepted a bearer login; a login that goes to the registry itself may be wrong.
    if support_response.status in (401, 403) and registry.auth.scheme != "bearer":
        raise Inconclusive(f"the login is refused: {support_response}", "a login that works, in role pusher")
    expect_status(support_response, 200)


@verifies("registry/support/names-its-version")
@pytest.mark.parametrize("fixture", [case("login", "support_response"), case("anonymous", "support")])
def test_support_names_its_version(request: pytest.FixtureRequest, fixture: str) -> None:
    """Purpose: clients may insist on the version header before they continue.
    Method: 1. GET /v2/ with a login and without; 2. expect Docker-Distribution-Api-Version: registry/2.0 on 200 and 401
    """
    reply: Exchange = request.getfixturevalue(fixture)
    expect_status(reply, {200, 401})
    value = expect_header(reply, "Docker-Distribution-Api-Version")
    if "registry/2.0" not in value.split():
        raise NonConformance("registry/2.0", value, reply)


@verifies("registry/login/support-asks-for-a-login")
@needs_no_credential()
def test_support_asks_for_a_login(support: Exchange, registry: Registry) -> None:
    """Purpose: `docker login` learns from the support check whether a login is good.
    Method: 1. GET /v2/ without a login; if that is 403 and not a registry's response, also with a login
            2. expect 401; inconclusive if both requests are refused in front of the registry
    """
    own = "docker-distribution-api-version" in support.headers or isinstance(support.member("errors"), list)
    if support.status == 403 and not own and not registry.support().ok:
        raise Inconclusive("403 with and without a login, and not from a registry", "an address that is let in")
    expect_status(support, 401, "without a login")


@pytest.mark.parametrize(
    "operation",
    [
        *(row(f"registry/login/anonymous-cannot-pull#{name}", name) for name in (*READS, *MORE_READS)),
        *(row(f"registry/login/anonymous-cannot-push#{name}", name) for name in (*WRITES, *DELETIONS)),
    ],
)
def test_anonymous_client_is_refused(anonymous: Anonymous, operation: str) -> None:
    """Purpose: only clients with a login pull an organization's images, push or delete.
    Method: 1. read tags, manifests and blobs, upload, mount, push and delete without a login
            2. expect 401 (400 or 405 if that deletion is not offered), and unchanged content
    """
    reply, occasion = anonymous(operation)
    unoffered = OPERATIONS[operation].unoffered if operation in OPERATIONS else ()
    expect_status(reply, {401, *unoffered}, "without a login")
    if operation in WRITES | DELETIONS:
        expect_nothing_changed(operation, occasion)


@verifies("registry/login/challenge-is-given#support")
@needs_no_credential()
def test_challenge_is_given_to_support(support: Exchange) -> None:
    """Purpose: a client learns how to log in.
    Method: 1. GET /v2/ without a login; 2. expect 401 with a well-formed Bearer or Basic challenge that has a realm
    """
    expect_challenge_with_realm(support)


@verifies("registry/login/challenge-is-given")
@pytest.mark.parametrize("operation", [*READERS, *WRITERS])
def test_challenge_is_given(anonymous: Anonymous, operation: str) -> None:
    """Purpose: a client learns how to log in from the response to any request.
    Method: 1. send each request without a login; 2. expect 401, and a well-formed Bearer or Basic challenge with realm
    """
    reply, _ = anonymous(operation)
    if reply.status in OPERATIONS[operation].unoffered:
        raise NotApplicable(f"the registry does not support this deletion ({reply.status})")
    expect_challenge_with_realm(reply)


@verifies("registry/login/challenge-names-the-scope#support")
@needs_no_credential()
def test_scope_of_support(support: Exchange) -> None:
    """Purpose: a client can request the scope that the challenge names.
    Method: 1. GET /v2/ without a login
            2. expect the Bearer challenge's scope, if it has one, to be type:name:actions, several with spaces between
    """
    seen = bearer_parameters(support).get("scope", "")
    if seen and not RESOURCE_SCOPES.fullmatch(seen):
        raise NonConformance("a scope of the form type:name:actions, or none", f'scope="{seen}"', support)


@verifies("registry/login/challenge-names-the-scope")
@pytest.mark.parametrize("operation", [*READERS, *WRITERS])
def test_challenge_names_the_scope(anonymous: Anonymous, operation: str) -> None:
    """Purpose: a client requests a token for exactly the access that the request needs.
    Method: 1. send each request without a login
            2. expect the Bearer challenge's scope to name the repository and pull or push; for tags also an action of
               the registry's own; for a deletion delete or push ("push for write access")
    """
    reply, occasion = anonymous(operation)
    repository, right = occasion.stored.repository, OPERATIONS[operation].action
    also = ("push",) if right == "delete" else repository.registry.auth.listing if operation == "tags" else ()
    expect_scope(reply, f"repository:{repository.name}", right, *also)


@verifies("registry/login/realm-is-a-url")
@needs_no_credential()
def test_realm_is_a_url(support: Exchange) -> None:
    """Purpose: a client learns where to get a token.
    Method: 1. GET /v2/ without a login; 2. expect the Bearer challenge's realm to be an absolute http(s) URL
    """
    expect_absolute_realm(support, bearer_parameters(support).get("realm", ""))


@verifies("registry/login/realm-is-a-url#upload")
def test_realm_for_a_push_is_a_url(stored: StoredImage) -> None:
    """Purpose: a client whose first request is a push learns where to get a token.
    Method: 1. POST an upload without a login; 2. expect the realm of a Bearer challenge to be an absolute http(s) URL
    """
    reply = stored.repository.as_role(None).post_upload()
    expect_absolute_realm(reply, bearer_parameters(reply).get("realm", ""))


@verifies("registry/login/challenge-names-the-service")
@needs_no_credential()
def test_challenge_names_the_service(support: Exchange) -> None:
    """Purpose: a client learns for which service to request a token.
    Method: 1. GET /v2/ without a login; 2. expect the Bearer challenge to have a service that is not empty
    """
    if not bearer_parameters(support).get("service"):
        expected, seen = "a service parameter in the challenge", support.headers.get("www-authenticate") or ""
        raise NonConformance(expected, seen, support)


@verifies("registry/login/401-is-an-error-document")
@pytest.mark.parametrize("operation", ["tags", "manifest", "upload"])
def test_401_is_an_error_document(anonymous: Anonymous, operation: str) -> None:
    """Purpose: a client reads the body of a 401 like any other error.
    Method: 1. send requests without a login; 2. expect 401 and JSON with the code UNAUTHORIZED (or DENIED)
    """
    reply, _ = anonymous(operation)
    expect_status(reply, 401)
    expect_json_error(reply)
    expect_code(reply, "UNAUTHORIZED", "DENIED")


@verifies("registry/login/realm-can-be-reached")
def test_realm_can_be_reached(bearer: Registry) -> None:
    """Purpose: the realm of the challenge leads a client to the token endpoint.
    Method: 1. GET /v2/ without a login, GET the realm; 2. expect a response that is no 5xx
    """
    expect_no_server_error(expect_reachable("a realm", lambda: bearer.auth.request_token([])))


@verifies("registry/login/mount-challenge-names-the-source")
def test_challenge_of_a_mount(bearer: Registry, stored: StoredImage, guarded: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a client that wants to mount learns that it needs to pull from the source as well.
    Method: 1. mount a blob from another repository without a login
            2. expect the Bearer challenge's scope to name push on the target and pull on the source
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


@verifies("registry/token/invalid-token-is-reported")
def test_invalid_token_is_reported(rejected_token: tuple[str, Exchange]) -> None:
    """Purpose: a client learns that its token is invalid, and not only that it needs one.
    Method: 1. pull with a text that is no token; 2. expect error="invalid_token" in a well-formed challenge
    """
    _, reply = rejected_token
    expect_challenge_error(reply, "invalid_token")
    expect_readable_challenges(reply)


@verifies("registry/token/credentials-are-not-echoed#of-no-use")
def test_invalid_token_is_not_echoed(rejected_token: tuple[str, Exchange]) -> None:
    """Purpose: a refused token may be valid elsewhere, or one letter away from a valid one.
    Method: 1. pull with a text that is no token; 2. expect that text nowhere in the response
    """
    token, reply = rejected_token
    expect_not_repeated(reply, [token], "the token")
