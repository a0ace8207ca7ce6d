"""Token requests of one client that look like those of several: a rate limit must count them all."""

from __future__ import annotations

import random
from collections.abc import Callable

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient
from conformance.vocabulary.exchange import Exchange

EVASIONS: dict[str, Callable[[OAuthClient, str], Exchange]] = {
    "forwarded-for": lambda oauth, role: oauth.post(
        oauth.form(role), (FORM_TYPE, ("X-Forwarded-For", f"192.0.2.{random.randrange(1, 255)}"))
    ),
    "basic": lambda oauth, role: oauth.request_by_basic(role),
    "other-fields": lambda oauth, role: oauth.post(oauth.form(role), (FORM_TYPE, *_caller_fields())),
    "query": lambda oauth, role: oauth.post(
        [*oauth.form(role), ("cf", f"{random.random()}")], query=f"?{random.random()}"
    ),
    "spelling": lambda oauth, role: _at_equivalent_path(oauth).request_token(role),
}


def _at_equivalent_path(oauth: OAuthClient) -> OAuthClient:
    """Return a client whose token path has random letters percent-encoded, which is equivalent (RFC 3986, 6.2.2.2)."""
    path = "".join(
        f"%{ord(each):02X}" if each.isalpha() and random.random() < 0.5 else each for each in oauth.identity.token_path
    )
    return OAuthClient(oauth.identity.model_copy(update={"token_path": path}), oauth.http)


def _caller_fields() -> list[tuple[str, str]]:
    """Return the header fields that identify callers, with new values."""
    address = f"192.0.2.{random.randrange(1, 255)}"
    names = ("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP")
    agent = ("User-Agent", f"cf-{random.randrange(10**6)}")
    return [*((name, address) for name in names), ("Forwarded", f"for={address}"), agent]
