"""Callers without access to an operation, and the response to their plain requests, without a bypass attempt."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

Attempt = tuple[Operation, str | None, Exchange]
"""An operation, the token of its caller, and the response to the attempted bypass."""


def strangers(platform: Platform, operation: Operation) -> list[str | None]:
    """Return tokens of callers without access: none, another organization's, and one that lacks the scope."""
    lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
    return [None, platform.oauth.token("foreign"), *lacking]


def expect_no_bypass(platform: Platform, attempts: Iterable[Attempt], expect: Callable[[Exchange], None]) -> None:
    """Expect each response to be as ``expect`` says; Inconclusive if a plain request succeeds for the same caller.

    The plain request has its own query: a bypass may have filled a shared cache.
    """
    cause = ""
    for operation, token, reply in attempts:
        mark = f"{'&' if '?' in operation.path else '?'}cf={secrets.token_hex(4)}"
        if reply.ok and (plain := platform.send(operation, token, path=operation.path + mark)).ok:
            cause = f"{operation} is answered {plain.status} to this caller by the plain request as well"
        else:
            expect(reply)
    if cause:
        raise Inconclusive(cause, "working access checks (see authorization/matrix)")
