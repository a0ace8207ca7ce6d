"""Those to whom tricks should open nothing, and what is open to them without one."""

from __future__ import annotations

from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


def strangers(platform: Platform, operation: Operation) -> list[str | None]:
    """No token, one of another organization, and one that lacks the scope."""
    lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
    return [None, platform.oauth.token("foreign"), *lacking]


def expect_plainly_shut(platform: Platform, operation: Operation, token: str | None, tricked: Exchange) -> None:
    """Of what the same caller gets by the plain request as well, a trick tells nothing: the matrix tells of it.

    The plain request is sent only where the trick was answered 2xx.
    """
    if tricked.ok and (plain := platform.send(operation, token)).ok:
        cause = f"{operation} is answered {plain.status} to this caller by the plain request as well"
        raise Inconclusive(cause, "what authorization/matrix asks of that request")
