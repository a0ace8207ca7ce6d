"""Guesses at a client's secret: a good login between them keeps it from being locked, and where it is, is waited for.

RFC 6749 section 2.3.1: "the authorization server MUST protect any endpoint utilizing it against brute force attacks."
So some refuse a client for a while, whatever its secret, after a few wrong ones; most count anew after a right one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.clients.http import HttpClient
from conformance.vocabulary.exchange import LOCKED_OUT, Exchange
from conformance.vocabulary.finding import Inconclusive

MOST_IN_A_ROW = 2
REFUSED = (400, 401, 403)
LOCK_CODES = ("invalid_client", "access_denied")
FIRST_WAIT_S = 1.0


@dataclass
class Guesses:
    """Counts what is refused between two logins (``login``, a good token request) of one client.

    How many there were before a check depends on all that ran before it. So those logins are of no check; where stored
    evidence answers, none is asked for.
    """

    http: HttpClient
    login: Callable[[], Exchange]
    in_a_row: int = 0
    waited_in_vain: bool = False
    ever_served: bool = False
    """Whether the secret was ever right in a body, as the logins show it."""

    def send(self, ask: Callable[[], Exchange], role: str | None) -> Exchange:
        """The answer to a token request with the right secret of a role, or, without one, with none that is right.

        Inconclusive where the client stays locked for as long as there is patience.
        """
        if self.http.recorder.recording is not None:
            return self._from_evidence(ask, role)
        if self.in_a_row >= MOST_IN_A_ROW:
            self.log_in()
        reply = ask()
        if role == "full" and not self.ever_served:
            self.ever_served = is_served(reply) and "Authorization" not in reply.request_headers
        if role is None:
            self.in_a_row += 1
        elif role == "full" and self.in_a_row and is_served(reply):
            self.in_a_row = 0
        elif role == "full" and self.in_a_row and is_locked(reply) and self.log_in():
            return ask()
        return reply

    def _from_evidence(self, ask: Callable[[], Exchange], role: str | None) -> Exchange:
        """The same by stored evidence: what a lock refused was asked for once more."""
        reply = ask()
        recording = self.http.recorder.recording
        return ask() if role == "full" and is_locked(reply) and recording is not None and recording.remaining else reply

    def log_in(self) -> bool:
        """Logs in, as soon as that is possible; whether it had to be waited for."""
        patience_s = self.http.limits.patience_s
        reply, waited_s, pause_s = self.login(), 0.0, FIRST_WAIT_S
        while reply.status in REFUSED and not is_served(reply):
            self.http.recorder.event(LOCKED_OUT)
            if self.waited_in_vain or waited_s >= patience_s:
                self.waited_in_vain = True
                raise self._locked_out(reply, waited_s)
            self.http.recorder.pause(pause_s, reply.id)
            waited_s += pause_s
            pause_s = min(pause_s * 2, patience_s - waited_s)
            reply = self.login()
        self.in_a_row, self.waited_in_vain, self.ever_served = 0, False, True
        return waited_s > 0

    def _locked_out(self, reply: Exchange, waited_s: float) -> Inconclusive:
        """Of a client that was never let in nobody knows that wrong secrets have locked it."""
        refusal = f"the right secret is refused ({reply.status}) {waited_s:g} s after wrong ones"
        if self.ever_served:
            return Inconclusive(refusal, "a service that unlocks a client soon after wrong secrets")
        return Inconclusive(
            f"{refusal}, as before this check", "a credential full that gets a token with its secret in the body"
        )


def is_served(reply: Exchange) -> bool:
    """Whether an answer carries a token."""
    return bool(reply.member("access_token"))


def is_locked(reply: Exchange) -> bool:
    """Whether a right secret is refused as a wrong one is."""
    return reply.status in REFUSED and (reply.status != 400 or reply.member("error") in LOCK_CODES)
