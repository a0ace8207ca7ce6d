"""A token response has the standard members and a short lifetime, and is not cached (RFC 6749, section 5.1)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from conformance.clients.concurrency import in_threads
from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, access_token, bearer, reuse_time_s
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import B64TOKEN, expect_bearer_token, expect_no_refresh_token, expect_token
from conformance.oracles.status import expect_success
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

APART_S = 2.1
ONE_HOUR = 3600
ONE_YEAR = 366 * 24 * 3600
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


def expect_b64token(answer: Exchange) -> None:
    """Expect a token that an Authorization field can contain: a b64token (RFC 6750 section 2.1)."""
    if not B64TOKEN.match(expect_token(answer)["access_token"]):
        expected = "a token of the characters A-Z a-z 0-9 - . _ ~ + / and trailing ="
        raise NonConformance(expected, "an access_token with other characters", answer)


def expect_well_formed_scope(answer: Exchange) -> None:
    """Expect the scope, if stated, to be names separated by single spaces (RFC 6749 section 3.3)."""
    stated = expect_token(answer).get("scope", "x")
    if not isinstance(stated, str) or not SCOPE.match(stated):
        raise NonConformance("scope, names separated by single spaces", f"scope {worded(stated)}", answer)


def expect_lifetime(answer: Exchange) -> None:
    """Expect expires_in."""
    if "expires_in" not in expect_token(answer):
        raise NonConformance("expires_in", "no expires_in", answer)


def expect_lifetime_in_seconds(answer: Exchange) -> None:
    """Expect expires_in, if present, to be a positive integer of at most a year."""
    stated = expect_token(answer).get("expires_in", 1)
    if isinstance(stated, bool) or not isinstance(stated, int) or not 0 < stated <= ONE_YEAR:
        raise NonConformance(f"expires_in, an integer from 1 to {ONE_YEAR}", f"expires_in {worded(stated)}", answer)


def expect_short_lifetime(answer: Exchange) -> None:
    """Expect expires_in, if present, to be at most an hour: a leaked token must soon be useless."""
    stated = expect_token(answer).get("expires_in", 0)
    if isinstance(stated, int) and stated > ONE_HOUR:
        raise NonConformance("expires_in of at most 3600", f"expires_in {stated}", answer)


@pytest.mark.parametrize(
    "expect",
    [
        row("oauth/response/json-with-token-and-type", expect_bearer_token),
        row("oauth/response/token-fits-the-bearer-header", expect_b64token),
        row("oauth/response/scope-is-well-formed", expect_well_formed_scope),
        row("oauth/response/no-refresh-token", expect_no_refresh_token),
        row("oauth/response/lifetime-is-stated", expect_lifetime),
        row("oauth/response/lifetime-is-in-seconds", expect_lifetime_in_seconds),
        row("oauth/response/lifetime-is-short", expect_short_lifetime),
        row("oauth/response/pragma-no-cache", lambda answer: expect_directive(answer, "Pragma", "no-cache")),
    ],
)
def test_token_response_has_the_standard_form(answer: Exchange, expect: Callable[[Exchange], None]) -> None:
    """Purpose: every client library can parse the response, send its token, and rely on no cache storing it.

    Method: 1. request a token with all scopes of the credential
            2. expect application/json, access_token as a b64token, token_type Bearer, scope as names with one space
               between them, no refresh_token, Pragma with no-cache, and expires_in: an integer of at most an hour
    """
    expect(answer)


@verifies("oauth/response/no-store")
def test_token_response_is_not_stored(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: a cache must not store a token.

    Method: 1. request a token in the body, by Basic, and without a scope; 2. expect Cache-Control with no-store
    """
    expect_directive(answer, "Cache-Control", "no-store")
    for reply in (oauth.request_by_basic(), oauth.request_token(scope=None)):
        if reply.ok:
            expect_directive(reply, "Cache-Control", "no-store")


@verifies("oauth/response/no-cookie")
def test_no_cookie(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: an endpoint for programs starts no session.

    Method: 1. request a token, and a path that does not exist
            2. expect no cookie in the first response that is not in the second, where a load balancer set it
    """
    expect_token(answer)
    if "set-cookie" in answer.headers:
        absent = oauth.http.get("/cf-absent")
        own, ambient = ({value.partition("=")[0].strip() for value in each.headers.all("set-cookie")}
                       for each in (answer, absent))  # fmt: skip
        if added := sorted(own - ambient):
            raise NonConformance("no Set-Cookie field", f"a cookie {', '.join(added)}", answer, absent)


# The defaults of the HTTP client of the Java library, and of a client that reads XML as well.
BY_DEFAULT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
OR_XML = "application/xml, text/xml, application/json, application/*+xml, application/*+json"


@verifies("oauth/response/is-json-for-any-accept")
@pytest.mark.parametrize(
    ("changes", "accept"),
    [
        case("token", {}, BY_DEFAULT),
        case("refusal", {"client_secret": "cf-not-the-secret"}, BY_DEFAULT),
        case("token-or-xml", {}, OR_XML),
    ],
)
def test_token_response_is_json_for_any_accept(control: OAuthClient, changes: dict[str, str], accept: str) -> None:
    """Purpose: some HTTP libraries prefer pages or XML by default, but an OAuth client needs JSON.

    Method: 1. send the right secret and a wrong one with an Accept field that prefers text/html or XML
            2. expect a token in JSON, and for the wrong secret the status and media type as without Accept
    """
    form = control.form("full", **changes)
    plain, reply = control.post(form), control.post(form, (FORM_TYPE, ("Accept", accept)))
    if not changes:
        expect_token(reply)
    elif (reply.status, reply.media_type) != (plain.status, plain.media_type):
        expected = f"{plain.status} {plain.media_type}, as without Accept"
        raise NonConformance(expected, f"{reply.status} {reply.media_type}", plain, reply)


@verifies("oauth/response/repeated-token-states-its-remaining-lifetime")
def test_repeated_token_states_its_remaining_lifetime(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: a client that gets the same token again must not believe that its lifetime starts anew.

    Method: 1. send the same token request twice; continue if both get the same token, as few servers do
            2. wait for two seconds and send it again: expect a smaller expires_in
    """
    expect_token(answer)
    again = oauth.post(answer.request_body)
    if access_token(again) != access_token(answer) or not isinstance(again.member("expires_in"), int):
        return
    oauth.http.recorder.pause(APART_S)
    later = oauth.post(answer.request_body)
    stated, remaining = again.member("expires_in"), later.member("expires_in")
    if access_token(later) == access_token(again) and isinstance(remaining, int) and remaining >= stated:
        raise NonConformance(f"expires_in below {stated} for the same token", f"expires_in {remaining}", again, later)


@verifies("oauth/tokens/later-requests-end-no-token#new-tokens")
def test_new_tokens_revoke_no_other(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: programs that share a credential must not end each other's tokens.

    Method: 1. request a token, twenty-four more concurrently, and a last one, which opens a declared resource
            2. use the first, long before the end of its stated lifetime: expect 2xx
    """
    started, granted = time.monotonic(), oauth.request_token()
    first = oauth.learned_token(granted, "full")
    replies = in_threads(lambda _: oauth.request_token(), range(3 * 8), threads=8)
    read = platform.operations("read")[0]
    last = platform.send(read, oauth.learned_token(oauth.request_token(), "full"))
    if not last.ok:
        raise Inconclusive(f"{read} with a new token is answered {last.status}", "a resource that full may read")

    # Not through platform.send, which replaces a token that was ended in this way.
    reply = platform.http.send(read.method, read.path, [bearer(first)])
    if time.monotonic() - started > reuse_time_s(granted):
        raise Inconclusive("the token was at its end", "tokens that live for a minute")
    try:
        expect_success(reply, f"for a token after which {len(replies) + 1} more were issued")
    except NonConformance as finding:
        finding.add_note("The processes of a run end each other's tokens; --workers 1 shows what else fails.")
        raise


@verifies("oauth/tokens/later-requests-end-no-token#refused-requests")
def test_refused_requests_revoke_no_token(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: client ids are public, and an attacker who knows one must not end the client's tokens.

    Method: 1. request a token and use it at a declared resource: 2xx
            2. request tokens with a wrong secret, an unknown scope and an unknown grant: refused
            3. use the first token again: expect 2xx
    """
    token, read = oauth.learned_token(oauth.request_token(), "full"), platform.operations("read")[0]
    if not platform.send(read, token).ok:
        raise Inconclusive(f"a new token is refused by {read}", "a resource that full may read")
    changes = ({"client_secret": "cf-not-the-secret"}, {"scope": "cf:unknown"}, {"grant_type": "cf-unknown"})
    statuses = " and ".join(f"{oauth.request_token('full', **each).status}" for each in changes)
    # Not through platform.send, which replaces a token that was ended in this way.
    reply = platform.http.send(read.method, read.path, [bearer(token)])
    expect_success(reply, f"for a token after which other requests were refused ({statuses})")
