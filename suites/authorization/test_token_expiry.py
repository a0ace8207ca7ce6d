"""An expired token is rejected, and its challenge says so (RFC 6750, section 3.1)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_error_told
from conformance.oracles.proofs import without_member
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, observed
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

LEEWAY_S = 1.0
ATTEMPTS = 5


@dataclass(frozen=True)
class Ended:
    """A token whose lifetime is over: the answer that gave it, how it was answered then, and how old it was."""

    token: str
    given: Exchange
    reply: Exchange
    age_s: float


def opened_by(platform: Platform, role: str) -> Operation:
    """The first declared read that the scopes of a role open, where these are told; Inconclusive without one."""
    reads, own = platform.operations("read"), platform.oauth.credential(role).scopes
    found = next((each for each in reads if not own or each.scope is None or each.scope in own), None)
    if found is None:
        raise Inconclusive(f"no declared read needs a scope that {role} has", f"a role {role} with a scope of one")
    return found


def ended(platform: Platform) -> Ended:
    """A token of the role short_lived, used until its lifetime is over."""
    lifetime = platform.oauth.credential("short_lived").lifetime or 1.0
    if lifetime > 2:
        raise Inconclusive(f"tokens of the role short_lived live for {lifetime:g} s", "a lifetime of at most 2 s")
    operation = opened_by(platform, "short_lived")
    for _ in range(ATTEMPTS):
        given = platform.oauth.request_token("short_lived")
        token = platform.oauth.taken(given, "short_lived")
        begun = time.monotonic()
        control = platform.send(operation, token)
        used = time.monotonic()
        if control.ok:
            break
    if not control.ok and control.status != 401:
        told = f"{operation} is answered {control.status} to the role short_lived"
        raise Inconclusive(told, "a role short_lived that may read a declared resource")
    if not control.ok and used - begun < lifetime / 2:
        raise NonConformance("2xx within the lifetime of a token", observed(control), control)

    for share in (0.6 * lifetime, lifetime + 0.1):
        platform.http.recorder.pause(max(0.0, share - (time.monotonic() - begun)))
        reply = platform.send(operation, token)
    stated = platform.target.limits.leeway
    if reply.ok and stated != 0:
        platform.http.recorder.pause(LEEWAY_S if stated is None else stated)
        reply = platform.send(operation, token)
    if reply.ok and stated is None:
        raise Inconclusive(
            f"accepted {lifetime + LEEWAY_S:g} s after it was issued", "limits.leeway in the target file"
        )
    return Ended(token, given, reply, time.monotonic() - begun)


@verifies("authorization/bearer/expired-token-is-401")
def test_expired_token_is_401(platform: Platform, once: Once) -> None:
    """Purpose: a token is of no use after the lifetime that was stated with it.

    Method: 1. get a token of the role short_lived and use it: 2xx (of five tokens one at least, since one that ends
               with a whole second of its issuer's clock may end at once)
            2. use it once more in that time, which prolongs nothing; wait for its lifetime, and where it is still
               accepted for the leeway that the target file states, or a second where it states none
            3. expect 401, from every declared operation, and to HEAD where there is one, and the owner to find
               everything as before; so to reads on condition that it is changed, of who has it already; accepted
               without a stated leeway it cannot be judged, since clocks may be forgiven to differ
    """
    over = once("ended token", lambda: ended(platform))
    expect_status(over.reply, 401, "after the lifetime of the token")
    for each in [*platform.operations(*KINDS), *platform.heads()]:
        due = {401, *(NOT_OFFERED if each.kind == "head" else ())}
        before = platform.state(each)
        reply = platform.send(each, over.token)
        expect_status(reply, due, f"for {each} with a token that has expired")
        expect_unchanged(before, platform.state(each), reply)
    for each in platform.operations("read", "read-item"):
        known = ("If-None-Match", platform.as_role("full", each).headers.get("etag") or "*")
        reply = platform.send(each, over.token, [known])
        expect_status(reply, 401, f"for {each} with {': '.join(known)} and a token that has expired")


@verifies("authorization/bearer/expired-token-is-invalid-token")
def test_expired_token_is_invalid_token(platform: Platform, once: Once) -> None:
    """Purpose: a client learns that it needs a new token, also when its own has run out.

    Method: 1. use a token of the role short_lived after its lifetime; go on where the answer is 401
            2. expect a challenge with error="invalid_token"
    """
    reply = once("ended token", lambda: ended(platform)).reply
    if reply.status != 401:
        raise NotApplicable(f"a token that has ended is answered {reply.status}, which is a finding of its own")
    expect_error_told(reply, "invalid_token")


@verifies("authorization/bearer/token-lives-as-long-as-it-says")
def test_token_lives_as_long_as_it_says(platform: Platform, once: Once) -> None:
    """Purpose: a client that goes by expires_in is not refused before it asks for a new token.

    Method: 1. get a token of the role short_lived, and use it until it is refused
            2. expect its answer to state no expires_in, or one that was over then, a second aside
    """
    over = once("ended token", lambda: ended(platform))
    stated = over.given.member("expires_in")
    if over.reply.status != 401 or not isinstance(stated, int | float):
        raise NotApplicable("the token still opens things, or no expires_in is stated with it")
    if stated > over.age_s + 1:
        told, proof = f"401 after {over.age_s:.1f} s", without_member(over.given, "expires_in")
        raise NonConformance(f"2xx for the {stated} s of expires_in", told, over.given, over.reply, proof=proof)
