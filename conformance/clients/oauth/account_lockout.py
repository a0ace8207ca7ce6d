"""Prevents wrong client secrets from locking a client out, and waits for a locked client.

RFC 6749 section 2.3.1: "the authorization server MUST protect any endpoint utilizing it against brute force attacks."
Some servers refuse a client for a while after a few wrong secrets. Most reset the count after a correct one.
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
    """Counts refused requests since the last ``login`` (a correct token request) of one client.

    The count depends on earlier checks, so logins belong to no check's evidence and are not sent when rejudging.
    """

    http: HttpClient
    login: Callable[[], Exchange]
    in_a_row: int = 0
    waited_in_vain: bool = False
    ever_served: bool = False
    """Whether the secret was ever accepted in a body, where the logins send it."""

    def send(self, ask: Callable[[], Exchange], role: str | None) -> Exchange:
        """Return the response to a token request with the correct secret of ``role``, or None for a wrong secret.

        Inconclusive if the client stays locked beyond the patience.
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
        """Return the recorded response; a request that a lock refused was repeated."""
        reply = ask()
        recording = self.http.recorder.recording
        return ask() if role == "full" and is_locked(reply) and recording is not None and recording.remaining else reply

    def log_in(self) -> bool:
        """Log in, waiting for the client to be unlocked; return whether it had to wait."""
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
        # If the secret was never accepted, wrong secrets may not be the cause.
        refusal = f"the right secret is refused ({reply.status}) {waited_s:g} s after wrong ones"
        if self.ever_served:
            return Inconclusive(refusal, "a service that unlocks a client soon after wrong secrets")
        return Inconclusive(
            f"{refusal}, as before this check", "a credential full that gets a token with its secret in the body"
        )


def is_served(reply: Exchange) -> bool:
    """Return whether a response has a token."""
    return bool(reply.member("access_token"))


def is_locked(reply: Exchange) -> bool:
    """Return whether a correct secret was refused like a wrong one."""
    return reply.status in REFUSED and (reply.status != 400 or reply.member("error") in LOCK_CODES)
