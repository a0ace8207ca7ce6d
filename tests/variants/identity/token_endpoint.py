"""Variants of token endpoint."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.support.identity import surface_of

Granted = Callable[[Client, str | None], tuple[str, ...]]
Scopes = tuple[str, ...]

CLIENT_ID = re.compile(rb"client_id=[^&]*")


class WrongTokenContentTypeIs415(Variant):
    """RFC 9110 section 15.5.16: 415 for a token request that is no form."""

    surface = "identity"

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        surface = surface_of(original)
        if not surface.is_form(request):
            raise Refused(surface.oauth_error(415, "invalid_request", "the content type is not a form"))
        return original(request)


class UnknownParameterMayRepeat(Variant):
    """RFC 6749 section 3.2: parameters that are not recognized are ignored, however often they come."""

    surface = "identity"

    def may_repeat(self, original: Callable[[str], bool], name: str) -> bool:
        return original(name) or name not in ("grant_type", "client_id", "client_secret", "scope")


class LifetimeNotStated(Variant):
    """RFC 6749 section 5.1: expires_in is RECOMMENDED."""

    surface = "identity"
    misses = ("oauth/answer/lifetime-is-stated",)

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        del document["expires_in"]
        return document


class AnotherScopeIsGrantedToo(Variant):
    """RFC 6749 section 3.3: another scope than was asked for may be granted, and is stated, here the last besides."""

    surface = "identity"
    alone = True

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        return tuple(dict.fromkeys([*original(client, asked), *client.scopes[-1:]]))


class TwoTokenRequestsAtOnce(Variant):
    """The contract's table of errors: 429 for who asks for more tokens at one moment than so many."""

    surface = "identity"
    most, takes_s = 2, 0.01

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        named = CLIENT_ID.search(request.body)
        asker = request.headers.get("authorization") or (named[0].decode("latin-1") if named else "")
        if self.under_way[asker] >= self.most:
            return surface_of(original).limit_exceeded(1)
        self.under_way[asker] += 1
        try:
            await asyncio.sleep(self.takes_s)
            return await original(request)
        finally:
            self.under_way[asker] -= 1


class DefaultScopeIsGrantedToo(Variant):
    """RFC 6749 section 3.3: another scope than was asked for may be granted, and is stated: a default beside it."""

    surface = "identity"
    alone = True

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*client.scopes[:1], *original(client, asked)]))


class UnknownScopesStandForTheDefault(Variant):
    """RFC 6749 section 3.3: what is ignored whole is as omitted, and the default that is granted then is stated."""

    surface = "identity"

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        surface = surface_of(original)
        if asked is None or not surface.is_scope(asked):
            return original(client, asked)
        known = tuple(each for each in surface.split_scopes(asked) if each in client.scopes)
        return known or surface.default_scopes(client)[:1]


class ScopeMustBeNamed(Variant):
    """RFC 6749 section 3.3: a request without scope may be refused as invalid_scope, against the page's own example."""

    surface = "identity"
    misses = ("oauth/token/scope-may-be-left-out",)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "name the scope"))


class UnknownScopesAreIgnored(Variant):
    """RFC 6749 section 3.3: a scope may be ignored in part or whole; a grant of nothing states no scope."""

    surface = "identity"

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> Scopes:
        if asked is None:
            return original(client, asked)
        return tuple(scope for scope in client.scopes if scope in asked.split(" "))

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return document if document["scope"] else {name: document[name] for name in document if name != "scope"}
