"""A client that exceeds its stated rate limit is answered 429 with Retry-After, and other clients are unaffected.

Requests that must fall into one window are sent concurrently: in sequence they would take as many round trips.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.concurrency import burst, one_by_one
from conformance.clients.oauth.client import OAuthClient, access_token, bearer
from conformance.clients.oauth.rate_limit_evasion import WAYS_ROUND
from conformance.clients.transport.retry_after import retry_after
from conformance.oracles.headers import expect_retry_after
from conformance.oracles.oauth import expect_no_token, expect_token
from conformance.oracles.rate_limits import expect_limited, first_refused, stated
from conformance.oracles.status import expect_status, observed
from conformance.oracles.timing import TIMELY
from conformance.sandbox.platform import Platform
from conformance.target.description import Target, parse_rate
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

ROLE, LONGEST_WAIT_S = "limited", 20.0


@dataclass
class LastUse:
    """When the role limited was last used, and whether it ever got a token."""

    at: float = 0.0
    was_served: bool = False


LAST_USE = LastUse()


@pytest.fixture(scope="module", autouse=True)
def used_by_the_preflight(begun: float) -> None:
    """The preflight has used the role; it is over when checks begin, though not when they are collected."""
    LAST_USE.at = max(LAST_USE.at, begun)


def asking(oauth: OAuthClient) -> Callable[..., Exchange]:
    """Asks for tokens of the role limited without patience, and notes when."""
    hasty = OAuthClient(oauth.identity, oauth.http.impatient())

    def ask(**changes: str) -> Exchange:
        LAST_USE.at = time.monotonic()
        reply = hasty.request_token(ROLE, **changes)
        LAST_USE.was_served = LAST_USE.was_served or access_token(reply) is not None
        if reply.status == 401 and not (changes or LAST_USE.was_served):
            raise Inconclusive(f"the role {ROLE} is refused a token: {observed(reply)}", f"a secret that {ROLE} has")
        return reply

    return ask


def is_refused(reply: Exchange) -> bool:
    """Whether a token was asked for in vain; that it is 429 which says so is a check of its own."""
    return reply.status == 429 or access_token(reply) is None


def exhausted(target: Target, oauth: OAuthClient) -> Exchange:
    """An answer above the named limit of the role limited, behind all others; NonConformance where none comes."""
    if target.limits.token_requests is None:
        raise NotDeclared("the target file names no limits.token_requests", "limits.token_requests")
    ask = asking(oauth)
    refused = first_refused(target.limits.token_requests, "token_requests", ask, is_refused)
    # Of those at once it may be any, and of a script that asks one after the other only the last.
    last = ask()
    return last if last.status == refused.status else refused


def seconds_to_wait(reply: Exchange, otherwise: float) -> float:
    """What Retry-After says, in seconds or as a date (RFC 9110 section 10.2.3)."""
    return retry_after(reply) if (reply.headers.get("retry-after") or "").strip() else otherwise


@verifies("errors/429/stated-limit-applies#exact")
@disturbs("credential limited")
def test_limit_is_the_stated_one(target: Target, oauth: OAuthClient) -> None:
    """Purpose: the limit lets through what it states.

    Method: 1. leave the role limited alone for the window of the limit
            2. send at once as many good requests as the limit names: expect no 429; where there is one, leave the role
               alone again and send as many one by one, since those at one moment may have a limit of their own
            3. send as many again at once: expect one to be refused; where none is, once more from the beginning, since
               a window may have begun anew in between
    """
    if target.limits.token_requests is None:
        raise NotDeclared("the target file names no limits.token_requests", "limits.token_requests")
    allowed, window = parse_rate(target.limits.token_requests)
    if window > LONGEST_WAIT_S:
        raise Inconclusive(
            f"the window of the limit is {window:g} s", f"a limit whose window is at most {LONGEST_WAIT_S:g} s"
        )
    ask = asking(oauth)
    let_through = burst
    for once_more in (True, False):
        oauth.http.recorder.pause(max(0.0, min(window, LAST_USE.at + window - time.monotonic())) + 0.05)
        begun = time.monotonic()
        refused = [reply for reply in let_through(ask, allowed) if reply.status == 429]
        if refused and once_more:
            let_through = one_by_one
            continue
        if refused:
            told = f"429 for {len(refused)} of them"
            raise NonConformance(f"{allowed} requests let through", told, refused[0], proof=TIMELY)
        more = burst(ask, allowed)
        took = time.monotonic() - begun
        if any(map(is_refused, more)):
            return
        if took >= window:
            raise Inconclusive(
                f"{2 * allowed} requests take longer than {window:g} s", "a lower limit, or a longer window"
            )
    raise NonConformance(f"429 above {allowed} requests", f"{2 * allowed} let through in {took:.1f} s", proof=TIMELY)


@verifies("errors/429/above-the-limit#token-requests")
@disturbs("credential limited")
def test_above_the_limit(target: Target, oauth: OAuthClient) -> None:
    """Purpose: above the named limit requests are refused as too many, and as nothing else.

    Method: 1. ask for tokens with the role limited until one is refused
            2. expect 429 and no token
    """
    reply = exhausted(target, oauth)

    expect_no_token(reply)
    expect_status(reply, 429, "above the limit")


@verifies("errors/429/above-the-limit#api-requests")
@disturbs("credential limited")
def test_api_requests_are_limited(target: Target, oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: a client that asks the organization APIs too often learns it by the documented status.

    Method: 1. as the role limited, read a declared resource more often than limits.api_requests permits
            2. expect 429
    """
    stated(target.limits.api_requests, "api_requests")
    scopes = oauth.credential(ROLE).scopes
    opened = next((each for each in platform.operations("read") if each.scope in scopes), None)
    if opened is None:
        raise NotDeclared(f"no declared resource asks for a scope of the role {ROLE}", "identity.resources.scope")
    hasty, token = platform.http.impatient(), oauth.token(ROLE)
    expect_limited(
        target.limits.api_requests, "api_requests", lambda: hasty.send(opened.method, opened.path, [bearer(token)])
    )


@verifies("errors/429/tokens-stay-valid")
@disturbs("credential limited")
def test_tokens_stay_good(target: Target, oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: haste at the token endpoint takes from a program nothing that it has.

    Method: 1. get a token of the role limited, and exhaust its limit
            2. use the token where its scope is asked for: expect no 401; 429 will do where one limit is of all requests
    """
    scopes, own = oauth.credential(ROLE).scopes, bearer(oauth.token(ROLE))
    opened = next((each for each in platform.operations("read") if each.scope in scopes), None)
    if opened is None:
        raise NotDeclared(f"no declared resource asks for a scope of the role {ROLE}", "identity.resources.scope")
    exhausted(target, oauth)
    reply = platform.http.impatient().send(opened.method, opened.path, [own])
    if reply.status == 401:
        first, _ = oauth.fresh_token("full"), oauth.fresh_token("full")
        if platform.http.send(opened.method, opened.path, [bearer(first)]).status == 401:
            raise NotApplicable("any further token ends the one before it, which another check is of")
    expect_status(reply, {*range(200, 300), 403, 404, 429}, "for a token from before the limit was reached")


@verifies("errors/429/other-organizations-are-served")
@disturbs("credential limited")
def test_others_are_served(target: Target, oauth: OAuthClient) -> None:
    """Purpose: one credential's haste takes no other organization its service; its own may share the limit.

    Method: 1. exhaust the limit of the role limited
            2. expect the role foreign, which is of another organization, to get a token at once
    """
    oauth.credential("foreign")
    exhausted(target, oauth)
    expect_token(OAuthClient(oauth.identity, oauth.http.impatient()).request_token("foreign"))


@verifies("errors/429/stated-limit-applies")
@disturbs("credential limited")
@pytest.mark.parametrize("way", [case(name, name) for name in WAYS_ROUND])
def test_no_way_round_the_limit(target: Target, oauth: OAuthClient, way: str) -> None:
    """Purpose: a limit does not begin anew for who writes another address into a header, or authenticates otherwise.

    Method: 1. exhaust the limit of the role limited
            2. ask as often again at once, and three times more, under another X-Forwarded-For each, by Basic, under
               other fields that name the caller, with another query and body, or with letters of the path encoded
            3. expect a 429 among the answers, or no token in any
            4. expect not that the first half of them gets tokens and the next request that goes no such way gets 429,
               and so again: a window that began anew would be open to both
    """
    before = time.monotonic()
    exhausted(target, oauth)
    allowed, window = parse_rate(str(target.limits.token_requests))
    hasty, begun = OAuthClient(oauth.identity, oauth.http.impatient()), time.monotonic()
    LAST_USE.at = begun
    replies, apart = list[Exchange](), allowed > 3
    for _ in range(2):
        half = burst(lambda: WAYS_ROUND[way](hasty, ROLE), allowed // 2)
        replies, plain = replies + half, asking(oauth)()
        apart &= all(reply.ok for reply in half) and plain.status == 429 and time.monotonic() - before < window
        if not apart:
            break
    if apart:
        told = f"{len(replies)} let through, and 429 behind them for a request as before"
        raise NonConformance("one limit, whichever way one asks", told, replies[-1], plain, proof=TIMELY)
    replies += burst(lambda: WAYS_ROUND[way](hasty, ROLE), allowed + 3 - len(replies))
    took = time.monotonic() - begun
    if 429 in {reply.status for reply in replies} or not any(reply.ok for reply in replies):
        return  # What is refused by itself, as two ways to authenticate at once may be, is no way either.
    if took >= window:
        raise Inconclusive(f"{allowed} requests take longer than {window:g} s", "a lower limit, or a longer window")
    raise NonConformance(f"429 above {allowed} requests", f"{len(replies)} let through in {took:.1f} s", replies[-1])


@verifies("errors/429/retry-after-is-valid")
@disturbs("credential limited")
def test_retry_after_is_told(target: Target, oauth: OAuthClient) -> None:
    """Purpose: a client that is told when to come back can read it, and comes back in time.

    Method: 1. exhaust the limit
            2. expect Retry-After, where it is there, to be a date or a number of seconds that fits the window
    """
    reply = exhausted(target, oauth)
    if "retry-after" not in reply.headers:
        raise NotApplicable("the target does not tell Retry-After, which is optional")
    _, window = parse_rate(str(target.limits.token_requests))
    expect_retry_after(reply, math.floor(2 * window + 1), f"within the window of {window:g} s, or twice that")


@verifies("errors/429/served-after-retry-after")
@disturbs("credential limited")
def test_served_after_retry_after(target: Target, oauth: OAuthClient) -> None:
    """Purpose: the time that is told is the time it takes.

    Method: 1. exhaust the limit
            2. wait as long as Retry-After says (without it, for the window of the limit)
            3. expect a token
    """
    reply = exhausted(target, oauth)
    wait = seconds_to_wait(reply, parse_rate(str(target.limits.token_requests))[1])
    if wait > LONGEST_WAIT_S:
        raise Inconclusive(f"Retry-After asks for {wait:g} s", f"a limit that ends within {LONGEST_WAIT_S:g} s")
    oauth.http.recorder.pause(wait + 0.05)
    expect_token(asking(oauth)())
