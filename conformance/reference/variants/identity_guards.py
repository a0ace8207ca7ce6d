"""Right ways for an identity service to guard itself against those who guess and flood."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Authenticated = Callable[[Request, dict[str, str]], Client]


class _Locking(Variant):
    """A client is refused for a while, whatever its secret, after so many wrong ones."""

    most = 0
    seconds = 0.0

    def __init__(self) -> None:
        self.wrong: Counter[str] = Counter()
        self.until: dict[str, float] = {}

    def authenticated_client(self, original: Authenticated, request: Request, form: dict[str, str]) -> Client:
        surface = surface_of(original)
        asked, secret = surface.presented_credentials(request, form)
        if self.until.get(asked, 0.0) > time.monotonic():
            raise Refused(surface.client_refused("locked"))
        if surface.secret_matches(surface.find_client(asked), secret):
            self._proved(asked)
        else:
            self.wrong[asked] += 1
        if self.wrong[asked] >= self.most:
            self.until[asked] = time.monotonic() + self.seconds
            del self.wrong[asked]
        return original(request, form)

    def _proved(self, asked: str) -> None:
        """What a right secret does to the count."""


class LockedAfterWrongSecrets(_Locking):
    """RFC 6749 section 2.3.1: who guesses in a row has the client locked, for all that its secret is right later."""

    surface = "identity"
    most, seconds = 4, 30.0

    def _proved(self, asked: str) -> None:
        del self.wrong[asked]


class LockedForAMoment(_Locking):
    """RFC 6749 section 2.3.1: so may be who guesses often, though a right secret comes between, for a while alone."""

    surface = "identity"
    alone = True
    most, seconds = 25, 0.5
