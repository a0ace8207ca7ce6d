"""Revoking a credential takes effect immediately on its issued tokens and on new requests."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Semaphore

import pytest

from conformance.clients.oauth.client import access_token
from conformance.clients.programs.operator_hooks import Operator
from conformance.models.credential import Read, machine_of
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.headers import expect_error_told
from conformance.oracles.oauth import expect_refusal
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.platform import KINDS, Platform
from conformance.sandbox.revoked import last_accepted, revoked_once_more
from conformance.strategies.properties import run_machine
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared, Proof

ROLE = "revocable"
SOON_S = 2.0


def used(platform: Platform, token: str) -> None:
    """Uses a token at every declared read, so that whatever caches it has it; Inconclusive where it opens nothing."""
    for operation in platform.operations("read"):
        reply = platform.send(operation, token)
        if reply.status == 401:
            told = f"a token of the role {ROLE} is answered 401 before it is revoked"
            raise Inconclusive(told, "hooks.restore, or a fresh credential")


@verifies("authorization/revocation/every-token-becomes-invalid")
@disturbs("credential revocable")
@pytest.mark.parametrize("warm", [case("in-use", True), case("unused", False)])
def test_every_token_becomes_invalid(platform: Platform, revoker: Operator, warm: bool) -> None:
    """Purpose: no token of a revoked credential opens anything any more, whether it was cached somewhere or not.

    Method: 1. get a token of the role revocable, between one by Basic for no scope in particular, where that is given,
               and one of its first scope alone; use it at every declared resource, or leave it unused
            2. revoke the credential by the operator's hook
            3. use the token at every resource over several new connections, until the bound of the target file is over
            4. expect 401 for all of them within the bound (one second, unless the target file says otherwise), and for
               the other tokens too; and for a creation, for reading (with a copy at hand or not), changing and deleting
               an item, and for HEAD; and the owner to find everything as before
    """
    scopes = platform.oauth.credential(ROLE).scopes[:1]
    by_basic = platform.oauth.request_by_basic(ROLE, scope=None)
    earlier = platform.oauth.taken(by_basic, ROLE) if by_basic.ok else platform.oauth.fresh_token(ROLE, *scopes)
    token, later = (platform.oauth.fresh_token(ROLE, *each) for each in ((), scopes))
    if warm:
        used(platform, token)
    revoked = revoker.revoke(platform.oauth.credential(ROLE).client_id)

    lag, how = last_accepted(platform, token, revoked)
    platform.http.recorder.event(f"last accepted {lag:.2f} s after revocation")
    bound = platform.target.limits.revocation
    if lag > bound and how is not None:
        told = f"{'accepted' if how.ok else f'answered {how.status}'} until {lag:.2f} s after it at least"
        raise NonConformance(f"401 within {bound:g} s of revocation", told, how, proof=Proof(how.id, statuses=(401,)))
    for operation in [*platform.operations(*KINDS), *platform.heads()]:
        due = {401, *(NOT_OFFERED if operation.kind == "head" else ())}
        before = platform.state(operation)
        for each in (earlier, token, later) if operation.kind == "read" else (token,):
            reply = platform.send(operation, each)
            expect_status(reply, due, f"for {operation} after revocation")
        expect_unchanged(before, platform.state(operation), reply)
        if operation.kind == "read-item":
            reply = platform.send(operation, token, [("If-None-Match", "*")])
            expect_status(reply, due, f"for {operation} with If-None-Match after revocation")


@verifies("authorization/revocation/no-new-token")
@disturbs("credential revocable")
def test_no_new_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: a revoked credential gets no further token.

    Method: 1. see that the credential gets a token; revoke it
            2. ask again, in the body and by Basic, there without a scope, until the bound of the target file is over
            3. expect a refusal; where there is none, revoke it once more: if that helps, another run may have restored
               it meanwhile, or it was known later than the bound, which the same from the beginning shows
    """
    oauth = platform.oauth
    oauth.fresh_token(ROLE)
    revoke = partial(revoker.revoke, oauth.credential(ROLE).client_id)
    revoked = revoke()

    for ask in (partial(oauth.request_token, ROLE), partial(oauth.request_by_basic, ROLE, scope=None)):
        reply = platform.known_in_time(ask, revoked)
        if reply.ok and not platform.known_in_time(ask, revoke()).ok:
            reply = revoked_once_more(platform, revoker, ROLE, ask)
        expect_refusal(reply)


@verifies("authorization/revocation/revoked-token-is-invalid-token")
@disturbs("credential revocable")
def test_revoked_token_is_invalid_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: a client whose credential was revoked is told so as of any other token that is of no use.

    Method: 1. get a token; revoke the credential; use the token until the bound of the target file is over
            2. where the answer is 401, expect a challenge with error="invalid_token"
    """
    token = platform.oauth.fresh_token(ROLE)
    revoked = revoker.revoke(platform.oauth.credential(ROLE).client_id)
    operation = platform.operations("read")[0]
    reply = platform.known_in_time(partial(platform.send, operation, token), revoked)
    if reply.status != 401:
        raise NotApplicable(f"a revoked token is answered {reply.status}, which is a finding of its own")
    expect_error_told(reply, "invalid_token")


@verifies("authorization/revocation/others-are-unharmed")
@disturbs("credential revocable")
def test_others_are_unharmed(platform: Platform, revoker: Operator) -> None:
    """Purpose: revoking one credential takes nothing from the others of the organization.

    Method: 1. get a token of full and see what it opens; revoke the role revocable
            2. expect the token of full to work there as before, and a new one to be issued
    """
    token = platform.oauth.fresh_token("full")
    opened = [each for each in platform.operations("read") if platform.send(each, token).ok]
    if not opened:
        raise Inconclusive("a token of the role full opens no declared resource", "a resource that full may read")
    revoker.revoke(platform.oauth.credential(ROLE).client_id)

    for operation in opened:
        expect_success(platform.send(operation, token), f"for {operation} with another credential's token")
    platform.oauth.fresh_token("full")


@verifies("authorization/revocation/no-token-survives-a-race")
@disturbs("credential revocable")
def test_no_token_survives_a_race(platform: Platform, revoker: Operator) -> None:
    """Purpose: a token that was being issued while its credential was revoked is of no use either.

    Method: 1. ask for tokens from two threads, and revoke the credential meanwhile, once one has had an answer
            2. expect every token that was obtained, one at least, to be refused within the bound
    """
    oauth, ended, had = platform.oauth, False, Semaphore(0)

    def ask() -> list[str]:
        tokens: list[str] = []
        while not ended and len(tokens) < 200:
            token = access_token(oauth.request_token(ROLE))
            tokens += [token] if token else []
            had.release()
            time.sleep(0.005)
        return tokens

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        had.acquire(timeout=platform.target.limits.answer)
        revoked = revoker.revoke(oauth.credential(ROLE).client_id)
        ended = True
        tokens = [token for each in asking for token in each.result()[-10:]]
    if not tokens:
        raise Inconclusive(f"the role {ROLE} was given no token", "a credential that is active before it is revoked")
    for token in tokens:
        oauth.learn(token, ROLE)
        reply = platform.known_in_time(partial(platform.send, platform.operations("read")[0], token), revoked, 401)
        expect_status(reply, 401, "for a token that was issued around revocation")


@verifies("authorization/revocation/credentials-tell-nobody")
@disturbs("credential revocable")
def test_refusal_is_as_for_a_wrong_secret(platform: Platform, revoker: Operator) -> None:
    """Purpose: the right secret of a revoked credential is answered like a wrong one.

    Method: 1. revoke the credential, and wait until that is known, for the bound of the target file
            2. ask with its right secret, between two wrong ones of the same length
            3. expect the same status, header fields and body; a difference but in status counts if it is there each
               time in eight further rounds
    """
    credential = platform.oauth.credential(ROLE)
    revoked = revoker.revoke(credential.client_id)
    if platform.known_in_time(partial(platform.oauth.request_token, ROLE), revoked).ok:
        raise NotApplicable("the credential gets tokens all the same, which is a finding of its own")

    def ask(secret: str) -> Asked:
        return Asked(secret, platform.oauth.request_token(ROLE, client_secret=secret))

    right = credential.client_secret.reveal()
    expect_as_absent(ask, right, lambda: "x" * len(right), like="a wrong secret")


@verifies("authorization/revocation/restoring-revives-no-token")
@disturbs("credential revocable")
def test_restoring_revives_no_token(platform: Platform, revoker: Operator) -> None:
    """Purpose: what revocation made invalid stays so, though the credential be made active again.

    Method: 1. get a token; revoke the credential; have it restored
            2. expect the token to be refused within the bound of the target file, and a new one to be issued
    """
    if not revoker.has("restore"):
        raise NotDeclared("the target file declares no hook restore", "hooks.restore")
    client_id = platform.oauth.credential(ROLE).client_id
    token = platform.oauth.fresh_token(ROLE)
    revoked = revoker.revoke(client_id)
    revoker.restore(client_id)

    for operation in platform.operations("read"):
        reply = platform.known_in_time(partial(platform.send, operation, token), revoked, 401)
        expect_status(reply, 401, "for a token from before the revocation")
    platform.oauth.fresh_token(ROLE)


@verifies("authorization/model/credential-is-as-its-model")
@disturbs("credential revocable")
def test_credential_is_as_its_model(platform: Platform, revoker: Operator) -> None:
    """Purpose: whatever happens to a credential in whatever order, its tokens open what its state says, and no more.

    Method: 1. do a sequence of issuing (all scopes, or one), using, revoking and restoring
            2. after each compare with a model; on a difference look for the shortest sequence that shows it
    """
    if not revoker.has("revoke") or not revoker.has("restore"):
        raise NotDeclared("the target file declares no hooks revoke and restore", "hooks.revoke", "hooks.restore")
    if platform.target.limits.revocation > SOON_S:
        raise NotApplicable(f"revocation may take more than {SOON_S:g} s: a sequence cannot wait so long")
    reads = [
        Read(str(each), each.scope, lambda token, each=each: platform.send(each, token))  # type: ignore[misc]
        for each in platform.operations("read")
    ]
    bound = platform.target.limits.revocation
    known = {"oauth": platform.oauth, "scopes": platform.oauth.scopes(ROLE), "reads": reads, "revocation_s": bound}
    machine = machine_of(operator=revoker, role=ROLE, **known)
    run_machine(machine, 0.4, 8)
