"""Wrong, malformed, expired and revoked logins (Docker Registry V2; Docker Registry token authentication; RFC 7617)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.clients.registry.tokens import granted_by_password, login_attempt, presented, right_login
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.headers import expect_header
from conformance.oracles.oauth import expect_token_withheld
from conformance.oracles.rate_limits import expect_limited, stated
from conformance.oracles.registry import (
    expect_nothing_changed,
)
from conformance.oracles.status import expect_refused, expect_status, observed
from conformance.sandbox.names import Names
from conformance.target.description import Target
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared

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
AGAIN_S = 0.05


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
def test_basic_scheme_is_case_insensitive(registry: Registry, once: Once) -> None:
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


@verifies("registry/login/unknown-user-is-not-told")
def test_unknown_user_is_not_revealed(registry: Registry, names: Names) -> None:
    """Purpose: who guesses does not learn which users there are.

    Method: 1. show a wrong password of a user that there is, between two that there are not
            2. expect the same answers; a difference but in status counts if it is there each time in eight more rounds
    """

    def ask(username: str) -> Asked:
        return Asked(username, login_attempt(registry, username, "not-the-password"))

    expect_as_absent(ask, registry.account("pusher").username, lambda: names.new("nobody"), like="an unknown user")


@verifies("registry/login/revocation-is-immediate")
@disturbs("login revocable")
def test_revocation_is_immediate(
    registry: Registry, stored: StoredImage, target: Target, changer: Callable[[str, str, str], Operator]
) -> None:
    """Purpose: a login that leaked opens nothing from the moment at which it is revoked.

    Method: 1. pull an image with the login in the role revocable
            2. revoke the login by the operator's hook
            3. log in and pull again until limits.revocation has passed: expect a refusal by then
    """
    revoker = changer("registry revocable", "revoke", "restore")
    account = registry.account("revocable")

    def pulled() -> tuple[Exchange | None, Exchange]:
        asked, theirs = presented(stored.repository, account.username, account.password, "pull")
        return asked, asked if asked and not token_in(asked) else theirs.get_manifest(stored.tag)

    _, before = pulled()
    if not before.ok:
        raise Inconclusive(f"the login in the role revocable pulls nothing: {observed(before)}", "a login that works")
    until = revoker.revoke(account.username) + target.limits.revocation
    asked, reply = pulled()
    while reply.ok and time.monotonic() < until:
        time.sleep(AGAIN_S)
        asked, reply = pulled()
    expect_status(reply, range(400, 500), "for a login that was revoked", or_refused=asked)


@verifies("registry/errors/requests-are-limited")
@disturbs("login limited")
def test_requests_are_limited(registry: Registry, stored: StoredImage, target: Target) -> None:
    """Purpose: a client that asks the registry too often learns it by the documented status.

    Method: 1. with the login in the role limited, HEAD a manifest more often than limits.registry_requests permits
            2. expect 429
    """
    stated(target.limits.registry_requests, "registry_requests")
    if "limited" not in registry.described.credentials:
        raise NotDeclared("the target file describes no login in the role limited", "registry.credentials.limited")
    repository = stored.repository.as_role("limited").impatient()
    expect_limited(target.limits.registry_requests, "registry_requests", lambda: repository.head_manifest(stored.tag))


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize("operation", [case(name, name) for name in OPERATIONS])
def test_bad_login_opens_nothing(occasion: Occasion, bad_login: str, operation: str) -> None:
    """Purpose: whatever is asked for, the login is verified, and not only seen to be there.

    Method: 1. send each request with a token of which one letter was altered; with the name of nobody where the
               registry takes no tokens
            2. expect 401 (400 or 405 where that deletion is not offered)
            3. expect what it would have changed to be as it was
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.presenting(bad_login), occasion)

    expect_status(reply, {401, *OPERATIONS[operation].unoffered}, "for a login that is none")
    expect_nothing_changed(operation, occasion)


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize("operation", [case("support", "support")])
def test_support_check_refuses_a_bad_login(registry: Registry, bad_login: str, operation: str, once: Once) -> None:
    """Purpose: a client that asks whether its login is good is not told so of one that is none.

    Method: 1. GET /v2/ with a token of which one letter was altered; with the name of nobody where there are no tokens
            2. expect 401; not asked where /v2/ takes those without a login
    """
    if once("support", registry.as_role(None).support).status == 200:
        raise Inconclusive("/v2/ asks for no login", "a registry that asks for one")
    expect_status(registry.presenting(bad_login).support(), 401, "for a login that is none")
