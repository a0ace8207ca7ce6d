"""Defects in what is looked at in one way of asking and not in another: by Basic, by writes, on a page."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.defects.identity.token_requests import as_form
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Form = dict[str, str]
Pairs = list[tuple[str, str]]


class ScopesByBasicUnchecked(Defect):
    """API Reference, Permissions: a token never has a scope beyond its credential, however that was shown."""

    surface = "identity"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted",)
    by_basic = False

    def token_form(self, original: Callable[[Request], Form], request: Request) -> Form:
        self.by_basic = "authorization" in request.headers
        return original(request)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return self.by_basic or original(client, scopes)


class TokenByGetAndBasic(Defect):
    """RFC 6749 section 3.2: the client MUST use POST, also where its credentials are in the Authorization field."""

    surface = "identity"
    noticed_by = ("oauth/token/only-post-issues-tokens",)

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        if request.method == "GET" and "authorization" in request.headers:
            return await original(as_form(request, request.query_string.encode("latin-1")))
        return await original(request)


class EmptySecretIsAMethod(Defect):
    """RFC 6749 section 3.2: a parameter without a value is treated as omitted, an empty secret beside Basic too."""

    surface = "identity"
    noticed_by = ("oauth/token/empty-parameters-count-as-omitted",)
    present = False

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        self.present = any(name == "client_secret" for name, _ in pairs)
        return original(pairs)

    def authenticates_twice(
        self, original: Callable[[list[str], Form], bool], authorization: list[str], form: Form
    ) -> bool:
        return original(authorization, form) or bool(authorization and self.present)


class EmptyIdIsAnotherClient(Defect):
    """RFC 6749 section 3.2: a parameter without a value is treated as omitted, an empty id beside Basic too."""

    surface = "identity"
    noticed_by = ("oauth/token/empty-parameters-count-as-omitted",)

    def with_values(self, original: Callable[[Pairs], Pairs], pairs: Pairs) -> Pairs:
        return [*original(pairs), *(pair for pair in pairs if pair == ("client_id", ""))]


class IdBesideBasicIsAMethod(Defect):
    """RFC 6749 section 3.2.1: a client MAY name itself by client_id, which proves nothing and is no second method."""

    surface = "identity"
    noticed_by = ("oauth/client/id-may-be-repeated-beside-basic",)

    def authenticates_twice(
        self, original: Callable[[list[str], Form], bool], authorization: list[str], form: Form
    ) -> bool:
        return original(authorization, form) or bool(authorization and "client_id" in form)


class RevokedCredentialGetsItsDefault(Defect):
    """Credentials: a revoked credential gets no token, also where it is not asked for a scope."""

    surface = "identity"
    noticed_by = ("authorization/revocation/no-new-token",)
    asks = False

    def token_form(self, original: Callable[[Request], Form], request: Request) -> Form:
        form = original(request)
        self.asks = "scope" in form
        return form

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        return self.asks and original(client)


class ClientIdByBasicFolded(Defect):
    """RFC 6749 section 2.2: a client identifier is compared exactly, within Basic as well."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        client_id, secret = original(authorization, form)
        return client_id.lower(), secret


class EmptyPageFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx (the number of pages of no length)."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "division by zero"}) if request.parameter("limit") == "0" else None


class PageBeyondTheLastFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, or an empty page, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter",)

    def intercept(self, request: Request) -> Answer | None:
        offset = request.parameter("offset") or ""
        beyond = offset.isdecimal() and 1000 < int(offset) < 2**63
        return Answer.json(500, {"error": "list index out of range"}) if beyond else None


class HugeOffsetFails(Defect):
    """The contract's table of errors: 400 for a number that no page has, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter",)

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
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error",)
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


class TokensByBasicOutliveRevocation(_TokensOfBasic):
    """Credentials: every token issued with a revoked credential becomes invalid, however it was asked for."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        lasting = claims.get("jti") in self.noted
        return surface_of(original).clients.get(claims["client_id"]) if lasting else original(claims)


class FourScopesAloneChecked(Defect):
    """API Reference, Permissions: each scope that is asked for is one of the credential's, the fifth as well."""

    surface = "identity"
    noticed_by = ("oauth/scope/unknown-is-not-granted",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, scopes[:4])


class OtherEncodingIsQuoted(Defect):
    """OWASP API8: an error never repeats the client secret, though it stands in a body that cannot be read."""

    surface = "identity"
    noticed_by = ("oauth/errors/secret-is-not-repeated",)

    def token_form(self, original: Callable[[Request], Form], request: Request) -> Form:
        if "json" not in request.headers.get("content-type", ""):
            return original(request)
        read = request.body.decode("latin-1").replace('"', "'")
        raise Refused(surface_of(original).oauth_error(400, "invalid_request", f"Unexpected token in {read}"))


class RefusedAddressIsQuoted(Defect):
    """OWASP API8: an error never repeats the client secret, though it be the address that is wrong."""

    surface = "identity"
    noticed_by = ("oauth/errors/secret-is-not-repeated",)

    def oauth_method_refused(self, original: Callable[[str], Answer], allowed: str) -> Answer:
        return edited(original(allowed), lambda document: document.update(error_description=f"not {self.asked}"))

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        self.asked = f"{request.method} {request.raw_path}?{request.query_string}"
        return await original(request)


class RevokedTokenFindsNothingModified(Defect):
    """Credentials: no token of a revoked credential tells anything, which a copy being the present one is as well."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)
    conditional = False

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return surface_of(original).clients.get(claims["client_id"]) if self.conditional else original(claims)


class ChallengeOfCredentialsAlone(Defect):
    """RFC 9110 section 15.5.2: a 401 carries a challenge, that to who has shown no credentials above all."""

    surface = "identity"
    noticed_by = ("oauth/client/401-carries-a-challenge",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        shown = "authorization" in request.headers or b"client_secret" in request.body
        if request.raw_path == "/oauth/token" and answer.status == 401 and not shown:
            del answer.headers["WWW-Authenticate"]
        return answer


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


class TwentyTokensAtMost(Defect):
    """RFC 6749 section 5.1: expires_in is the lifetime of the token, whatever others its client is given meanwhile."""

    surface = "identity"
    noticed_by = ("oauth/tokens/further-ones-end-none",)

    def __init__(self) -> None:
        self.kept: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=20))

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        self.kept[claims["client_id"]].append(claims["jti"])
        return original(claims)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return original(claims) if claims.get("jti") in self.kept[str(claims.get("client_id"))] else None


class LongOrganizationCrashes(Defect):
    """The contract's table of errors: 404 for an organization that is not there, never a 5xx (a column of 255)."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-path-is-a-server-error",)
    crashes = (LookupError,)

    def visible_organization(
        self, original: Callable[[Caller, str | None], Organization], caller: Caller, slug: str | None
    ) -> Organization:
        if slug and len(slug) > 255:
            raise LookupError("no row is that wide")
        return original(caller, slug)


class TakenSlugTellsStrangers(Defect):
    """The contract's table of errors: what another organization has is not told by 409 in place of 404."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-paths-open-nothing",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        surface = surface_of(original)
        if request.method == "POST" and surface.route(segments) == "projects":
            caller, there = surface.caller(request), surface.organizations.get(str(segments[3]))
            surface.require_scope(caller, "project:write")
            if there and any(f'"{slug}"'.encode() in request.body for slug in there.projects):
                return surface.conflict("The slug is taken.")
        return await original(request, segments)
