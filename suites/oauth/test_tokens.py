"""Tokens themselves: whether they can be guessed, and whether they stay distinct under load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, combinations, islice

from conformance.clients.oauth.client import OAuthClient, access_token, bearer, kept_for
from conformance.oracles.oauth import expect_token
from conformance.oracles.status import expect_success
from conformance.oracles.token_quality import DESIRED_BITS, room_bits, weakness
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

SAMPLES = 40
FEW = 10
OTHERS = ("full", "foreign", "narrow", "outsider", "viewer")
THREADS = 8
A_SECOND = 1.1


@verifies("oauth/tokens/cannot-be-guessed")
def test_tokens_cannot_be_guessed(control: OAuthClient) -> None:
    """Purpose: whoever has seen tokens cannot make one.

    Method: 1. ask for forty tokens; a server may give one again to the same client for the same scope, and to no other:
               where it does, ask for other scopes, and as other clients
            2. expect 128 bits of room, at least 100 bits of entropy summed over positions, no order of a counter or
               clock, no two nearly equal, no hash of a small number, the time or the client id
    """
    replies = [control.request_token() for _ in range(SAMPLES)]
    tokens = [expect_token(reply)["access_token"] for reply in replies]

    distinct = list(dict.fromkeys(tokens))
    if len(distinct) < SAMPLES // 2:
        expect_another_for_another(control, replies[-1])
        distinct = list(dict.fromkeys(tokens_of_others(control)))
        if len(distinct) < SAMPLES // 2:
            told = f"requests for each scope of each credential are given {len(distinct)} tokens"
            raise Inconclusive(told, "a token of its own for each request, or credentials with more scopes")
    found = weakness(
        distinct, time.time(), [control.credential(role).client_id for role in OTHERS if control.has(role)]
    )
    if found:
        raise NonConformance("tokens that cannot be guessed", f"{found}, over {len(distinct)} tokens", replies[-1])


def tokens_of_others(oauth: OAuthClient) -> Iterator[str]:
    """A token for each choice of scopes of each credential, twenty a credential at most."""
    for role in filter(oauth.has, OTHERS):
        scopes = oauth.credential(role).scopes
        choices = chain.from_iterable(combinations(scopes, number + 1) for number in range(len(scopes)))
        for chosen in islice(choices, SAMPLES // 2):
            yield oauth.taken(oauth.request_token(role, scope=" ".join(chosen)), role)


def expect_another_for_another(oauth: OAuthClient, reply: Exchange) -> None:
    """No other client is given the same token."""
    for role in ("narrow", "foreign"):
        other = oauth.request_token(role) if oauth.has(role) else reply
        if other is not reply and access_token(other) == access_token(reply):
            raise NonConformance(f"another token for the role {role}", "the token of the role full", reply, other)


@verifies("oauth/tokens/have-room-for-160-bits")
def test_tokens_have_room_for_160_bits(control: OAuthClient) -> None:
    """Purpose: tokens are as hard to guess as the standard advises.

    Method: 1. ask for ten tokens, for other scopes where one is given again: what is the same in all is no secret
            2. expect room for 160 bits in the rest; of a JWT, in its signature
    """
    replies = [control.request_token() for _ in range(FEW)]
    tokens = {expect_token(reply)["access_token"] for reply in replies}
    if len(tokens) < FEW // 2:
        tokens = set(islice(tokens_of_others(control), FEW))
    if len(tokens) < FEW // 2:
        raise Inconclusive(f"{FEW} requests are given {len(tokens)} tokens", "a token of its own for each request")

    bits = room_bits(list(tokens))
    if bits < DESIRED_BITS:
        raise NonConformance(f"room for {DESIRED_BITS} bits", f"{bits:.0f} bits at most in what differs", replies[-1])


@verifies("oauth/tokens/requests-at-once-all-succeed")
def test_requests_at_once_all_succeed(control: OAuthClient) -> None:
    """Purpose: token requests do not get in each other's way.

    Method: 1. send twenty-four good requests from eight threads
            2. expect twenty-four tokens, all different where two asked for one after the other are
    """
    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(lambda _: control.request_token(), range(3 * THREADS)))

    for reply in replies:
        expect_token(reply)
    if len({access_token(reply) for reply in replies}) < len(replies):
        time.sleep(A_SECOND)
        if access_token(control.request_token()) == access_token(control.request_token()) == access_token(replies[0]):
            return  # It gives the one that it has given, for as long as that is good, which no clause forbids.
        raise NonConformance("a token of its own for each request", "one token given twice", *replies[:2])


@verifies("oauth/tokens/further-ones-end-none")
def test_further_tokens_end_none(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: programs that share a credential do not take each other's tokens away.

    Method: 1. ask for a token, and for twenty-four more at once
            2. use the last at a declared resource: 2xx
            3. use the first, the lifetime that was stated with it being far from over: expect 2xx
    """
    begun, given = time.monotonic(), oauth.request_token()
    first = oauth.taken(given, "full")
    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(lambda _: oauth.request_token(), range(3 * THREADS)))
    read = platform.operations("read")[0]
    last = platform.send(read, oauth.taken(oauth.request_token(), "full"))
    if not last.ok:
        raise Inconclusive(f"a new token is answered {last.status} by {read}", "a resource that full may read")

    # As it is: where the platform is asked, it takes a new one in place of one that was ended so.
    reply = platform.http.send(read.method, read.path, [bearer(first)])
    if time.monotonic() - begun > kept_for(given):
        raise Inconclusive("the token was at its end", "tokens that live for a minute")
    try:
        expect_success(reply, f"for a token behind which {len(replies) + 1} more were issued")
    except NonConformance as finding:
        finding.add_note("The processes of a run end each other's tokens so: what else there is, --workers 1 tells.")
        raise


@verifies("oauth/tokens/refusals-end-none")
def test_refusals_end_none(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: whoever knows a client id, which is public, does not take the tokens of its programs away with it.

    Method: 1. ask for a token and use it at a declared resource: 2xx
            2. ask with a wrong secret, for an unknown scope and by an unknown grant: refused
            3. use the token again: expect 2xx
    """
    token, read = oauth.taken(oauth.request_token(), "full"), platform.operations("read")[0]
    if not platform.send(read, token).ok:
        raise Inconclusive(f"a new token is refused by {read}", "a resource that full may read")
    refused = [oauth.request_token(client_secret="cf-not-the-secret"), oauth.request_token(scope="cf:unknown")]
    refused.append(oauth.request_token(grant_type="cf-unknown"))

    # As it is: where the platform is asked, it takes a new one in place of one that was ended so.
    reply = platform.http.send(read.method, read.path, [bearer(token)])
    told = " and ".join(f"{each.status}" for each in refused)
    expect_success(reply, f"for a token behind which others were asked for in vain ({told})")
