"""Identity services beside whose endpoints people find pages, and one that goes by its own defaults."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import Client

SERVED = ("/api/", "/oauth/", "/.well-known/")
Granted = Callable[[Client, str | None], tuple[str, ...]]


def portal(request: Request) -> Answer:
    """The portal's one page."""
    page = Answer(200, body=b"<html><title>Portal</title></html>" if request.method == "GET" else b"")
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    return page


class TokenEndpointLeadsToALogin(Variant):
    """RFC 9110 section 15.4: who comes to the token endpoint by another method is sent to where people log in."""

    surface = "identity"

    def oauth_method_refused(self, original: Callable[[str], Answer], allowed: str) -> Answer:
        answer = Answer(302)
        answer.headers["Location"] = "/login"
        return answer


class DefaultScopeIsGrantedToo(Variant):
    """RFC 6749 section 3.3: another scope than was asked for may be granted, and is stated: a default beside it."""

    surface = "identity"
    alone = True

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*client.scopes[:1], *original(client, asked)]))


class PortalIsShownElsewhere(Variant):
    """RFC 9110 section 9.3.1: where no service is, the portal's one page is shown, and finds its way by itself."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        served = request.raw_path.startswith(SERVED) or "token" in request.raw_path
        return None if served or request.method not in ("GET", "HEAD") else portal(request)


class TokenEndpointShowsAPage(Variant):
    """RFC 9110 section 9.3.1: GET of the token endpoint shows the portal's one page, and issues nothing."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        if not is_token_request(request) or request.method not in ("GET", "HEAD"):
            return None
        return portal(request)


class UnknownScopesStandForTheDefault(Variant):
    """RFC 6749 section 3.3: what is ignored whole is as omitted, and the default that is granted then is stated."""

    surface = "identity"

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        surface = surface_of(original)
        if asked is None or not surface.is_scope(asked):
            return original(client, asked)
        known = tuple(each for each in surface.split_scopes(asked) if each in client.scopes)
        return known or surface.default_scopes(client)[:1]
