"""Variants of client authentication."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import variant
from conformance.reference.seeds import Client
from conformance.reference.support.identity import surface_of
from tests.defects.support.identity import LimitShared


@variant()
def client_ids_have_a_form(find_client: Any, client_id: str) -> Client | None:
    """RFC 6749 section 2.2: client ids have the server's own form; another form is malformed.

    A server whose ids are no UUIDs refuses a UUID, which reveals no existing id.
    """
    if not re.fullmatch("[a-z]{2}-[a-z-]+", client_id):
        raise Refused(surface_of(find_client).oauth_error(400, "invalid_request", "the client id is malformed"))
    return find_client(client_id)


class _Locking(Variant):
    """A client is refused for a while after several wrong secrets."""

    most = 0
    seconds = 0.0
    wrong: Counter[str] = Counter()
    until: dict[str, float] = {}

    def authenticated_client(self, original: Any, request: Request, form: dict[str, str]) -> Client:
        surface = surface_of(original)
        client_id, secret = surface.presented_credentials(request, form)
        if self.until.get(client_id, 0.0) > time.monotonic():
            raise Refused(surface.client_refused("locked"))
        if surface.secret_matches(surface.find_client(client_id), secret):
            self._proved(client_id)
        else:
            self.wrong[client_id] += 1
        if self.wrong[client_id] >= self.most:
            self.until[client_id] = time.monotonic() + self.seconds
            del self.wrong[client_id]
        return original(request, form)

    def _proved(self, requested: str) -> None:
        """Update the count after a correct secret."""


class LockedAfterWrongSecrets(_Locking):
    """RFC 6749 section 2.3.1: several wrong secrets in a row lock the client, even for the right secret."""

    most, seconds = 5, 30.0

    def _proved(self, requested: str) -> None:
        del self.wrong[requested]


class LockedForAMoment(_Locking):
    """RFC 6749 section 2.3.1: frequent wrong secrets lock the client for a moment."""

    alone = True
    most, seconds = 25, 0.5


@variant(misses=("oauth/client/basic-is-accepted",))
def clients_have_one_method(credentials_of_header: Any, authorization: str, form: dict[str, str]) -> tuple[str, str]:
    """RFC 7591 section 2: a client that is registered for one authentication method may not use another."""
    credentials_of_header(authorization, form)
    raise Refused(surface_of(credentials_of_header).client_refused("registered for client_secret_post"))


@variant(misses=("oauth/client/two-methods-at-once-are-refused",))
def both_authentications_may_agree(presented_credentials: Any, request: Request, form: dict[str, str]) -> Any:
    """RFC 6749 section 2.3: a server may accept two authentication methods with equal credentials."""
    if "authorization" not in request.headers or "client_secret" not in form:
        return presented_credentials(request, form)
    by_header = presented_credentials(request, {name: form[name] for name in form if not name.startswith("client_")})
    same = by_header == (form.get("client_id"), form["client_secret"])
    return by_header if same else presented_credentials(request, form)


@variant()
def windows_of_the_clock(seconds_until_allowed: Any, client: Client, requests: int, seconds: float) -> float:
    """RFC 6585 section 4: the way of counting requests is open, here in windows that begin at full seconds."""
    surface = surface_of(seconds_until_allowed)
    window, now = surface.window_of(client), surface.monotonic()
    begun = now - now % seconds
    while window and window[0] < begun:
        window.popleft()
    return begun + seconds - now if len(window) >= requests else 0.0


class LimitOfTheOrganization(LimitShared, Variant):
    """The former API pages: rate limits are per organization, so all its credentials wait."""


@variant()
def unreadable_basic_is400(client_refused: Any, reason: str) -> Answer:
    """RFC 6749 section 5.2: malformed Basic credentials are 400 invalid_request, which needs no challenge."""
    answer = client_refused(reason)
    return (
        surface_of(client_refused).oauth_error(400, "invalid_request", "malformed") if reason == "malformed" else answer
    )
