"""Variants of client authentication."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.support.identity import surface_of
from tests.defects.support.identity import LimitShared


class ClientIdsHaveAForm(Variant):
    """RFC 6749 section 2.2: ids are of the server's own form; what is none is malformed, before anything is looked up.

    So a UUID is, where ids are such, and tells nobody which of them there are.
    """

    surface = "identity"

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if not re.fullmatch("[a-z]{2}-[a-z-]+", client_id):
            raise Refused(surface_of(original).oauth_error(400, "invalid_request", "the client id is malformed"))
        return original(client_id)


class _Locking(Variant):
    """A client is refused for a while, whatever its secret, after so many wrong ones."""

    most = 0
    seconds = 0.0

    def __init__(self) -> None:
        self.wrong: Counter[str] = Counter()
        self.until: dict[str, float] = {}

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
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
    most, seconds = 5, 30.0

    def _proved(self, asked: str) -> None:
        del self.wrong[asked]


class LockedForAMoment(_Locking):
    """RFC 6749 section 2.3.1: so may be who guesses often, though a right secret comes between, for a while alone."""

    surface = "identity"
    alone = True
    most, seconds = 25, 0.5


class ClientsHaveOneMethod(Variant):
    """RFC 7591 section 2: a client that is registered for one method of authentication gets no token by another."""

    surface = "identity"
    misses = ("oauth/client/basic-is-accepted",)

    def credentials_of_header(
        self, original: Callable[[str, dict[str, str]], tuple[str, str]], authorization: str, form: dict[str, str]
    ) -> tuple[str, str]:
        original(authorization, form)
        raise Refused(surface_of(original).client_refused("registered for client_secret_post"))


class BothAuthenticationsMayAgree(Variant):
    """RFC 6749 section 2.3: one method a request is asked of clients; a server may overlook two that agree."""

    surface = "identity"
    misses = ("oauth/client/two-methods-at-once-are-refused",)

    def presented_credentials(
        self, original: Callable[[Request, dict[str, str]], Any], request: Request, form: dict[str, str]
    ) -> Any:
        if "authorization" not in request.headers or "client_secret" not in form:
            return original(request, form)
        by_header = original(request, {name: form[name] for name in form if not name.startswith("client_")})
        same = by_header == (form.get("client_id"), form["client_secret"])
        return by_header if same else original(request, form)


class WindowsOfTheClock(Variant):
    """RFC 6585 section 4 leaves open how requests are counted: here in windows that begin at full seconds."""

    surface = "identity"

    def seconds_until_allowed(
        self, original: Callable[[Client, int, float], float], client: Client, requests: int, seconds: float
    ) -> float:
        surface = surface_of(original)
        window, now = surface.window_of(client), surface.monotonic()
        begun = now - now % seconds
        while window and window[0] < begun:
            window.popleft()
        return begun + seconds - now if len(window) >= requests else 0.0


class LimitOfTheOrganization(LimitShared, Variant):
    """The former API pages: "Rate limits per organization": its other credentials wait as well."""

    surface = "identity"
