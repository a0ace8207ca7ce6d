"""What a credential is: active or revoked, and which of its tokens are good for what; a machine that compares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import precondition
from hypothesis.vendor.pretty import RepresentationPrinter

from conformance.clients.oauth.client import OAuthClient, access_token
from conformance.clients.programs.operator_hooks import Operator
from conformance.oracles.oauth import expect_refusal, expect_token
from conformance.oracles.status import expect_status
from conformance.strategies.properties import Machine, initialize, rule
from conformance.vocabulary.exchange import Exchange


@dataclass(frozen=True, repr=False)
class Read:
    """A read that a token may open: its name, the scope that it needs, and how it is sent with a token."""

    name: str
    scope: str | None
    send: Callable[[str], Exchange]

    def __repr__(self) -> str:
        return self.name

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """How hypothesis writes it in the sequence that it prints: by its name, which it would not ask repr for."""
        printer.text(self.name)


READS: st.SearchStrategy[Read] = st.runner().flatmap(lambda machine: st.sampled_from(machine.reads))


@dataclass(frozen=True)
class Issued:
    """A token with its scopes, of the life of the credential in which it was issued."""

    token: str
    scopes: frozenset[str]
    life: int


@dataclass
class CredentialModel:
    """The life of a credential: each revocation ends one, restoring begins another."""

    active: bool = True
    life: int = 0
    issued: list[Issued] = field(default_factory=list)

    def issue(self, token: str, scopes: frozenset[str]) -> None:
        """A token was given."""
        self.issued.append(Issued(token, scopes, self.life))

    def revoke(self) -> None:
        """Ends this life, and with it every token."""
        self.active = False

    def restore(self) -> None:
        """Begins another life: tokens of earlier ones stay dead."""
        if not self.active:
            self.active = True
            self.life += 1

    def opens(self, token: Issued, scope: str | None) -> int:
        """What a read that needs a scope is answered: 200, 401 or 403 (RFC 6750 section 3.1)."""
        if not self.active or token.life != self.life:
            return 401
        return 200 if scope is None or scope in token.scopes else 403


class CredentialMachine(Machine):
    """Does the same to a credential and to its model: issue, use, narrow, revoke, restore."""

    oauth: OAuthClient
    operator: Operator
    role: str
    scopes: list[str]
    reads: list[Read]
    revocation_s: float

    @initialize(issued=st.lists(st.booleans(), max_size=2))
    def begin(self, issued: list[bool]) -> None:
        """Begins with the credential active, and with tokens of all scopes or of the first alone."""
        self.model = CredentialModel()
        self.revoked = 0.0
        for narrow in issued:
            self._issue(narrow)

    @rule(narrow=st.booleans(), read=READS)
    def issue(self, narrow: bool, read: Read) -> None:
        """A token of all scopes, or of the first alone; those issued before are as they were."""
        self._issue(narrow)
        if self.model.active:
            self.use(read)

    def _issue(self, narrow: bool) -> None:
        scopes = self.scopes[: 1 if narrow else None]
        reply = self._asked(scopes)
        if not self.model.active:
            left = self._left()
            if reply.ok and left > 0:
                # A token of a life that is over already.
                self.model.issue(access_token(reply) or "", frozenset(scopes))
                time.sleep(left)
                reply = self._asked(scopes)
            expect_refusal(reply)
            return
        expect_token(reply)
        self.model.issue(access_token(reply) or "", frozenset(scopes))

    def _asked(self, scopes: list[str]) -> Exchange:
        reply = self.oauth.request_token(self.role, scope=" ".join(scopes) or None)
        self.oauth.open(reply, self.role)
        return reply

    @precondition(lambda self: self.model.issued)
    @rule(read=READS)
    def use(self, read: Read) -> None:
        """Every token at one of the declared reads, the oldest first."""
        for token in self.model.issued:
            wanted = self.model.opens(token, read.scope)
            # What a good token opens may still be hidden from this credential.
            accepted = {*range(200, 300), 404} if wanted == 200 else {wanted}
            reply = read.send(token.token)
            left = self._left()
            if reply.status not in accepted and left > 0:
                time.sleep(left)
                reply = read.send(token.token)
            expect_status(reply, accepted, f"for {read.name}")

    def _left(self) -> float:
        """Seconds for which the last revocation need not be known everywhere, as the target file says."""
        return self.revoked + self.revocation_s - time.monotonic()

    @rule(and_back=st.sampled_from([False, True, True]), read=READS)
    def switch(self, and_back: bool, read: Read) -> None:
        """The operator revokes the credential, and may restore it at once; one that is revoked is restored."""
        client_id = self.oauth.credential(self.role).client_id
        if self.model.active:
            self.revoked = self.operator.revoke(client_id)
            self.model.revoke()
        else:
            and_back = True
        if and_back:
            self.operator.restore(client_id)
            self.model.restore()
        self.use(read)

    def clean_up(self) -> None:
        """Brings the credential back."""
        if not self.model.active:
            self.operator.restore(self.oauth.credential(self.role).client_id)


def machine_of(**attributes: object) -> type[Machine]:
    """The machine for one credential; the keywords are the machine's attributes."""
    return type("CredentialMachine", (CredentialMachine,), attributes)
