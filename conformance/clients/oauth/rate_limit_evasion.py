"""Ways in which one client asks for a token as if it were several, or others: a limit counts them all."""

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
    "other-fields": lambda oauth, role: oauth.post(oauth.form(role), (FORM_TYPE, *_of_another_caller())),
    "query": lambda oauth, role: oauth.post(
        [*oauth.form(role), ("cf", f"{random.random()}")], query=f"?{random.random()}"
    ),
    "spelling": lambda oauth, role: _at_a_spelling(oauth).request_token(role),
}


def _at_a_spelling(oauth: OAuthClient) -> OAuthClient:
    """The token endpoint by its path with other letters encoded each time, which means the same (RFC 3986, 6.2.2.2)."""
    spelt = "".join(
        f"%{ord(each):02X}" if each.isalpha() and random.random() < 0.5 else each for each in oauth.identity.token_path
    )
    return OAuthClient(oauth.identity.model_copy(update={"token_path": spelt}), oauth.http)


def _of_another_caller() -> list[tuple[str, str]]:
    """Fields by which callers are told apart, each of a new one."""
    address = f"192.0.2.{random.randrange(1, 255)}"
    names = ("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP")
    agent = ("User-Agent", f"cf-{random.randrange(10**6)}")
    return [*((name, address) for name in names), ("Forwarded", f"for={address}"), agent]
