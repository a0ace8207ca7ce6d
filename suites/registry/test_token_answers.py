"""What the token endpoint answers (Docker Registry token authentication)."""

from __future__ import annotations

import datetime

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import altered, ask, claims_of, pull, refresh_token_of, refreshed
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import clock_of, expect_directive, now_nearest
from conformance.oracles.oauth import expect_json_object, expect_lifetime, expect_no_refresh_token
from conformance.oracles.proofs import claims_differ, ends_as_told, without_member
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

LEAST_LIFETIME_S, CLOCKS_S = 60, 60


@pytest.fixture
def answer(bearer: Registry, once: Once) -> Exchange:
    """The answer to a login that asks for a token to pull."""
    scope = bearer.scope(bearer.described.repository, "pull")
    return once("token to pull from the first", lambda: ask(bearer, "pusher", scope))


@verifies("registry/token/has-a-token")
def test_answer_has_a_token(answer: Exchange) -> None:
    """Purpose: clients of either age find the token.

    Method: 1. ask for a token
            2. expect 200 in JSON with token or access_token; where both are there, equal ones (an empty one is none)
    """
    expect_status(answer, 200)
    document = expect_json_object(answer)

    if not token_in(answer):
        proof = Proof(answer.id, matches='"(access_)?token" *: *"[^"]')
        raise NonConformance("token or access_token", ", ".join(document), answer, proof=proof)
    if len({str(document[name]) for name in ("token", "access_token") if document.get(name)}) > 1:
        raise NonConformance("token and access_token to be equal", "two different ones", answer)


@verifies("registry/token/lives-a-minute")
def test_token_lives_a_minute(answer: Exchange) -> None:
    """Purpose: a token is good for as long as older clients take it to be.

    Method: 1. ask for a token
            2. expect expires_in, where it is there, to be a number of at least 60
    """
    expect_lifetime(answer, LEAST_LIFETIME_S)


@verifies("registry/token/issued-at-is-a-time")
def test_issued_at(answer: Exchange) -> None:
    """Purpose: a client knows from when the token lives.

    Method: 1. ask for a token
            2. expect issued_at, where it is there, to be a time as RFC 3339 writes it, with its zone; not to come, and
               expires_in (60 s where it is not told) behind it not to be over, by the clock that the target tells
               or by ours, a minute aside
    """
    document = expect_json_object(answer)
    told, lifetime = document.get("issued_at"), document.get("expires_in", LEAST_LIFETIME_S)
    if told is None:
        return
    try:
        time = datetime.datetime.fromisoformat(told.upper())
    except (AttributeError, ValueError):
        time = datetime.datetime.min

    if time.tzinfo is None:
        raise NonConformance("issued_at in RFC 3339", worded(told), answer, proof=without_member(answer, "issued_at"))
    age = now_nearest(time.timestamp(), answer) - time.timestamp()
    if isinstance(lifetime, int | float) and not -CLOCKS_S <= age <= lifetime + CLOCKS_S:
        raise NonConformance(
            f"issued_at within the last {lifetime} s", f"issued_at {told}, {age:.0f} s before the answer", answer
        )


@verifies("registry/token/is-not-cached")
def test_token_is_not_cached(answer: Exchange) -> None:
    """Purpose: no cache on the way keeps a token for others.

    Method: 1. ask for a token
            2. expect Cache-Control with no-store
    """
    expect_directive(answer, "Cache-Control", "no-store")


@verifies("registry/token/refresh-token-is-only-given-when-asked")
def test_refresh_token_is_not_given_unasked(answer: Exchange) -> None:
    """Purpose: what lives without an end is not given to those who did not ask.

    Method: 1. ask for a token without offline_token
            2. expect no refresh_token
    """
    if answer.ok:
        expect_no_refresh_token(answer)


@verifies("registry/token/refresh-token-is-only-given-when-asked")
@pytest.mark.parametrize("told", [case("false", "false")])
def test_refresh_token_is_not_given_to_who_wants_none(bearer: Registry, told: str) -> None:
    """Purpose: what lives without an end is not given to those who say that they want none.

    Method: 1. ask for a token with offline_token=false
            2. expect no refresh_token
    """
    reply = ask(bearer, "pusher", offline_token=told)
    if reply.ok:
        expect_no_refresh_token(reply)


@verifies("registry/token/subject-is-who-logs-in")
def test_subject_is_who_logs_in(bearer: Registry) -> None:
    """Purpose: the registry knows, and writes into its logs, who has a token.

    Method: 1. ask for a token with the logins of two users; where they are JWTs, read sub
            2. expect two subjects, each with a name
    """
    if bearer.account("pusher").username == bearer.account("puller").username:
        raise NotApplicable("both logins are of one user")
    replies = {role: ask(bearer, role) for role in ("pusher", "puller")}
    subjects = {role: claims_of(token_in(reply)).get("sub") for role, reply in replies.items()}

    if len(set(subjects.values())) < len(subjects) or not all(subjects.values()):
        proof = claims_differ("sub", *replies.values()) if all(subjects.values()) else None
        raise NonConformance("sub of each login's own", worded(subjects), *replies.values(), proof=proof)


@verifies("registry/token/anonymous-has-no-subject")
def test_anonymous_has_no_subject(bearer: Registry) -> None:
    """Purpose: a token that anybody gets is nobody's, whichever login was named beside the request.

    Method: 1. ask for a token without a login, with the name of one beside it
            2. where a token comes that is a JWT, expect no sub, or an empty one
    """
    reply = bearer.door.ask_token([], account=bearer.account("pusher").username)
    if not token_in(reply):
        raise NotApplicable(f"nobody gets a token without a login ({reply.status})")
    subject = claims_of(token_in(reply)).get("sub")

    if subject:
        proof = Proof(reply.id, inside="claims", lacks='"sub" *: *"[^"]')
        raise NonConformance("an empty sub", f"sub {worded(subject)}", reply, proof=proof)


@verifies("registry/token/lives-as-long-as-it-says")
def test_token_lives_as_long_as_it_says(answer: Exchange) -> None:
    """Purpose: a token is no good after the time that was told, and good until then.

    Method: 1. ask for a token; where it is a JWT, read its exp
            2. expect exp to be no later than expires_in from now, by our clock or the one that the target tells, and no
               earlier than that from its iat, give or take a minute; not asked where that is not told
    """
    claims, told = claims_of(token_in(answer)), expect_json_object(answer).get("expires_in")
    ends, issued = claims.get("exp"), claims.get("iat")
    if told is None:
        raise NotApplicable("the answer tells no expires_in, as it need not")
    if not isinstance(told, int | float) or not isinstance(ends, int | float):
        raise NonConformance("exp and expires_in, two numbers", f"{worded(ends)} and {worded(told)}", answer)
    now = max(answer.started, clock_of(answer))
    since = min(issued, answer.started) if isinstance(issued, int | float) else 0
    if not since + told - 60 <= ends <= now + told + 60:
        seen, proof = f"exp {ends}, where it is {answer.started:.0f} now", ends_as_told(answer, 60, ends > since + told)
        raise NonConformance(f"exp in {told} s", seen, answer, proof=proof)


@pytest.fixture
def of_the_puller(bearer: Registry, once: Once) -> str:
    """A refresh token of a login that may only pull."""
    return once("refresh token", lambda: refresh_token_of(bearer, "puller"))


@pytest.fixture
def of_a_puller(bearer: Registry, guarded: StoredImage, of_the_puller: str, once: Once) -> Exchange:
    """The answer to a refresh token of a login that may only pull, for a token to pull and push."""
    scope = bearer.scope(guarded.repository.name, "pull,push")

    return once("refreshed", lambda: refreshed(bearer, of_the_puller, bearer.door.service, scope))


@verifies("registry/token/refresh-token-gets-tokens")
def test_refresh_token(of_a_puller: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token, where it is offered, gets tokens for the same login.

    Method: 1. ask for a refresh token with a login that may only pull; exchange it for a token to pull and push
            2. expect 200, and to pull with the token
    """
    expect_status(of_a_puller, 200)
    expect_status(pull(guarded, token_in(of_a_puller)), 200, "with a token of a refresh token")


@verifies("registry/token/refresh-token-grants-no-more")
def test_refresh_token_grants_no_more(of_a_puller: Exchange, guarded: StoredImage) -> None:
    """Purpose: a refresh token gets what the login may do, and no more.

    Method: 1. ask for a refresh token with a login that may only pull; exchange it for a token to pull and push
            2. where a token comes, expect it not to push
    """
    if token := token_in(of_a_puller):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/altered-refresh-token-gets-nothing")
@pytest.mark.parametrize("what", [case(each, each) for each in ("altered", "access-token", "not-ascii")])
def test_altered_refresh_token(bearer: Registry, of_the_puller: str, answer: Exchange, what: str) -> None:
    """Purpose: only what the token endpoint gave as a refresh token is one.

    Method: 1. ask for a refresh token; exchange it, with one letter altered, or one more that is not ASCII, for a
               token; exchange an access token
            2. expect a refusal (400, 401 or 403), and no token
    """
    given = of_the_puller
    shown = {"altered": altered(given, "letter"), "access-token": token_in(answer), "not-ascii": f"{given}ß"}[what]
    scope = bearer.scope(bearer.described.repository, "pull")
    reply = refreshed(bearer, shown, bearer.door.service, scope)

    expect_status(reply, {400, 401, 403}, f"for what is no refresh token ({what})")


@verifies("registry/token/refresh-token-is-for-its-service")
def test_refresh_token_of_another_service(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a refresh token that was given for one service gets nothing for another.

    Method: 1. ask for a refresh token; exchange it for a token of another service
            2. expect a refusal (400 or 401), and no token
    """
    given, scope = refresh_token_of(bearer, "pusher"), bearer.scope(guarded.repository.name, "pull")
    reply = refreshed(bearer, given, "another-service", scope)

    expect_status(reply, {400, 401, 403}, "for another service")


@verifies("registry/token/of-a-form-is-not-cached")
def test_token_of_a_form_is_not_cached(of_a_puller: Exchange) -> None:
    """Purpose: no cache on the way keeps a token for others, whichever way it was asked for.

    Method: 1. POST a refresh token for a token
            2. where one comes, expect Cache-Control with no-store
    """
    if token_in(of_a_puller):
        expect_directive(of_a_puller, "Cache-Control", "no-store")
