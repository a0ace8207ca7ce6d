"""A client that exceeds its stated rate limit is answered 429 with Retry-After, and other clients are unaffected.

Requests that must fall into one window are sent concurrently, since in sequence they take too long.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.concurrency import burst, one_by_one
from conformance.clients.oauth.client import OAuthClient, access_token, bearer
from conformance.clients.oauth.rate_limit_evasion import EVASIONS
from conformance.clients.transport.retry_after import retry_after
from conformance.oracles.headers import expect_retry_after
from conformance.oracles.oauth import expect_no_token, expect_token
from conformance.oracles.rate_limits import declared_rate, expect_limited, first_refused
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Target, parse_rate
from conformance.vocabulary.check import disturbs, verifies
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
    """Record that the preflight has used the role."""
    LAST_USE.at = max(LAST_USE.at, begun)


def requester(oauth: OAuthClient) -> Callable[..., Exchange]:
    """Return a function that requests tokens of the role limited without retries, and records when."""
    client = OAuthClient(oauth.identity, oauth.http.impatient())

    def request(**changes: str) -> Exchange:
        LAST_USE.at = time.monotonic()
        reply = client.request_token(ROLE, **changes)
        LAST_USE.was_served = LAST_USE.was_served or access_token(reply) is not None
        if reply.status == 401 and not (changes or LAST_USE.was_served):
            raise Inconclusive(f"the role {ROLE} is refused a token: {observed(reply)}", f"a secret that {ROLE} has")
        return reply

    return request


def is_refused(reply: Exchange) -> bool:
    """Return whether a token request failed, whatever its status; another check expects 429."""
    return reply.status == 429 or access_token(reply) is None


def limit_of(target: Target) -> tuple[int, float]:
    """Return the stated limit of token requests, and its window in seconds; NotDeclared without one."""
    if target.limits.token_requests is None:
        raise NotDeclared("the target file names no limits.token_requests", "limits.token_requests")
    return parse_rate(target.limits.token_requests)


def opened_to_limited(platform: Platform) -> Operation:
    """Return a declared read whose scope the role limited has; NotDeclared without one."""
    scopes = platform.oauth.credential(ROLE).scopes
    opened = next((each for each in platform.operations("read") if each.scope in scopes), None)
    if opened is None:
        raise NotDeclared(f"no declared resource asks for a scope of the role {ROLE}", "identity.resources.scope")
    return opened


def exhausted(target: Target, oauth: OAuthClient) -> Exchange:
    """Exceed the limit of the role limited; return a refusal. NonConformance if there is none."""
    limit_of(target)
    return first_refused(target.limits.token_requests, "token_requests", requester(oauth), is_refused)


@verifies("errors/429/stated-limit-applies#exact")
@disturbs("credential limited")
def test_rate_limit_is_the_stated_one(target: Target, oauth: OAuthClient) -> None:
    """Purpose: a client that stays within the stated limit is served.
    Method: 1. wait for a window; send as many concurrent requests as the limit states; expect no 429
            2. on a 429, wait again and send them in sequence, since concurrent requests may have a limit of their own
            3. send as many again concurrently; expect a refusal, at the second try at the latest
    """
    allowed, window = limit_of(target)
    if window > LONGEST_WAIT_S:
        reason = f"the window of the limit is {window:g} s"
        raise Inconclusive(reason, f"a limit whose window is at most {LONGEST_WAIT_S:g} s")
    request = requester(oauth)
    send = burst
    for may_repeat in (True, False):
        oauth.http.recorder.pause(max(0.0, min(window, LAST_USE.at + window - time.monotonic())) + 0.05)
        begun = time.monotonic()
        refused = [reply for reply in send(request, allowed) if reply.status == 429]
        if refused and may_repeat:
            send = one_by_one
            continue
        if refused:
            raise NonConformance(f"2xx for {allowed} requests", f"429 for {len(refused)} of them", refused[0])
        further = burst(request, allowed)
        elapsed_s = time.monotonic() - begun
        if any(map(is_refused, further)):
            if all(map(is_refused, further)) and any(reply.ok for reply in further):
                raise Inconclusive("token requests succeed without a token", "a token endpoint that issues tokens")
            return
        if elapsed_s >= window:
            raise Inconclusive(
                f"{2 * allowed} requests take longer than {window:g} s", "a lower limit, or a longer window"
            )
    served = f"{2 * allowed} requests served in {elapsed_s:.1f} s"
    raise NonConformance(f"429 above {allowed} requests", served, *further[-1:])


@verifies("errors/429/above-the-limit#token-requests")
@disturbs("credential limited")
def test_above_the_limit(target: Target, oauth: OAuthClient) -> None:
    """Purpose: a client that exceeds the limit must learn why it is refused.
    Method: 1. request tokens with the role limited until one is refused; 2. expect 429 and no token
    """
    reply = exhausted(target, oauth)

    expect_no_token(reply)
    expect_status(reply, 429, "above the limit")


@verifies("errors/429/above-the-limit#api-requests")
@disturbs("credential limited")
def test_api_requests_are_limited(target: Target, oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: a client that calls an organization API too often learns it by the documented status.
    Method: 1. read a declared resource more often than limits.api_requests permits; 2. expect 429
    """
    declared_rate(target.limits.api_requests, "api_requests")
    opened = opened_to_limited(platform)
    hasty, token = platform.http.impatient(), oauth.token(ROLE)
    expect_limited(
        target.limits.api_requests, "api_requests", lambda: hasty.send(opened.method, opened.path, [bearer(token)])
    )


@verifies("errors/429/tokens-stay-valid")
@disturbs("credential limited")
def test_tokens_stay_valid_above_the_limit(target: Target, oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: a program that requests too many tokens can still use those it has.
    Method: 1. get a token of the role limited, and exceed its limit
            2. use the token; expect no 401 (429 passes if one limit covers all requests)
    """
    opened, own = opened_to_limited(platform), bearer(oauth.token(ROLE))
    exhausted(target, oauth)
    reply = platform.http.impatient().send(opened.method, opened.path, [own])
    if reply.status == 401:
        first, _ = oauth.fresh_token("full"), oauth.fresh_token("full")
        if platform.http.send(opened.method, opened.path, [bearer(first)]).status == 401:
            raise NotApplicable("each new token revokes the previous one; another check reports that")
    expect_status(reply, {*range(200, 300), 403, 404, 429}, "for a token from before the limit was reached")


@verifies("errors/429/other-organizations-are-served")
@disturbs("credential limited")
def test_other_organizations_are_served(target: Target, oauth: OAuthClient) -> None:
    """Purpose: one client must not deny service to another organization.
    Method: 1. exceed the limit of the role limited; 2. expect the role foreign, another organization's, to get a token
    """
    oauth.credential("foreign")
    exhausted(target, oauth)
    expect_token(OAuthClient(oauth.identity, oauth.http.impatient()).request_token("foreign"))


@verifies("errors/429/stated-limit-applies")
@disturbs("credential limited")
@pytest.mark.parametrize("form", EVASIONS)
def test_rate_limit_is_not_evaded(target: Target, oauth: OAuthClient, form: str) -> None:
    """Purpose: a limit that header fields or another authentication method reset does not stop credential guessing.
    Method: 1. exceed the limit; request more tokens than it allows in this way
            2. expect a 429 or no token at all
            3. expect no second budget: tokens in this way while the usual way gets 429
    """
    before = time.monotonic()
    exhausted(target, oauth)
    allowed, window = limit_of(target)
    hasty, begun = OAuthClient(oauth.identity, oauth.http.impatient()), time.monotonic()
    LAST_USE.at = begun
    replies, separate = list[Exchange](), allowed > 3
    for _ in range(2):
        half = burst(lambda: EVASIONS[form](hasty, ROLE), allowed // 2)
        replies, plain = replies + half, requester(oauth)()
        separate &= all(reply.ok for reply in half) and plain.status == 429 and time.monotonic() - before < window
        if not separate:
            break
    if separate:
        seen = f"{len(replies)} served, then 429 for a plain request"
        raise NonConformance("one limit for all forms of a request", seen, replies[-1], plain)
    replies += burst(lambda: EVASIONS[form](hasty, ROLE), allowed + 3 - len(replies))
    elapsed_s = time.monotonic() - begun
    if 429 in {reply.status for reply in replies} or not any(reply.ok for reply in replies):
        return  # A form that is always refused evades nothing.
    if elapsed_s >= window:
        raise Inconclusive(f"{allowed} requests take longer than {window:g} s", "a lower limit, or a longer window")
    expected = f"429 above {allowed} requests"
    raise NonConformance(expected, f"{len(replies)} requests served in {elapsed_s:.1f} s", replies[-1])


@verifies("errors/429/retry-after-is-valid")
@disturbs("credential limited")
def test_retry_after_is_valid(target: Target, oauth: OAuthClient) -> None:
    """Purpose: a client can read when to retry.
    Method: 1. exceed the limit; 2. expect Retry-After, if present, to be a date or seconds within twice the window
    """
    reply = exhausted(target, oauth)
    if "retry-after" not in reply.headers:
        raise NotApplicable("the target sends no Retry-After, which is optional")
    _, window = limit_of(target)
    expect_retry_after(reply, math.floor(2 * window + 1), f"within the window of {window:g} s, or twice that")


@verifies("errors/429/served-after-retry-after")
@disturbs("credential limited")
def test_served_after_retry_after(target: Target, oauth: OAuthClient) -> None:
    """Purpose: a client that waits as long as Retry-After states is served.
    Method: 1. exceed the limit; wait for Retry-After, or without it for the window; 2. expect a token
    """
    reply = exhausted(target, oauth)
    seen = (reply.headers.get("retry-after") or "").strip()
    wait = retry_after(reply) if seen else limit_of(target)[1]
    if wait > LONGEST_WAIT_S:
        raise Inconclusive(f"Retry-After asks for {wait:g} s", f"a limit that ends within {LONGEST_WAIT_S:g} s")
    oauth.http.recorder.pause(wait + 0.05)
    expect_token(requester(oauth)())
