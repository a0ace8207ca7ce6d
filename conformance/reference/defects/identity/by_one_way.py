"""Defects in what is looked at in one way of asking and not in another: by Basic, by writes, on a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Organization, Project
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Form = dict[str, str]


class IdBesideBasicIsAMethod(Defect):
    """RFC 6749 section 3.2.1: a client MAY name itself by client_id, which proves nothing and is no second method."""

    surface = "identity"
    noticed_by = ("oauth/client/id-may-be-repeated-beside-basic",)

    def authenticates_twice(
        self, original: Callable[[list[str], Form], bool], authorization: list[str], form: Form
    ) -> bool:
        return original(authorization, form) or bool(authorization and "client_id" in form)


class EmptyPageFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx (the number of pages of no length)."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter#limit-zero",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "division by zero"}) if request.parameter("limit") == "0" else None


class PageBeyondTheLastFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, or an empty page, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter#offset-beyond",)

    def intercept(self, request: Request) -> Answer | None:
        offset = request.parameter("offset") or ""
        beyond = offset.isdecimal() and 1000 < int(offset) < 2**63
        return Answer.json(500, {"error": "list index out of range"}) if beyond else None


class HugeOffsetFails(Defect):
    """The contract's table of errors: 400 for a number that no page has, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter#offset-huge",)

    def intercept(self, request: Request) -> Answer | None:
        offset = request.parameter("offset") or ""
        huge = offset.isdecimal() and int(offset) >= 2**63
        return Answer.json(500, {"error": "bigint out of range"}) if huge else None


class OtherSecretByBasicAccepted(Defect):
    """RFC 6749 section 5.2: a secret proves its own client, and no other, within Basic as well."""

    surface = "identity"
    noticed_by = ("oauth/client/other-clients-secret-is-refused",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        client_id, secret = original(authorization, form)
        clients: dict[str, Client] = surface_of(original).clients
        known = client_id in clients and any(secret == each.secret for each in clients.values())
        return client_id, clients[client_id].secret if known else secret


class BasicFieldEchoed(Defect):
    """OWASP API8: an error never repeats the client secret, in base64 neither."""

    surface = "identity"
    noticed_by = ("oauth/errors/wrong-secret-is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        sent = request.headers.get("authorization", "")
        if answer.status != 401 or not sent.startswith("Basic "):
            return answer
        return edited(answer, lambda document: document.update(error_description=f"cannot accept {sent}"))


class BodyOfNoTypeFails(Defect):
    """The contract's table of errors: a body without a Content-Type is refused or read, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/hostile-headers-are-no-server-error#create-of-no-type",
        "errors/5xx/hostile-headers-are-no-server-error#update-of-no-type",
    )
    crashes = (KeyError,)

    def body_object(self, original: Callable[[Request], Claims], request: Request) -> Claims:
        if "content-type" not in request.headers:
            raise KeyError("content-type")
        return original(request)


class _TokensOfBasic(Defect):
    """Notes which tokens were got by Basic."""

    by_basic = False

    def __init__(self) -> None:
        self.noted: set[str] = set()

    def token_form(self, original: Callable[[Request], Form], request: Request) -> Form:
        self.by_basic = "authorization" in request.headers
        return original(request)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        if self.by_basic:
            self.noted.add(claims["jti"])
        return original(claims)


class TokensOfBasicOpenNothing(_TokensOfBasic):
    """RFC 6749 section 7: a token is used at the resource server, however its client has shown who it is."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-is-accepted",)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return None if claims.get("jti") in self.noted else original(claims)


class RefusedAddressIsQuoted(Defect):
    """OWASP API8: an error never repeats the client secret, though it be the address that is wrong."""

    surface = "identity"
    noticed_by = ("oauth/errors/secret-is-not-repeated#by-get",)

    def oauth_method_refused(self, original: Callable[[str], Answer], allowed: str) -> Answer:
        return edited(original(allowed), lambda document: document.update(error_description=f"not {self.asked}"))

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        self.asked = f"{request.method} {request.raw_path}?{request.query_string}"
        return await original(request)


class RevokedTokenFindsNothingModified(Defect):
    """Credentials: no token of a revoked credential tells anything, which a copy being the present one is as well."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid#in-use",)
    conditional = False

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return surface_of(original).clients.get(claims["client_id"]) if self.conditional else original(claims)


class NotModifiedMayBeShared(Defect):
    """RFC 9111 section 4.3.4: what a 304 says of sharing a shared cache notes with what it has stored."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-tells-its-fields",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer


class EmptyTextsAreNotWritten(Defect):
    """RFC 5789 section 2: a PATCH is applied whole; here a text of no letters is taken for one that was not sent."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written",)

    def apply(
        self, original: Callable[[Project, dict[str, Any]], None], project: Project, changes: dict[str, Any]
    ) -> None:
        original(project, {name: value for name, value in changes.items() if value != ""})


class LongOrganizationCrashes(Defect):
    """The contract's table of errors: 404 for an organization that is not there, never a 5xx (a column of 255)."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-path-is-a-server-error#long",)
    crashes = (LookupError,)

    def visible_organization(
        self, original: Callable[[Caller, str | None], Organization], caller: Caller, slug: str | None
    ) -> Organization:
        if slug and len(slug) > 255:
            raise LookupError("no row is that wide")
        return original(caller, slug)
