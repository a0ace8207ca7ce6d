"""How long a target still accepts the tokens and the secret of a revoked credential."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle

from conformance.clients.http import REPLICA_TRIES
from conformance.clients.oauth.client import bearer
from conformance.clients.polling import tries
from conformance.clients.programs.operator_hooks import Operator
from conformance.sandbox.platform import Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


def last_accepted(platform: Platform, token: str, since: float) -> tuple[float, Exchange | None]:
    """Return when a revoked token was last accepted, in seconds after ``since``, and the response; else 0 and None."""
    last, response = 0.0, None
    reads = platform.operations("read")
    clients = [platform.http.on_new_connection() for _ in range(max(REPLICA_TRIES, len(reads)))]
    try:
        for _ in tries(since + platform.target.limits.revocation, 0.05):
            accepted = False
            for client, operation in zip(clients, cycle(reads), strict=False):
                reply = client.send(operation.method, operation.path, [bearer(token)])
                if reply.status != 401:
                    accepted, last, response = True, time.monotonic() - since, reply
            if not accepted:
                break
        return last, response
    finally:
        for client in clients:
            client.close()


def revoked_once_more(platform: Platform, operator: Operator, role: str, ask: Callable[[], Exchange]) -> Exchange:
    """Restore and revoke the credential again; return the response after limits.revocation if it still succeeds.

    Inconclusive if the request is refused now: another run may have restored the credential before.
    """
    client_id = platform.oauth.credential(role).client_id
    if operator.has("restore"):
        operator.restore(client_id)
        platform.oauth.fresh_token(role)
        reply = platform.known_in_time(ask, operator.revoke(client_id))
        if reply.ok:
            return reply
    reason = f"somebody else has restored the credential {role} while it was to be revoked"
    raise Inconclusive(reason, "a credential that nothing else changes during the run")
