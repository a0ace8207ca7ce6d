"""Who has no login, or a wrong one (Docker Registry V2; Docker Registry token authentication; RFC 7617)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from conformance.clients.images import NewBlob
from conformance.clients.registry import Registry, Repository, StoredImage
from conformance.clients.registry_login import basic, token_in
from conformance.clients.registry_operations import DELETIONS, OPERATIONS, READS, WRITES, Occasion
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.headers import Challenge, challenges
from conformance.oracles.registry import expect_code, expect_json_error, expect_untouched
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

READERS = [case(name, name) for name in READS]
WRITERS = [case(name, name) for name in (*WRITES, *DELETIONS)]


@pytest.fixture
def occasion(guarded: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """What the operations are tried on."""
    return Occasion(guarded, new_blob(), names.new("tag"))


def anonymous(occasion: Occasion, operation: str) -> Exchange:
    """The answer to an operation without a login."""
    return OPERATIONS[operation].request(occasion.stored.repository.as_role(None), occasion)


def expect_login_challenge(reply: Exchange) -> Challenge:
    """A challenge of a scheme that Docker clients know."""
    for challenge in challenges(reply):
        if challenge.scheme in ("basic", "bearer"):
            return challenge
    value = reply.headers.get("www-authenticate")
    raise NonConformance("WWW-Authenticate: Bearer … or Basic …", f"WWW-Authenticate: {value}", reply)


@verifies("registry/login/support-asks-for-a-login")
def test_support_asks_for_a_login(registry: Registry) -> None:
    """Purpose: a client that logs in learns whether its login is good: it is asked for one.

    Method: 1. GET /v2/ without a login
            2. expect 401
    """
    expect_status(registry.as_role(None).support(), 401, "without a login")


@verifies("registry/login/anonymous-cannot-pull")
@pytest.mark.parametrize("operation", READERS)
def test_anonymous_cannot_pull(occasion: Occasion, operation: str) -> None:
    """Purpose: an organization's images are for those who log in.

    Method: 1. read tags, manifests and blobs without a login
            2. expect 401
    """
    expect_status(anonymous(occasion, operation), 401, "without a login")


@verifies("registry/login/anonymous-cannot-push")
@pytest.mark.parametrize("operation", WRITERS)
def test_anonymous_cannot_push(occasion: Occasion, operation: str) -> None:
    """Purpose: no one pushes or deletes without a login.

    Method: 1. upload, mount, push and delete without a login
            2. expect 401, and the image as it was
    """
    expect_status(anonymous(occasion, operation), 401, "without a login")
    expect_untouched(occasion.stored.repository.get_manifest(occasion.stored.tag), occasion.stored.image.content)
    expect_status(occasion.stored.repository.head_manifest(occasion.tag), 404, "for what was refused")


@verifies("registry/login/challenge-is-given")
@pytest.mark.parametrize("operation", [case("support", "support"), *READERS, *WRITERS])
def test_challenge_is_given(registry: Registry, occasion: Occasion, operation: str) -> None:
    """Purpose: a client learns how to log in.

    Method: 1. send each request without a login
            2. expect WWW-Authenticate with a Bearer or Basic challenge and its realm on the 401
    """
    reply = registry.as_role(None).support() if operation == "support" else anonymous(occasion, operation)
    if reply.status != 401:
        raise Inconclusive(f"no login was asked for: {reply}", "a registry that asks for a login")

    if "realm" not in expect_login_challenge(reply).parameters:
        raise NonConformance("a challenge with a realm", f"{reply.headers.get('www-authenticate')}", reply)


@verifies("registry/login/realm-is-a-url")
def test_realm_is_a_url(registry: Registry) -> None:
    """Purpose: a client learns where to get a token, and for which service.

    Method: 1. GET /v2/ without a login
            2. expect the Bearer challenge's realm to be an absolute http(s) URL, and its service not to be empty
    """
    reply = registry.as_role(None).support()
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not take bearer tokens")
    realm = urlsplit(bearer.parameters.get("realm", ""))

    if realm.scheme not in ("http", "https") or not realm.netloc or not bearer.parameters.get("service"):
        raise NonConformance("an absolute realm and a service", reply.headers.get("www-authenticate") or "", reply)


@verifies("registry/login/challenge-names-the-scope")
@pytest.mark.parametrize("operation", [*READERS, *WRITERS])
def test_challenge_names_the_scope(occasion: Occasion, operation: str) -> None:
    """Purpose: a client asks the token endpoint for what the request needs, and for nothing less.

    Method: 1. send each request without a login
            2. expect the Bearer challenge's scope to name the repository and the action: pull, push or delete
    """
    reply = anonymous(occasion, operation)
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not take bearer tokens")
    scopes = [each.rpartition(":") for each in bearer.parameters.get("scope", "").split()]
    wanted = f"repository:{occasion.stored.repository.name}"
    granted = {action for resource, _, actions in scopes if resource == wanted for action in actions.split(",")}

    if OPERATIONS[operation].right not in granted and "*" not in granted:
        raise NonConformance(
            f"scope {wanted}:{OPERATIONS[operation].right}",
            f"scope {bearer.parameters.get('scope')!r}",
            reply,
        )


@verifies("registry/login/denial-is-told")
@pytest.mark.parametrize("operation", [case("tags", "tags"), case("manifest", "manifest"), case("upload", "upload")])
def test_denial_is_told(occasion: Occasion, operation: str) -> None:
    """Purpose: the body of a 401 is an error document like any other.

    Method: 1. send requests without a login
            2. expect a JSON list of errors with the code UNAUTHORIZED (or DENIED)
    """
    reply = anonymous(occasion, operation)
    expect_status(reply, 401)

    expect_json_error(reply)
    expect_code(reply, "UNAUTHORIZED", "DENIED")


def login_attempt(registry: Registry, username: str, password: str) -> Exchange:
    """What is answered to a username and password, where they are to be shown."""
    door, credentials = registry.door, basic(username, password)
    if not door.scheme:
        raise Inconclusive("the registry asks for no login", "a registry that asks for a login")
    return door.ask_token([], credentials) if door.scheme == "bearer" else registry.presenting(credentials).support()


@verifies("registry/login/wrong-login-is-refused")
@pytest.mark.parametrize(
    "wrong",
    [
        case("wrong-password", "password"),
        case("empty-password", "empty"),
        case("unknown-user", "user"),
        case("password-in-capitals", "capitals"),
        case("password-and-more", "more"),
    ],
)
def test_wrong_login(registry: Registry, names: Names, wrong: str) -> None:
    """Purpose: who cannot show who they are is not let in.

    Method: 1. show the login: expect 200 (the control)
            2. show it with a wrong, an empty, an altered password; show an unknown user
            3. expect 401, and no token
    """
    account = registry.account("pusher")
    if login_attempt(registry, account.username, account.password).status != 200:
        raise Inconclusive("the login itself does not work", "a login that works, in role pusher")
    username, password = {
        "password": (account.username, "not-the-password"),
        "empty": (account.username, ""),
        "user": (names.new("nobody"), account.password),
        "capitals": (account.username, account.password.swapcase()),
        "more": (account.username, account.password + "x"),
    }[wrong]
    reply = login_attempt(registry, username, password)

    expect_status(reply, 401, "for a wrong login")
    if token_in(reply):
        raise NonConformance("no token", observed(reply), reply)


@verifies("registry/login/malformed-login-is-refused")
@pytest.mark.parametrize(
    "value",
    [
        case("no-credentials", "Basic"),
        case("no-base64", "Basic ???"),
        case("no-colon", "Basic bm9jb2xvbg=="),
        case("bearer-nothing", "Bearer"),
        case("bearer-junk", "Bearer junk"),
        case("unknown-scheme", "Negotiate abc"),
        case("empty", ""),
    ],
)
def test_malformed_login(guarded: StoredImage, value: str) -> None:
    """Purpose: an Authorization field that says nothing opens nothing, and is never the platform's fault.

    Method: 1. GET a manifest with a malformed Authorization field
            2. expect 401 (or 400)
    """
    reply = guarded.repository.presenting(value).get_manifest(guarded.tag)

    expect_status(reply, {400, 401}, "for a malformed login")


@verifies("registry/login/refused-in-an-upload-can-be-mended")
def test_refused_in_an_upload(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a login that runs out in the middle of an upload does not cost the upload.

    Method: 1. open a session, PATCH a chunk; PATCH the next one with a login that is none: expect 401
            2. PATCH it with the login, PUT: expect 202 and 201
    """
    blob, upload = new_blob(600), repository.open_upload()
    upload.patch(blob.content[:300], "0-299")
    stranger = upload.by(
        repository.registry.presenting(
            "Bearer junk" if repository.registry.door.scheme == "bearer" else basic("nobody", "nothing")
        )
    )

    expect_status(stranger.patch(blob.content[300:], "300-599"), 401, "for a login that is none")
    expect_status(upload.patch(blob.content[300:], "300-599"), 202, "with the login again")
    expect_status(upload.put(blob.digest), 201)


@verifies("registry/login/unknown-user-is-not-told")
def test_unknown_user_is_not_told(registry: Registry, names: Names) -> None:
    """Purpose: who guesses does not learn which users there are.

    Method: 1. show a wrong password of a user that there is, between two that there are not
            2. expect the same answers; a difference but in status counts if it is there each time in eight more rounds
    """

    def ask(username: str) -> Asked:
        return Asked(username, login_attempt(registry, username, "not-the-password"))

    expect_as_absent(ask, registry.account("pusher").username, lambda: names.new("nobody"), like="an unknown user")
