"""Revoking a credential takes effect immediately on its issued tokens and on new requests."""

from __future__ import annotations

from functools import partial

import pytest

from conformance.clients.concurrency import repeating
from conformance.clients.oauth.client import access_token
from conformance.clients.programs.operator_hooks import Operator
from conformance.models.credential import Read, machine_of
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.headers import expect_challenge_error
from conformance.oracles.oauth import expect_refusal
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import KINDS, Platform
from conformance.sandbox.revoked import last_accepted, revoked_once_more
from conformance.strategies.properties import run_machine
from conformance.vocabulary.check import case, disturbs, sends_up_to, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared

ROLE = "revocable"
SOON_S = 2.0
pytestmark = disturbs("credential revocable")


def revoked(platform: Platform, revoker: Operator) -> float:
    """Revoke the credential in the role revocable and return the monotonic time of the revocation."""
    return revoker.revoke(platform.oauth.credential(ROLE).client_id)


@verifies("authorization/revocation/every-token-becomes-invalid")
@sends_up_to(650)
@pytest.mark.parametrize("warm", [case("in-use", True), case("unused", False)])
def test_every_token_becomes_invalid(platform: Platform, revoker: Operator, warm: bool) -> None:
    """Purpose: no token of a revoked credential opens anything, whether it is in a cache or not.

    Method: 1. request tokens by Basic, for all scopes and for one; use the second at every declared resource, or not
            2. revoke the credential; use the token over 18 new connections, so that each of three replicas is met:
               expect 401 within the limit of the target file
            3. expect 401 for the other tokens, and from every other operation and HEAD, and everything unchanged
    """
    scopes = platform.oauth.credential(ROLE).scopes[:1]
    by_basic = platform.oauth.request_by_basic(ROLE, scope=None)
    earlier = platform.oauth.learned_token(by_basic, ROLE) if by_basic.ok else platform.oauth.fresh_token(ROLE, *scopes)
    token, later = (platform.oauth.fresh_token(ROLE, *each) for each in ((), scopes))
    for operation in platform.operations("read") if warm else ():
        if platform.send(operation, token).status == 401:
            reason = f"a token of the role {ROLE} is answered 401 before it is revoked"
            raise Inconclusive(reason, "hooks.restore, or a fresh credential")

    lag, last = last_accepted(platform, token, revoked(platform, revoker))
    platform.http.recorder.event(f"last accepted {lag:.2f} s after revocation")
    bound = platform.target.limits.revocation
    if lag > bound and last is not None:
        seen = f"{'accepted' if last.ok else f'answered {last.status}'} until at least {lag:.2f} s after it"
        raise NonConformance(f"401 within {bound:g} s of revocation", seen, last)
    for operation in [*platform.operations(*KINDS), *platform.heads()]:
        statuses = {401, *(NOT_OFFERED if operation.kind == "head" else ())}
        before = platform.state(operation)
        for each in (earlier, token, later) if operation.kind == "read" else (token,):
            reply = platform.send(operation, each)
            expect_status(reply, statuses, f"for {operation} after revocation")
        expect_unchanged(before, platform.state(operation), reply)
        if operation.kind == "read-item":
            reply = platform.send(operation, token, [("If-None-Match", "*")])
            expect_status(reply, statuses, f"for {operation} with If-None-Match after revocation")


@verifies("authorization/revocation/every-token-becomes-invalid#issued-during-revocation")
@sends_up_to(600)
def test_no_token_survives_a_race(platform: Platform, revoker: Operator) -> None:
    """Purpose: a token that is being issued while its credential is revoked must not stay valid.

    Method: 1. request tokens from two threads, and revoke the credential after the first response
            2. expect every token that was issued to be refused within the limit of the target file
    """
    oauth = platform.oauth
    with repeating(lambda: access_token(oauth.request_token(ROLE)), threads=2, most=200, pause_s=0.005) as requests:
        requests.begun.wait(platform.target.limits.answer)
        since = revoked(platform, revoker)
    tokens = [token for each in requests.results() for token in [*filter(None, each)][-10:]]
    if not tokens:
        raise Inconclusive(f"the role {ROLE} got no token", "a credential that is active before it is revoked")
    for token in tokens:
        oauth.learn(token, ROLE)
        reply = platform.known_in_time(partial(platform.send, platform.operations("read")[0], token), since, 401)
        expect_status(reply, 401, "for a token that was issued around revocation")


@verifies("authorization/revocation/every-token-becomes-invalid#after-restoring")
def test_restoring_revives_no_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: the tokens of a revoked credential stay invalid when the credential is restored.

    Method: 1. request a token; revoke the credential; restore it
            2. expect the token to be refused within the limit of the target file, and a new one to be issued
    """
    if not revoker.has("restore"):
        raise NotDeclared("the target file declares no hook restore", "hooks.restore")
    token = platform.oauth.fresh_token(ROLE)
    since = revoked(platform, revoker)
    revoker.restore(platform.oauth.credential(ROLE).client_id)
    for operation in platform.operations("read"):
        reply = platform.known_in_time(partial(platform.send, operation, token), since, 401)
        expect_status(reply, 401, "for a token from before the revocation")
    platform.oauth.fresh_token(ROLE)


@verifies("authorization/revocation/no-new-token")
def test_no_new_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: a revoked credential gets no further token.

    Method: 1. request a token; revoke the credential
            2. request tokens in the body and by Basic: expect a refusal within the limit of the target file; if there
               is none, revoke it once more, since another run may have restored it
            3. expect each of three replicas to refuse a token
    """
    oauth = platform.oauth
    oauth.fresh_token(ROLE)
    since = revoked(platform, revoker)
    for request in (partial(oauth.request_token, ROLE), partial(oauth.request_by_basic, ROLE, scope=None)):
        reply = platform.known_in_time(request, since)
        if reply.ok and not platform.known_in_time(request, revoked(platform, revoker)).ok:
            reply = revoked_once_more(platform, revoker, ROLE, request)
        expect_refusal(reply)
    for reply in platform.on_each_replica(lambda replica: replica.oauth.request_token(ROLE)):
        expect_refusal(reply, because="from any replica")


@verifies("authorization/bearer/bad-token-is-invalid-token#revoked")
def test_revoked_token_is_invalid_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: the challenge tells a client that its token is invalid.

    Method: 1. request a token; revoke the credential; use the token until the limit of the target file
            2. where the status is 401, expect a challenge with error="invalid_token"
    """
    token = platform.oauth.fresh_token(ROLE)
    since = revoked(platform, revoker)
    reply = platform.known_in_time(partial(platform.send, platform.operations("read")[0], token), since)
    if reply.status != 401:
        raise NotApplicable(f"a revoked token is answered {reply.status}; another check reports that")
    expect_challenge_error(reply, "invalid_token")


@verifies("authorization/revocation/other-credentials-are-unaffected")
def test_other_credentials_are_unaffected(platform: Platform, revoker: Operator) -> None:
    """Purpose: revoking one credential must not affect the others of the organization.

    Method: 1. request a token as full and use it; revoke the role revocable
            2. expect the token of full to open the same resources, and a new one to be issued
    """
    token = platform.oauth.fresh_token("full")
    opened = [each for each in platform.operations("read") if platform.send(each, token).ok]
    if not opened:
        raise Inconclusive("a token of the role full opens no declared resource", "a resource that full may read")
    revoked(platform, revoker)
    for operation in opened:
        expect_success(platform.send(operation, token), f"for {operation} with another credential's token")
    platform.oauth.fresh_token("full")


@verifies("authorization/revocation/refusal-is-as-for-a-wrong-secret")
def test_refusal_is_as_for_a_wrong_secret(platform: Platform, revoker: Operator) -> None:
    """Purpose: an attacker must not learn from a refusal that the secret of a revoked credential is right.

    Method: 1. revoke the credential, and wait for the limit of the target file
            2. send its right secret, between two wrong ones of the same length
            3. expect the same status, fields and body; other differences than in status only if they recur eight times
    """
    since = revoked(platform, revoker)
    if platform.known_in_time(partial(platform.oauth.request_token, ROLE), since).ok:
        raise NotApplicable("the revoked credential gets tokens; another check reports that")

    def probe(secret: str) -> Probe:
        return Probe(secret, platform.oauth.request_token(ROLE, client_secret=secret))

    right = platform.oauth.credential(ROLE).client_secret.reveal()
    expect_as_absent(probe, right, lambda: "x" * len(right), like="a wrong secret")


@verifies("authorization/model/tokens-match-the-credential-state")
def test_tokens_match_the_credential_state(platform: Platform, revoker: Operator) -> None:
    """Purpose: after any sequence of events a credential's tokens open what its state permits, and no more.

    Method: 1. run a random sequence of issuing (all scopes, or one), using, revoking and restoring
            2. compare with a model after each step; after a difference find the shortest sequence that shows it
    """
    if not revoker.has("revoke") or not revoker.has("restore"):
        raise NotDeclared("the target file declares no hooks revoke and restore", "hooks.revoke", "hooks.restore")
    bound = platform.target.limits.revocation
    if bound > SOON_S:
        raise NotApplicable(f"revocation may take more than {SOON_S:g} s: a sequence cannot wait so long")
    reads = [
        Read(str(each), each.scope, lambda token, each=each: platform.send(each, token))  # type: ignore[misc]
        for each in platform.operations("read")
    ]
    common = {"oauth": platform.oauth, "scopes": platform.oauth.scopes(ROLE), "reads": reads, "revocation_s": bound}
    run_machine(machine_of(operator=revoker, role=ROLE, **common), 0.4, 8)
