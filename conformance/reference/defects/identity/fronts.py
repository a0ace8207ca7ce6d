"""Defects of a guard in front of the organization APIs: what it does not see, and what it exempts from its look."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import path_segments
from conformance.reference.seeds import SCOPES

Callers = Callable[[Request], Caller]


class LineEndIsUnguarded(Defect):
    """OWASP API5: nor by a line end behind a path, which no dot of a pattern stands for."""

    surface = "identity"
    noticed_by = ("authorization/isolation/path-tricks-open-nothing#line-end",)
    unseen, meant = "%0a$", ""

    async def dispatch(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        read = re.sub(self.unseen, self.meant, request.raw_path)
        organization = surface_of(original).organizations.get(str(path_segments(read)[-1]))
        if read != request.raw_path and request.method == "GET" and organization:
            return Answer.json(200, organization.document())
        return await original(request)


class TabIsUnguarded(LineEndIsUnguarded):
    """OWASP API5: nor by a tab behind a path, which is trimmed behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#tab",)
    unseen = "%09$"


class EncodedDotIsUnguarded(LineEndIsUnguarded):
    """OWASP API5: nor by a segment of one encoded dot, which is left out behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#encoded-dot",)
    unseen, meant = "/%2e/", "/"


class EncodedHashIsUnguarded(LineEndIsUnguarded):
    """OWASP API5: nor by an encoded fragment, which is cut off behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#encoded-hash",)
    unseen = "%23.*"


class EncodedParameterIsUnguarded(LineEndIsUnguarded):
    """OWASP API5: nor by an encoded path parameter, which is cut off behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#encoded-parameter",)
    unseen = "%3b.*"


class OverlongSlashIsUnguarded(LineEndIsUnguarded):
    """OWASP API5: nor by a slash in two bytes, which is none in UTF-8 (RFC 3629 section 3)."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#overlong-slash",)
    unseen, meant = "%c0%af", "/"


class UnderscoresSeenThrough(Defect):
    """API Reference, Authentication: who calls is told by the token, never by X_Client_Id, which a front passes on."""

    surface = "identity"
    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#underscores",)
    fields: tuple[str, ...] = ("x_client_id", "x_forwarded_user")

    def caller(self, original: Callers, request: Request) -> Caller:
        return self._owner(original) if self._exempt(request) else original(request)

    def _exempt(self, request: Request) -> bool:
        return any(each in request.headers for each in self.fields)

    def _owner(self, original: Callers) -> Caller:
        return Caller(surface_of(original).clients["ct-full"], frozenset(SCOPES), {})


class ClaimsInAFieldBelieved(UnderscoresSeenThrough):
    """API Reference, Authentication: nor by claims in a field, with which a gateway hands on what it has verified."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#claims",)
    fields = ("x-userinfo", "x-apigateway-api-userinfo", "x-jwt-payload")


class PreflightSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: a GET needs its token, though it has the fields of a preflight."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#preflight",)
    fields = ("access-control-request-method",)


class UpgradeSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: a GET needs its token, though it would go on as a WebSocket."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#upgrade",)

    def _exempt(self, request: Request) -> bool:
        return request.headers.get("upgrade") == "websocket"


class ProberSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: a token is asked of whatever program, one that looks how things are included."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#prober",)

    def _exempt(self, request: Request) -> bool:
        return request.headers.get("user-agent", "").startswith("kube-probe/")


class DroppedFieldSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: no field that Connection has a proxy drop is the mark of the guard's look."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#connection",)

    def _exempt(self, request: Request) -> bool:
        return "x-auth-token" in request.headers.get("connection", "").lower()


class AddressThatIsNoneSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: where an address cannot be read, a token is asked for all the same."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#address",)

    def _exempt(self, request: Request) -> bool:
        return re.search("[g-z]", request.headers.get("x-forwarded-for", "")) is not None


class TokenInQueryUnderOtherName(Defect):
    """RFC 9700 section 4.3.2: access tokens MUST NOT be sent in the query of a URI, by whatever name."""

    surface = "identity"
    noticed_by = ("authorization/bearer/token-in-the-query-is-refused#other-names",)

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        return request.parameter("jwt") or request.parameter("auth_token") or original(request)


class MethodInFormHonoured(Defect):
    """API Reference, Permissions: a scope to read does not write, whatever a form says of the method."""

    surface = "identity"
    noticed_by = ("authorization/matrix/method-override-is-ignored#form",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        surface = surface_of(original)
        if request.body != b"_method=DELETE" or surface.route(segments) != "project":
            return await original(request, segments)
        caller = surface.caller(request)
        organization = surface.visible_organization(caller, segments[3])
        return await surface.delete_project(Call(request, caller, organization, segments[5]))


class PutMakesWhatIsNotThere(Defect):
    """OWASP API5: what a framework offers beside the documented methods creates nothing for who may only read."""

    surface = "identity"
    noticed_by = ("authorization/matrix/another-method-is-no-way-in#put-of-what-is-not-there",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        surface = surface_of(original)
        if request.method != "PUT" or surface.route(segments) != "project":
            return await original(request, segments)
        organization = surface.visible_organization(surface.caller(request), segments[3])
        if surface.find_project(organization, segments[5]) or not surface.is_slug(segments[5]):
            return await original(request, segments)
        made = surface.new_project(organization, {"slug": segments[5], "name": "Made"})
        await surface.create_project(organization, made)
        return surface.shown(made, 201)


class ListOfParameterCrashes(Defect):
    """The contract's table of errors: a list where a text is meant is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/client/hostile-credentials-are-no-server-error#list-of-client_ids",)

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        if re.match(rb"(.*&)?(client_id|grant_type)(\[\]|%5B%5D)=", request.body):
            raise Refused(failed())
        return original(request)


class InfiniteVersionCrashes(Defect):
    """The contract's table of errors: a number beyond all that a double holds is no reason for a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/heavy-bodies-are-no-server-error#huge-number-create",
        "errors/5xx/heavy-bodies-are-no-server-error#huge-number-update",
    )

    def body_object(self, original: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
        if re.search(rb"[0-9][eE][0-9]{3}", request.body):
            raise Refused(failed())
        return original(request)


def failed() -> Answer:
    """What a fault of the service's own is told as."""
    return Answer.json(500, {"error": {"code": "internal", "message": "Something went wrong."}})
