"""Variants of the token endpoint."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import variant
from conformance.reference.seeds import Client
from conformance.reference.support.identity import surface_of

MOST_AT_ONCE, TAKES_S = 2, 0.01

Scopes = tuple[str, ...]

CLIENT_ID = re.compile(rb"client_id=[^&]*")


@variant()
def wrong_token_content_type_is415(token_form: Any, request: Request) -> dict[str, str]:
    """RFC 9110 section 15.5.16: 415 for a token request that is not a form."""
    surface = surface_of(token_form)
    if not surface.is_form(request):
        raise Refused(surface.oauth_error(415, "invalid_request", "the content type is not a form"))
    return token_form(request)


@variant()
def unknown_parameter_may_repeat(may_repeat: Any, name: str) -> bool:
    """RFC 6749 section 3.2: unrecognized parameters are ignored, even if repeated."""
    return may_repeat(name) or name not in ("grant_type", "client_id", "client_secret", "scope")


@variant(misses=("oauth/response/lifetime-is-stated",))
def lifetime_not_stated(token_document: Any, *given: Any) -> dict[str, Any]:
    """RFC 6749 section 5.1: expires_in is RECOMMENDED."""
    document = token_document(*given)
    del document["expires_in"]
    return document


@variant(alone=True)
def another_scope_is_granted_too(granted_scopes: Any, client: Client, requested: str | None) -> Scopes:
    """RFC 6749 section 3.3: a server may grant another scope than requested, and states it; here one more."""
    return tuple(dict.fromkeys([*granted_scopes(client, requested), *client.scopes[-1:]]))


@variant(state=Counter)
async def two_token_requests_at_once(under_way: Counter[str], token: Any, request: Request) -> Answer:
    """The contract's table of errors: 429 for more than a number of concurrent token requests."""
    named = CLIENT_ID.search(request.body)
    asker = request.headers.get("authorization") or (named[0].decode("latin-1") if named else "")
    if under_way[asker] >= MOST_AT_ONCE:
        return surface_of(token).limit_exceeded(1)
    under_way[asker] += 1
    try:
        await asyncio.sleep(TAKES_S)
        return await token(request)
    finally:
        under_way[asker] -= 1


@variant(alone=True)
def default_scope_is_granted_too(granted_scopes: Any, client: Client, requested: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: a server may grant its default scope too, and states it."""
    return tuple(dict.fromkeys([*client.scopes[:1], *granted_scopes(client, requested)]))


@variant()
def unknown_scopes_stand_for_the_default(granted_scopes: Any, client: Client, requested: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: a request with unknown scopes only gets the default scope, which is stated."""
    surface = surface_of(granted_scopes)
    if requested is None or not surface.is_scope(requested):
        return granted_scopes(client, requested)
    known = tuple(each for each in surface.split_scopes(requested) if each in client.scopes)
    return known or surface.default_scopes(client)[:1]


@variant(misses=("oauth/token/scope-may-be-left-out",))
def scope_must_be_named(default_scopes: Any, client: Client) -> Scopes:
    """RFC 6749 section 3.3: a request without scope may be refused as invalid_scope."""
    raise Refused(surface_of(default_scopes).oauth_error(400, "invalid_scope", "name the scope"))


class UnknownScopesAreIgnored(Variant):
    """RFC 6749 section 3.3: a scope may be ignored in part or whole; a grant without scopes states none."""

    def granted_scopes(self, original: Any, client: Client, requested: str | None) -> Scopes:
        if requested is None:
            return original(client, requested)
        return tuple(scope for scope in client.scopes if scope in requested.split(" "))

    def token_document(self, original: Any, *given: Any) -> dict[str, Any]:
        document = original(*given)
        return document if document["scope"] else {name: document[name] for name in document if name != "scope"}
