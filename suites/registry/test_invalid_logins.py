"""Wrong, malformed, expired and revoked logins (Docker Registry V2; Docker Registry token authentication; RFC 7617)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.clients.registry.tokens import granted_by_password, login_attempt, presented, valid_login
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.headers import expect_header
from conformance.oracles.oauth import expect_token_withheld
from conformance.oracles.rate_limits import declared_rate, expect_limited
from conformance.oracles.registry import expect_nothing_changed
from conformance.oracles.status import expect_refused, expect_status, observed
from conformance.sandbox.names import Names
from conformance.target.description import Target
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

Malformed = Callable[[str], Exchange]
AGAIN_S = 0.05


@pytest.fixture
def malformed(stored: StoredImage, once: Once) -> Malformed:
    """GET of a manifest with this Authorization header, once for each."""
    repository = stored.repository
    repository.registry.auth.expect_login_required()
    return lambda value: once(("malformed", value), lambda: repository.presenting(value).get_manifest(stored.tag))


@pytest.fixture
def working_login(registry: Registry, once: Once) -> None:
    """Inconclusive if the pusher's login does not work."""
    if once("login", lambda: valid_login(registry)).status != 200:
        raise Inconclusive("the login itself does not work", "a login that works, in role pusher")


def pull_as(stored: StoredImage, role: str) -> Exchange:
    """Log in as a role and pull; return the response to the pull, or the refusal of a token."""
    account = stored.repository.registry.account(role)
    issued, theirs = presented(stored.repository, account.username, account.password, "pull")
    return issued if issued and not token_in(issued) else theirs.get_manifest(stored.tag)


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
def test_wrong_login(repository: Repository, names: Names, once: Once, working_login: None, wrong: str) -> None:
    """Purpose: only a client with the right password gets access.
    Method: 1. log in with a password that is cut, empty, in other case, too long or another user's, and as an unknown
               user: expect 401, and no token
            2. a registry that identifies users by their password (a token) may accept another user's password: expect
               no more access than that user has
    """
    registry, account = repository.registry, repository.registry.account("pusher")
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
        raise NotApplicable("that is a password of this user as well")
    reply = once(("wrong login", wrong), lambda: login_attempt(registry, username, password))
    if other and reply.ok:
        _, theirs = presented(repository, username, password, "pull,push")
        because = "for a push with the password of the puller"
        expect_status(theirs.post_upload(), {401, 403, 404}, because)
        return
    expect_status(reply, 401, "for a wrong login")
    expect_token_withheld(reply)


@verifies("registry/login/scheme-is-case-insensitive")
def test_basic_scheme_is_case_insensitive(registry: Registry, working_login: None) -> None:
    """Purpose: a client that sends "basic" instead of "Basic" gets access.
    Method: 1. log in with the scheme in lower case; 2. expect 200
    """
    expect_status(valid_login(registry, "basic"), 200, "in lower case")


@verifies("registry/login/refused-login-is-challenged")
def test_refused_login_is_challenged(registry: Registry, once: Once) -> None:
    """Purpose: a client whose login is refused learns how to log in.
    Method: 1. log in with a wrong password; 2. if that is 401, expect a WWW-Authenticate header
    """
    attempt = lambda: login_attempt(registry, registry.account("pusher").username, "not-the-password")  # noqa: E731
    reply = once(("wrong login", "password"), attempt)
    if reply.status != 401:
        raise NotApplicable(f"the response is no 401 ({reply.status})")
    expect_header(reply, "WWW-Authenticate")


@verifies("registry/login/wrong-password-in-a-form-is-refused")
@pytest.mark.parametrize("password", [case("other", "not-the-password"), case("empty", "")])
def test_wrong_password_in_a_form(bearer: Registry, password: str) -> None:
    """Purpose: the token endpoint verifies a password in a form, too.
    Method: 1. POST a form of grant_type=password with a wrong or empty password, the username also as client_id
            2. expect a 4xx, and no token
    """
    username = bearer.account("pusher").username
    reply = granted_by_password(bearer, username, password, client_id=username)
    expect_refused(reply, "for a wrong password")
    expect_token_withheld(reply)


@verifies("registry/login/ended-login-opens-nothing")
@pytest.mark.parametrize("role", ["revoked", "expired"])
def test_ended_login(stored: StoredImage, role: str) -> None:
    """Purpose: a revoked or expired login pulls nothing, though its password is right.
    Method: 1. log in with the role revoked or expired; pull if that returns a token; 2. expect a 4xx to one of the two
    """
    expect_status(pull_as(stored, role), range(400, 500), f"for a login in the role {role}")


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
def test_malformed_login(malformed: Malformed, value: str) -> None:
    """Purpose: a malformed Authorization header opens nothing, and is never a server error.
    Method: 1. GET a manifest with a malformed Authorization header; 2. expect 401 (or 400)
    """
    expect_status(malformed(value), {400, 401}, "for a malformed login")


@verifies("registry/login/challenge-is-given#malformed-token")
def test_malformed_login_is_challenged(malformed: Malformed) -> None:
    """Purpose: a client with an invalid token learns where to get another one.
    Method: 1. GET a manifest with a malformed token; 2. if that is 401, expect a WWW-Authenticate header
    """
    reply = malformed("Bearer junk")
    if reply.status != 401:
        raise NotApplicable(f"the response is no 401 ({reply.status})")
    expect_header(reply, "WWW-Authenticate")


@verifies("registry/login/unknown-user-is-not-revealed")
def test_unknown_user_is_not_revealed(registry: Registry, names: Names) -> None:
    """Purpose: a client that guesses does not learn which users exist.
    Method: 1. log in with a wrong password as an existing user, between two unknown users
            2. expect equal responses; a difference other than the status counts if eight more rounds all show it
    """

    def ask(username: str) -> Probe:
        return Probe(username, login_attempt(registry, username, "not-the-password"))

    expect_as_absent(ask, registry.account("pusher").username, lambda: names.new("nobody"), like="an unknown user")


@verifies("registry/login/revocation-is-immediate")
@disturbs("login revocable")
def test_revocation_is_immediate(
    stored: StoredImage, target: Target, changer: Callable[[str, str, str], Operator]
) -> None:
    """Purpose: a leaked login opens nothing from its revocation on.
    Method: 1. pull an image with the login in the role revocable; revoke it by the operator's hook
            2. log in and pull again until limits.revocation has passed: expect a 4xx by then
    """
    revoker = changer("registry revocable", "revoke", "restore")
    before = pull_as(stored, "revocable")
    if not before.ok:
        raise Inconclusive(f"the login in the role revocable pulls nothing: {observed(before)}", "a login that works")
    username = stored.repository.registry.account("revocable").username
    until = revoker.revoke(username) + target.limits.revocation
    reply = pull_as(stored, "revocable")
    while reply.ok and time.monotonic() < until:
        time.sleep(AGAIN_S)
        reply = pull_as(stored, "revocable")
    expect_status(reply, range(400, 500), "for a revoked login")


@verifies("registry/errors/limit-is-enforced-with-429")
@disturbs("login limited")
def test_requests_are_limited(stored: StoredImage, target: Target) -> None:
    """Purpose: a client above the limit gets the documented status.
    Method: 1. with the role limited, HEAD a manifest more often than limits.registry_requests permits; 2. expect 429
    """
    limit = declared_rate(target.limits.registry_requests, "registry_requests")
    repository = stored.repository.as_role("limited").impatient()
    expect_limited(limit, "registry_requests", lambda: repository.head_manifest(stored.tag))


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_bad_login_opens_nothing(occasion: Occasion, bad_login: str, operation: str) -> None:
    """Purpose: the registry verifies the login of every request.
    Method: 1. send each request with a token of which one letter is altered, or as an unknown user without tokens
            2. expect 401 (400 or 405 if that deletion is not offered), and unchanged content
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.presenting(bad_login), occasion)
    expect_status(reply, {401, *OPERATIONS[operation].unoffered}, "for an invalid login")
    expect_nothing_changed(operation, occasion)


@verifies("registry/login/bad-login-opens-nothing#support")
def test_support_check_refuses_a_bad_login(registry: Registry, bad_login: str, once: Once) -> None:
    """Purpose: a client that checks its login learns that it is invalid.
    Method: 1. GET /v2/ without a login; inconclusive if that is 200; 2. GET /v2/ with an invalid login: expect 401
    """
    if once("support", registry.as_role(None).support).status == 200:
        raise Inconclusive("/v2/ requires no login", "a registry that requires one")
    expect_status(registry.presenting(bad_login).support(), 401, "for an invalid login")
