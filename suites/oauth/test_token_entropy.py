"""Access tokens are too random and too long to guess."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, combinations, islice

from conformance.clients.oauth.client import OAuthClient, access_token
from conformance.oracles.oauth import expect_token
from conformance.oracles.token_quality import DESIRED_BITS, room_bits, weakness
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

SAMPLES, FEW = 40, 10
ROLES = ("full", "foreign", "narrow", "outsider", "viewer")


@verifies("oauth/tokens/cannot-be-guessed")
def test_tokens_cannot_be_guessed(control: OAuthClient) -> None:
    """Purpose: an attacker who has seen tokens must not be able to guess another one.

    Method: 1. request forty tokens; if they repeat, request others by scope and client, which must get other tokens
            2. expect room for 128 bits, 100 bits of entropy summed over positions, no order of a counter or clock, no
               two similar tokens, and no hash of a small number, the time or the client id
    """
    replies = [control.request_token() for _ in range(SAMPLES)]
    distinct = list(dict.fromkeys(expect_token(reply)["access_token"] for reply in replies))
    if len(distinct) < SAMPLES // 2:
        expect_other_tokens_for_others(control, replies[-1])
        distinct = list(dict.fromkeys(tokens_of_all_scopes(control)))
        if len(distinct) < SAMPLES // 2:
            reason = f"requests for each scope of each credential get {len(distinct)} tokens"
            raise Inconclusive(reason, "a new token for each request, or credentials with more scopes")
    client_ids = [control.credential(role).client_id for role in ROLES if control.has(role)]
    if found := weakness(distinct, time.time(), client_ids):
        raise NonConformance("tokens that cannot be guessed", f"{found}, over {len(distinct)} tokens", replies[-1])


def tokens_of_all_scopes(oauth: OAuthClient) -> Iterator[str]:
    """Yield a token for each combination of scopes of each credential, at most twenty a credential."""
    for role in filter(oauth.has, ROLES):
        scopes = oauth.credential(role).scopes
        choices = chain.from_iterable(combinations(scopes, number + 1) for number in range(len(scopes)))
        for chosen in islice(choices, SAMPLES // 2):
            yield oauth.learned_token(oauth.request_token(role, scope=" ".join(chosen)), role)


def expect_other_tokens_for_others(oauth: OAuthClient, reply: Exchange) -> None:
    """Expect that no other client gets the same token."""
    for role in filter(oauth.has, ("narrow", "foreign")):
        other = oauth.request_token(role)
        if access_token(other) == access_token(reply):
            raise NonConformance(f"another token for the role {role}", "the token of the role full", reply, other)


@verifies("oauth/tokens/have-room-for-160-bits")
def test_tokens_have_room_for_160_bits(control: OAuthClient) -> None:
    """Purpose: tokens are as hard to guess as the standard advises.

    Method: 1. request ten tokens, for other scopes if the server repeats them
            2. expect room for 160 bits in the characters that vary; of a JWT, in its signature
    """
    replies = [control.request_token() for _ in range(FEW)]
    tokens = {expect_token(reply)["access_token"] for reply in replies}
    if len(tokens) < FEW // 2:
        tokens = set(islice(tokens_of_all_scopes(control), FEW))
    if len(tokens) < FEW // 2:
        raise Inconclusive(f"{FEW} requests get {len(tokens)} tokens", "a new token for each request")
    if (bits := room_bits(list(tokens))) < DESIRED_BITS:
        expected, seen = f"tokens with at least {DESIRED_BITS} bits that vary", f"tokens with at most {bits:.0f}"
        raise NonConformance(expected, seen, replies[-1])
