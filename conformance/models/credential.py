"""A model of a credential: active or revoked, with its tokens; and the machine that compares a target with it."""

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
    """A read: its name, the scope that it needs, and a function that sends it with a token."""

    name: str
    scope: str | None
    send: Callable[[str], Exchange]

    def __repr__(self) -> str:
        return self.name

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Print the name in hypothesis sequences."""
        printer.text(self.name)


READS: st.SearchStrategy[Read] = st.runner().flatmap(lambda machine: st.sampled_from(machine.reads))


@dataclass(frozen=True)
class Issued:
    """A token with its scopes; ``life`` counts earlier revocations of the credential."""

    token: str
    scopes: frozenset[str]
    life: int


@dataclass
class CredentialModel:
    """The state of a credential; each restoration begins a new life."""

    active: bool = True
    life: int = 0
    issued: list[Issued] = field(default_factory=list)

    def issue(self, token: str, scopes: frozenset[str]) -> None:
        """Add an issued token."""
        self.issued.append(Issued(token, scopes, self.life))

    def revoke(self) -> None:
        """Revoke the credential and all its tokens."""
        self.active = False

    def restore(self) -> None:
        """Restore the credential; earlier tokens stay invalid."""
        if not self.active:
            self.active = True
            self.life += 1

    def read_status(self, token: Issued, scope: str | None) -> int:
        """Return the status of a read that needs a scope: 200, 401 or 403 (RFC 6750 section 3.1)."""
        if not self.active or token.life != self.life:
            return 401
        return 200 if scope is None or scope in token.scopes else 403


class CredentialMachine(Machine):
    """Applies the same steps to a credential and to its model: issue, use, narrow, revoke, restore."""

    oauth: OAuthClient
    operator: Operator
    role: str
    scopes: list[str]
    reads: list[Read]
    revocation_s: float

    @initialize(issued=st.lists(st.booleans(), max_size=2))
    def begin(self, issued: list[bool]) -> None:
        """Begin with an active credential, and with tokens of all scopes or only of the first."""
        self.model = CredentialModel()
        self.revoked = 0.0
        for narrow in issued:
            self._issue(narrow)

    @rule(narrow=st.booleans(), read=READS)
    def issue(self, narrow: bool, read: Read) -> None:
        """Issue a token of all scopes, or only of the first; earlier tokens must not change."""
        self._issue(narrow)
        if self.model.active:
            self.use(read)

    def _issue(self, narrow: bool) -> None:
        scopes = self.scopes[: 1 if narrow else None]
        reply = self._request(scopes)
        if not self.model.active:
            remaining = self._remaining_s()
            if reply.ok and remaining > 0:
                # A token of the revoked credential, which must stop working too.
                self.model.issue(access_token(reply) or "", frozenset(scopes))
                time.sleep(remaining)
                reply = self._request(scopes)
            expect_refusal(reply)
            return
        expect_token(reply)
        self.model.issue(access_token(reply) or "", frozenset(scopes))

    def _request(self, scopes: list[str]) -> Exchange:
        reply = self.oauth.request_token(self.role, scope=" ".join(scopes) or None)
        self.oauth.redact_token(reply, self.role)
        return reply

    @precondition(lambda self: self.model.issued)
    @rule(read=READS)
    def use(self, read: Read) -> None:
        """Send one of the declared reads with every token, the oldest first."""
        for token in self.model.issued:
            expected = self.model.read_status(token, read.scope)
            # The resource may be concealed from this credential.
            accepted = {*range(200, 300), 404} if expected == 200 else {expected}
            reply = read.send(token.token)
            remaining = self._remaining_s()
            if reply.status not in accepted and remaining > 0:
                time.sleep(remaining)
                reply = read.send(token.token)
            expect_status(reply, accepted, f"for {read.name}")

    def _remaining_s(self) -> float:
        """Return for how many seconds the last revocation need not be effective, by the target file's limit."""
        return self.revoked + self.revocation_s - time.monotonic()

    @rule(and_back=st.sampled_from([False, True, True]), read=READS)
    def switch(self, and_back: bool, read: Read) -> None:
        """Revoke the credential, and perhaps restore it at once; restore a revoked one."""
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
        """Restore the credential."""
        if not self.model.active:
            self.operator.restore(self.oauth.credential(self.role).client_id)


def machine_of(**attributes: object) -> type[Machine]:
    """Return the machine for one credential, with these attributes."""
    return type("CredentialMachine", (CredentialMachine,), attributes)
