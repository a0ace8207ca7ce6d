"""A token response states a short lifetime, and later requests do not end an issued token."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from conformance.clients.oauth.client import OAuthClient, access_token, bearer, kept_for
from conformance.oracles.oauth import expect_token
from conformance.oracles.proofs import EVER, adds_up, has_member, without_member
from conformance.oracles.status import expect_success
from conformance.oracles.token_quality import claims_of
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Sum
from conformance.vocabulary.wording import worded

APART_S = 2.1
ONE_HOUR = 3600
ONE_YEAR = 366 * 24 * 3600


@verifies("oauth/answer/lifetime-is-stated")
def test_lifetime_is_stated(answer: Exchange) -> None:
    """Purpose: a client is told when to ask again.

    Method: 1. ask for a token
            2. expect expires_in
    """
    if "expires_in" not in expect_token(answer):
        raise NonConformance("expires_in", "no such member", answer, proof=has_member(answer, "expires_in"))


@verifies("oauth/answer/lifetime-is-in-seconds")
def test_lifetime_is_in_seconds(answer: Exchange) -> None:
    """Purpose: the lifetime is a number of seconds that a client can count with.

    Method: 1. ask for a token
            2. expect expires_in, where present, to be an integer above 0 and of at most a year
    """
    stated = expect_token(answer).get("expires_in", 1)
    if isinstance(stated, bool) or not isinstance(stated, int) or not 0 < stated <= ONE_YEAR:
        told, proof = f"expires_in {worded(stated)}", without_member(answer, "expires_in")
        raise NonConformance(f"expires_in, an integer from 1 to {ONE_YEAR}", told, answer, proof=proof)


@verifies("oauth/answer/lifetime-is-what-is-left")
def test_lifetime_is_what_is_left(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: a client that is given a token again is not told that it begins its life anew.

    Method: 1. ask for the same token twice; go on where the same one is given, as few servers do
            2. wait for two seconds and ask again; expect expires_in of that token to be less than it was
    """
    again = oauth.post(answer.request_body)
    if access_token(again) != access_token(answer) or not isinstance(again.member("expires_in"), int):
        return
    oauth.http.recorder.pause(APART_S)
    later = oauth.post(answer.request_body)
    stated, left = again.member("expires_in"), later.member("expires_in")
    if access_token(later) == access_token(again) and isinstance(left, int) and left >= stated:
        less = Sum(((again.id, "expires_in"),), ((later.id, "expires_in"),), 1, EVER)
        another = Sum(((later.id, "claims.exp"),), ((again.id, "claims.exp"),), 1, EVER)
        # By which else than its end a new token could be told from the same one, no script says.
        proof = adds_up(later, less, another) if claims_of(access_token(later) or "").get("exp") else None
        wanted = f"expires_in below {stated} for the same token"
        raise NonConformance(wanted, f"expires_in {left}", again, later, proof=proof)


@verifies("oauth/answer/lifetime-is-short")
def test_lifetime_is_short(answer: Exchange) -> None:
    """Purpose: a token that leaks is of use for an hour at most.

    Method: 1. ask for a token
            2. expect expires_in of at most 3600
    """
    stated = expect_token(answer).get("expires_in", 0)
    if isinstance(stated, int) and stated > ONE_HOUR:
        proof = without_member(answer, "expires_in")
        raise NonConformance("expires_in of at most 3600", f"expires_in {stated}", answer, proof=proof)


THREADS = 8


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
