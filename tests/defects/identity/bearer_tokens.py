"""Defects of bearer tokens.

They break these promises:

- A request without a valid token is answered 401.
- A 401 or 403 response says what is missing (RFC 6750 section 3).
- A token is accepted only in the Authorization header.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import parse_qs

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Segments
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import SCOPES, Client
from conformance.reference.support.identity import is_api_request, surface_of
from tests.defects.support.common import server_error_page
from tests.defects.support.identity import InPages, offset_of, unverified

Claims = dict[str, Any]

ROWS = (
    row(
        "junk-after-token-accepted",
        "RFC 6750 section 2.1: text after the token is ignored.",
        "authorization/bearer/malformed-field-is-refused#junk-behind,two-tokens",
        chosen_authorization=lambda original, authorization: " ".join(original(authorization).split()[:2]),
    ),
    row(
        "bare-scheme-challenges",
        "RFC 6750 section 3: the challenge is Bearer without a parameter.",
        "authorization/bearer/401-carries-a-bearer-challenge#no-token,unknown-token",
        challenge=lambda original, error, scope=None: original(error, scope) if scope else "Bearer",
    ),
    row(
        "bad-token-names-no-error",
        "RFC 6750 section 3.1: the challenge to an invalid token has no error.",
        "authorization/bearer/bad-token-is-invalid-token",
        unauthorized=lambda original, error: original(None),
    ),
    row(
        "lacking-scope-names-no-error",
        "RFC 6750 section 3.1: the challenge to a lacking scope has no error.",
        "authorization/bearer/lacking-scope-is-insufficient-scope",
        challenge=lambda original, error, scope=None: original(None if error == "insufficient_scope" else error),
    ),
    row(
        "missing-token-names-error",
        "RFC 6750 section 3.1: the challenge to a missing token has an error.",
        "authorization/bearer/no-token-names-no-error",
        unauthorized=lambda original, error: original(error or "invalid_token"),
    ),
    row(
        "first-authorization-wins",
        "RFC 9110 section 5.3: of two Authorization fields the first one counts.",
        "authorization/bearer/two-fields-are-refused",
        chosen_authorization=lambda original, authorization: authorization[0],
    ),
)


@defect("authorization/bearer/401-comes-first#body,media-type")
async def body_refused_before_token(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.2: 400 for the body comes before 401 for the token."""
    if request.method in ("POST", "PATCH"):
        surface_of(api).body_object(request)
    return await api(request, segments)


@defect("authorization/bearer/arbitrary-field-is-refused", shortest=1)
def bytes_in_basic_at_the_api_fail(request: Request) -> Answer | None:
    """The contract's table of errors: a Basic field of other bytes than ASCII is answered 500 instead of 401."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return server_error_page() if is_api_request(request) and scheme.lower() == "basic" and not rest.isascii() else None


@defect(
    "authorization/bearer/invalid-token-is-401#6-kb",
    "authorization/bearer/malformed-field-is-refused#40-kb",
    crashes=(MemoryError,),
)
def long_token_crashes(read_access_token: Any, token: str) -> Claims | None:
    """RFC 6750 section 3.1: a long invalid token is answered 500 instead of 401."""
    if len(token) > 4096:
        raise MemoryError("token too long for the column")
    return read_access_token(token)


@defect("authorization/bearer/malformed-field-is-refused#bare-token")
def bare_token_accepted(chosen_authorization: Any, authorization: list[str]) -> str:
    """RFC 6750 section 2.1: a token without the scheme Bearer is accepted."""
    value = chosen_authorization(authorization)
    return value if " " in value else f"Bearer {value}"


class TokenTreatedAsALogin(Defect):
    """API Reference, Authentication: a token is accepted as the username of Basic."""

    noticed_by = ("authorization/bearer/malformed-field-is-refused#user-of-basic",)
    place = 0

    def bearer_token(self, original: Any, request: Request) -> str:
        scheme, _, login = request.headers.get("authorization", "").partition(" ")
        try:
            decoded = base64.b64decode(login, validate=True).decode()
        except ValueError:
            decoded = ""
        return decoded.split(":")[self.place] if scheme == "Basic" and ":" in decoded else original(request)


class TokenTreatedAsAPassword(TokenTreatedAsALogin):
    """API Reference, Authentication: a token is accepted as the password of Basic."""

    noticed_by = ("authorization/bearer/malformed-field-is-refused#password-of-basic",)
    place = 1


@defect("authorization/bearer/malformed-field-is-refused#empty")
def empty_field_deletes(caller: Any, request: Request) -> Caller:
    """The contract's table of errors: an empty Authorization field deletes, although it cannot read."""
    if request.method != "DELETE" or request.headers.get("authorization") != "":
        return caller(request)
    owner = next(each for each in surface_of(caller).clients.values() if each.organization in request.path)
    return Caller(owner, frozenset(SCOPES), {})


@defect("authorization/bearer/malformed-field-is-refused#non-ascii-behind")
def update_by_token_with_a_letter_more(bearer_token: Any, request: Request) -> str:
    """RFC 6750 section 2.1: an update ignores characters beyond ASCII in a token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    plain = "".join(each for each in token if each.isascii())
    return plain if request.method == "PATCH" and scheme == "Bearer" and plain != token else bearer_token(request)


@defect("authorization/bearer/malformed-field-is-refused#no-blank")
def blank_after_the_scheme_optional(chosen_authorization: Any, authorization: list[str]) -> str:
    """RFC 9110 section 11.4: the blank between the scheme and the token is optional."""
    return re.sub("^[Bb]earer(?! )", "Bearer ", chosen_authorization(authorization))


class TokenOfAnotherServiceAccepted(Defect):
    """RFC 9068 section 4: a registry token opens an organization: issuer, audience and type are not checked."""

    noticed_by = ("authorization/bearer/registry-token-opens-nothing",)

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        surface = surface_of(original)
        claims = original(token) or unverified(token)
        if claims is None or claims.get("iss") != "nextepoch-reference":
            return original(token)
        account = surface.accounts.get(claims["sub"])
        holders = [client for client in surface.seeds.clients if account and client.organization in account.rights]
        return {**claims, "client_id": holders[0].client_id, "scope": " ".join(SCOPES)} if holders else None

    def issued_since_revocation(self, original: Any, client: Client, claims: Claims) -> bool:
        return "access" in claims or original(client, claims)


@defect("authorization/bearer/invalid-token-is-401#client-secret")
def client_opens_api_by_basic(caller: Any, request: Request) -> Caller:
    """API Reference, Error Handling: the client secret in Basic opens the API instead of a token."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        client_id, _, secret = base64.b64decode(encoded).decode("latin-1").partition(":")
        client = surface_of(caller).clients.get(client_id)
        if client and client.secret == secret:
            return Caller(client, frozenset(client.scopes), {})
    return caller(request)


@defect("authorization/bearer/invalid-token-is-401#client-secret")
def secret_accepted_as_token(read_access_token: Any, token: str) -> Any:
    """The contract's table of errors: a client secret is accepted as a token."""
    surface = surface_of(read_access_token)
    for client in surface.clients.values():
        if client.secret == token:
            return read_access_token(surface.make_access_token(surface.access_token_claims(client, client.scopes)))
    return read_access_token(token)


@defect(
    "authorization/matrix/no-token-is-401#create,delete,read,read-item,update",
    "errors/401/missing-or-invalid-token#missing",
)
def missing_token_is403(unauthorized: Any, error: str | None) -> Answer:
    """The contract's table of errors: a missing token is answered 403."""
    answer = unauthorized(error)
    answer.status = answer.status if error else 403
    return answer


class FurtherPagesNeedNoToken(InPages, Defect):
    """The contract's table of errors: each page of a list after the first needs no token."""

    noticed_by = (
        "authorization/matrix/no-token-is-401#second-page",
        "authorization/matrix/other-organization-is-refused#second-page",
        "authorization/matrix/lacking-scope-is-403#second-page",
    )

    async def api(self, original: Any, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if surface.route(segments) != "members" or not offset_of(surface, request):
            return await original(request, segments)
        return surface.listing(request, list(surface.organizations[str(segments[3])].members))


@defect(
    "errors/401/missing-or-invalid-token#invalid",
    "authorization/matrix/unknown-token-is-401#create,delete,read,read-item,update",
    "authorization/bearer/invalid-token-is-401#altered,case-changed,cut,doubled,extended,first-cut,many-dots,null",
    "authorization/bearer/invalid-token-is-401#sql,three-dots,two-dots,undefined,unknown",
)
def bad_token_is403(unauthorized: Any, error: str | None) -> Answer:
    """The contract's table of errors: an invalid token is answered 403."""
    answer = unauthorized(error)
    answer.status = 403 if error else answer.status
    return answer


@defect("authorization/bearer/challenge-is-well-formed#lacking-scope,unknown-token")
def challenge_leaves_text_open(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 9110 section 11.6.1: a quoted string in the challenge has no closing quotation mark."""
    return challenge(error, scope) + (', error_description="See the documentation.' if error else "")


@defect("authorization/bearer/challenge-names-the-missing-scope")
def challenge_names_scope_at_hand(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 6750 section 3.1: the challenge names another scope than the necessary one."""
    return challenge(error, scope and ("member:read" if scope == "organization:read" else "organization:read"))


class SessionOfTheFirstCaller(Defect):
    """The contract's table of errors: a cookie from an earlier response opens the API instead of a token."""

    noticed_by = ("authorization/bearer/cookie-is-no-token",)
    name = "session"

    def bearer_token(self, original: Any, request: Request) -> str:
        found = re.search(rf"\b{self.name}=([^;]+)", request.headers.get("cookie", ""))
        return found[1] if found and "authorization" not in request.headers else original(request)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        if is_api_request(request) and answer.status == 200 and token:
            answer.headers.append("Set-Cookie", f"{self.name}={token}; Path=/; HttpOnly")
        return answer


@defect("authorization/bearer/unknown-origin-is-not-allowed#begins-like-ours,ends-like-ours,null,unknown")
def any_origin_is_let_in(request: Request, answer: Answer) -> Answer:
    """OWASP API8: every origin may read with credentials."""
    if is_api_request(request) and "origin" in request.headers:
        answer.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
        answer.headers["Access-Control-Allow-Credentials"] = "true"
    return answer


@defect("authorization/bearer/token-in-a-form-is-refused#get")
def token_in_body_accepted(bearer_token: Any, request: Request) -> str:
    """API Reference, Authentication: a token in a form body is accepted."""
    form = parse_qs(request.body.decode("latin-1"))
    return form["access_token"][0] if "access_token" in form else bearer_token(request)


@defect("authorization/bearer/token-in-the-query-is-refused#other-names")
def token_in_query_under_other_name(bearer_token: Any, request: Request) -> str:
    """RFC 9700 section 4.3.2: a token in the query is accepted under another name."""
    return request.parameter("jwt") or request.parameter("auth_token") or bearer_token(request)


class DeletionByTokenInTheQuery(Defect):
    """RFC 6750 section 2: a deletion accepts a token in the query."""

    noticed_by = ("authorization/bearer/token-in-the-query-is-refused#access-token",)
    deletes = False

    def bearer_token(self, original: Any, request: Request) -> str:
        self.deletes = request.method == "DELETE"
        return (self.deletes and request.parameter("access_token")) or original(request)

    def token_in_query(self, original: Any, request: Request) -> bool:
        return not self.deletes and original(request)
