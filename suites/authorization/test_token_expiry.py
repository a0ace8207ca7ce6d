"""An expired token is rejected, and its challenge says so (RFC 6750, section 3.1)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_challenge_error
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, observed
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

LEEWAY_S = 1.0
ATTEMPTS = 5


@dataclass(frozen=True)
class Expired:
    """An expired token, the response that issued it, the last response to it, and its age at that time."""

    token: str
    issued: Exchange
    reply: Exchange
    age_s: float


def opened_by(platform: Platform, role: str) -> Operation:
    """Return the first declared read that the scopes of a role open; Inconclusive without one."""
    reads, own = platform.operations("read"), platform.oauth.credential(role).scopes
    found = next((each for each in reads if not own or each.scope is None or each.scope in own), None)
    if found is None:
        raise Inconclusive(f"no declared read needs a scope that {role} has", f"a role {role} with a scope of one")
    return found


def expired(platform: Platform) -> Expired:
    """Request a token of the role short_lived, and use it until its lifetime and the permitted leeway are over."""
    lifetime = platform.oauth.credential("short_lived").lifetime or 1.0
    if lifetime > 2:
        raise Inconclusive(f"tokens of the role short_lived live for {lifetime:g} s", "a lifetime of at most 2 s")
    operation = opened_by(platform, "short_lived")
    # If lifetimes end with a full second of the issuer's clock, a token may expire at once.
    for _ in range(ATTEMPTS):
        issued = platform.oauth.request_token("short_lived")
        token = platform.oauth.learned_token(issued, "short_lived")
        started = time.monotonic()
        control = platform.send(operation, token)
        used = time.monotonic()
        if control.ok:
            break
    if not control.ok and control.status != 401:
        reason = f"{operation} is answered {control.status} to the role short_lived"
        raise Inconclusive(reason, "a role short_lived that may read a declared resource")
    if not control.ok and used - started < lifetime / 2:
        raise NonConformance("2xx within the lifetime of a token", observed(control), control)

    for after_s in (0.6 * lifetime, lifetime + 0.1):
        platform.http.recorder.pause(max(0.0, after_s - (time.monotonic() - started)))
        reply = platform.send(operation, token)
    stated = platform.target.limits.leeway
    if reply.ok and stated != 0:
        platform.http.recorder.pause(LEEWAY_S if stated is None else stated)
        reply = platform.send(operation, token)
    if reply.ok and stated is None:
        reason = f"the token is accepted {lifetime + LEEWAY_S:g} s after it was issued"
        raise Inconclusive(reason, "limits.leeway in the target file")
    return Expired(token, issued, reply, time.monotonic() - started)


@verifies("authorization/bearer/expired-token-is-401")
def test_expired_token_is_401(platform: Platform, once: Once) -> None:
    """Purpose: a leaked token is useless after its stated lifetime.

    Method: 1. request a token of the role short_lived and use it twice: 2xx
            2. wait for its lifetime, and the leeway of the target file (without one, a second for clocks)
            3. expect 401 from every declared operation, conditional read and HEAD, and everything unchanged
    """
    over = once("expired token", lambda: expired(platform))
    expect_status(over.reply, 401, "after the lifetime of the token")
    for each in [*platform.operations(*KINDS), *platform.heads()]:
        statuses = {401, *(NOT_OFFERED if each.kind == "head" else ())}
        before = platform.state(each)
        reply = platform.send(each, over.token)
        expect_status(reply, statuses, f"for {each} with a token that has expired")
        expect_unchanged(before, platform.state(each), reply)
    for each in platform.operations("read", "read-item"):
        known = ("If-None-Match", platform.as_role("full", each).headers.get("etag") or "*")
        reply = platform.send(each, over.token, [known])
        expect_status(reply, 401, f"for {each} with {': '.join(known)} and a token that has expired")


@verifies("authorization/bearer/bad-token-is-invalid-token#expired")
def test_expired_token_is_invalid_token(platform: Platform, once: Once) -> None:
    """Purpose: the challenge tells a client that it needs a new token.

    Method: 1. use a token of the role short_lived after its lifetime; continue if the status is 401
            2. expect a challenge with error="invalid_token"
    """
    reply = once("expired token", lambda: expired(platform)).reply
    if reply.status != 401:
        raise NotApplicable(f"an expired token is answered {reply.status}; another check reports that")
    expect_challenge_error(reply, "invalid_token")


@verifies("authorization/bearer/token-is-valid-for-its-stated-lifetime")
def test_token_is_valid_for_its_stated_lifetime(platform: Platform, once: Once) -> None:
    """Purpose: a client relies on expires_in and requests a new token only then.

    Method: 1. use a token of the role short_lived until it is refused
            2. expect its response to state no expires_in, or one that is over by then, within a second
    """
    over = once("expired token", lambda: expired(platform))
    stated = over.issued.member("expires_in")
    if over.reply.status != 401 or not isinstance(stated, int | float):
        raise NotApplicable("the token is still accepted, or no expires_in is stated with it")
    if stated > over.age_s + 1:
        seen = f"401 after {over.age_s:.1f} s"
        raise NonConformance(f"2xx for the {stated} s of expires_in", seen, over.issued, over.reply)
