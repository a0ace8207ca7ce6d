"""Logins that are wrong, malformed or run out (Docker Registry V2; Docker Registry token authentication; RFC 7617)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Registry, Repository, StoredImage, Upload
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import granted_by_password, login_attempt, presented, right_login
from conformance.clients.registry.uploads import at_the_registry, open_in_pieces
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.headers import expect_header
from conformance.oracles.oauth import expect_token_withheld
from conformance.oracles.registry import expect_scope
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared
from conformance.vocabulary.values import basic_login

MALFORMED = [
    case("no-credentials", "Basic"),
    case("no-base64", "Basic ???"),
    case("no-colon", "Basic bm9jb2xvbg=="),
    case("bearer-nothing", "Bearer"),
    case("bearer-junk", "Bearer junk"),
    case("unknown-scheme", "Negotiate abc"),
    case("empty", ""),
]
Malformed = Callable[[str], Exchange]


@pytest.fixture
def malformed(stored: StoredImage, once: Once) -> Malformed:
    """GET of a manifest with an Authorization field as it is given, once for each."""
    repository = stored.repository
    repository.registry.door.expect_locked()
    return lambda value: once(("malformed", value), lambda: repository.presenting(value).get_manifest(stored.tag))


@verifies("registry/login/wrong-login-is-refused")
@pytest.mark.parametrize(
    "wrong",
    [
        case("wrong-password", "password"),
        case("empty-password", "empty"),
        case("unknown-user", "user"),
        case("password-in-capitals", "capitals"),
        case("password-and-more", "more"),
        case("password-of-another", "another"),
    ],
)
def test_wrong_login(repository: Repository, names: Names, once: Once, wrong: str) -> None:
    """Purpose: who cannot show who they are is not let in.

    Method: 1. show the login: expect 200 (the control)
            2. show it with a password that is cut, empty, in other case, goes on or is another user's; show an unknown
               user with one that is cut: expect 401, and no token; or, where a password that is a token tells by itself
               whose it is ("invalid token"), another's to push no more than beside its own name
    """
    registry, account = repository.registry, repository.registry.account("pusher")
    if once("login", lambda: right_login(registry)).status != 200:
        raise Inconclusive("the login itself does not work", "a login that works, in role pusher")
    other = registry.account("puller") if wrong == "another" else None
    username, password = {
        "password": (account.username, account.password[:-1]),
        "empty": (account.username, ""),
        "user": (names.new("nobody"), account.password[:-1]),
        "capitals": (account.username, account.password.swapcase()),
        "more": (account.username, account.password + "x"),
        "another": (account.username, other.password if other else ""),
    }[wrong]
    if (username, password) == (account.username, account.password) or (other and other.username == username):
        raise NotApplicable("that is a password of this user's as well")
    reply = once(("wrong login", wrong), lambda: login_attempt(registry, username, password))
    if other and reply.ok:
        asked, theirs = presented(repository, username, password, "pull,push")
        expect_status(
            theirs.post_upload(), {401, 403, 404}, "for a push with the password of the puller", or_refused=asked
        )
        return
    expect_status(reply, 401, "for a wrong login")
    expect_token_withheld(reply)


@verifies("registry/login/scheme-is-compared-without-case")
def test_scheme_without_case(registry: Registry, once: Once) -> None:
    """Purpose: "basic" is "Basic".

    Method: 1. show the login: expect 200 (the control)
            2. show it with the scheme in small letters: expect 200
    """
    if once("login", lambda: right_login(registry)).status != 200:
        raise Inconclusive("the login itself does not work", "a login that works, in role pusher")

    expect_status(right_login(registry, "basic"), 200, "in small letters")


@verifies("registry/login/refused-login-is-challenged")
def test_refused_login_is_challenged(registry: Registry, once: Once) -> None:
    """Purpose: whoever is told that the login is wrong learns how one is shown.

    Method: 1. show the login with a wrong password
            2. where the answer is 401, expect a WWW-Authenticate field
    """
    attempt = lambda: login_attempt(registry, registry.account("pusher").username, "not-the-password")  # noqa: E731
    reply = once(("wrong login", "password"), attempt)
    if reply.status != 401:
        raise NotApplicable(f"the answer is no 401 ({reply.status})")

    expect_header(reply, "WWW-Authenticate")


@verifies("registry/login/wrong-password-in-a-form-is-refused")
@pytest.mark.parametrize("password", [case("other", "not-the-password"), case("empty", "")])
def test_wrong_password_in_a_form(bearer: Registry, password: str) -> None:
    """Purpose: who cannot show who they are is not let in by the other way to a token, either.

    Method: 1. POST a form of grant_type=password with a wrong password or none, and the username as client_id, too
            2. expect a refusal, as of one that takes no such form, and no token
    """
    named = bearer.account("pusher").username
    reply = granted_by_password(bearer, named, password, client_id=named)

    expect_refused(reply, "for a wrong password")
    expect_token_withheld(reply)


@verifies("registry/login/ended-login-opens-nothing")
@pytest.mark.parametrize("role", [case("revoked", "revoked"), case("expired", "expired")])
def test_ended_login(registry: Registry, stored: StoredImage, role: str) -> None:
    """Purpose: a login that was taken away pulls nothing any more, though its password is right.

    Method: 1. show the login in the role revoked, or expired; where a token comes of it, pull with that
            2. expect a refusal, of the one or the other
    """
    if role not in registry.described.credentials:
        raise NotDeclared(
            f"the target file names no login under [targets.X.registry.credentials.{role}]",
            f"registry.credentials.{role}",
        )
    account = registry.account(role)
    asked, theirs = presented(stored.repository, account.username, account.password, "pull")
    reply = asked if asked and not token_in(asked) else theirs.get_manifest(stored.tag)

    expect_status(reply, range(400, 500), f"for a login in the role {role}", or_refused=asked)


@verifies("registry/login/malformed-login-is-refused")
@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_login(malformed: Malformed, value: str) -> None:
    """Purpose: an Authorization field that says nothing opens nothing, and is never the platform's fault.

    Method: 1. GET a manifest with a malformed Authorization field
            2. expect 401 (or 400)
    """
    expect_status(malformed(value), {400, 401}, "for a malformed login")


@verifies("registry/login/challenge-is-given")
@pytest.mark.parametrize("value", [case("malformed-token", "Bearer junk")])
def test_malformed_login_is_challenged(malformed: Malformed, value: str) -> None:
    """Purpose: a client whose token is no good learns where to get a better one.

    Method: 1. GET a manifest with a token that is none
            2. where the answer is 401, expect a WWW-Authenticate field
    """
    reply = malformed(value)
    if reply.status != 401:
        raise NotApplicable(f"the answer is no 401 ({reply.status})")

    expect_header(reply, "WWW-Authenticate")


@dataclass(frozen=True)
class Interrupted:
    """An upload that has taken half of a blob, and what was answered to the rest under a login that is none."""

    upload: Upload
    digest: str
    rest: bytes
    place: str
    reply: Exchange


@pytest.fixture
def interrupted(repository: Repository, new_blob: NewBlob, once: Once) -> Interrupted:
    """Sends the rest of an upload under a login that is none, once."""
    repository.registry.door.expect_locked()

    def made() -> Interrupted:
        opened, length = open_in_pieces(repository, 300)
        upload, blob = at_the_registry(opened), new_blob(2 * length)
        upload.patch(blob.content[:length], f"0-{length - 1}")
        nobody = "Bearer junk" if repository.registry.door.scheme == "bearer" else basic_login("nobody", "nothing")
        stranger = upload.by(repository.registry.presenting(nobody))
        rest, place = blob.content[length:], f"{length}-{2 * length - 1}"
        return Interrupted(upload, blob.digest, rest, place, stranger.patch(rest, place))

    return once("interrupted upload", made)


@verifies("registry/login/refused-in-an-upload-can-be-mended")
def test_refused_in_an_upload(interrupted: Interrupted) -> None:
    """Purpose: a login that runs out in the middle of an upload does not cost the upload.

    Method: 1. open a session, PATCH a chunk; PATCH the next one with a login that is none: expect 401
            2. PATCH it with the login, PUT: expect 2xx
    """
    upload = interrupted.upload
    expect_status(interrupted.reply, 401, "for a login that is none")
    expect_success(upload.patch(interrupted.rest, interrupted.place), "with the login again")
    expect_success(upload.put(interrupted.digest), "for the digest of what was sent with the login")


@verifies("registry/login/challenge-names-the-scope")
@pytest.mark.parametrize("action", [case("chunk", "push")])
def test_challenge_of_a_chunk(repository: Repository, interrupted: Interrupted, action: str) -> None:
    """Purpose: a client whose token runs out in the middle of an upload learns which one to ask for.

    Method: 1. open a session, PATCH a chunk; PATCH the next one with a login that is none
            2. where that is refused with 401, expect WWW-Authenticate, and a Bearer challenge's scope to name the
               repository and push
    """
    if interrupted.reply.status != 401:
        raise NotApplicable(f"the refusal is no 401 ({interrupted.reply.status})")

    expect_header(interrupted.reply, "WWW-Authenticate")
    expect_scope(interrupted.reply, f"repository:{repository.name}", action)


@verifies("registry/login/unknown-user-is-not-told")
def test_unknown_user_is_not_told(registry: Registry, names: Names) -> None:
    """Purpose: who guesses does not learn which users there are.

    Method: 1. show a wrong password of a user that there is, between two that there are not
            2. expect the same answers; a difference but in status counts if it is there each time in eight more rounds
    """

    def ask(username: str) -> Asked:
        return Asked(username, login_attempt(registry, username, "not-the-password"))

    expect_as_absent(ask, registry.account("pusher").username, lambda: names.new("nobody"), like="an unknown user")
