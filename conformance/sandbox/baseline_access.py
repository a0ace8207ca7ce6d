"""Those to whom tricks should open nothing, and what is open to them without one."""

from __future__ import annotations

import secrets

from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


def strangers(platform: Platform, operation: Operation) -> list[str | None]:
    """No token, one of another organization, and one that lacks the scope."""
    lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
    return [None, platform.oauth.token("foreign"), *lacking]


class PlainlyOpen:
    """What a caller gets by the plain request as well, of which a trick tells nothing: the matrix tells of it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.cause = ""

    def to(self, operation: Operation, token: str | None, tricked: Exchange) -> bool:
        """Whether it is open to this caller without the trick; asked for only where the trick was answered 2xx.

        By an address of its own: what the trick has put into a cache for everybody is open by the trick.
        """
        if not tricked.ok:
            return False
        mark = f"{'&' if '?' in operation.path else '?'}cf={secrets.token_hex(4)}"
        plain = self.platform.send(operation, token, path=operation.path + mark)
        if plain.ok:
            self.cause = f"{operation} is answered {plain.status} to this caller by the plain request as well"
        return plain.ok

    def tell(self) -> None:
        """Inconclusive where anything was open; behind the judgement of all that is shut."""
        if self.cause:
            raise Inconclusive(self.cause, "what authorization/matrix asks of that request")
