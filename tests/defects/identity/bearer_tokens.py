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
        "RFC 6750 section 2.1: the credentials are one b64token and nothing behind it.",
        "authorization/bearer/malformed-field-is-refused#junk-behind,two-tokens",
        chosen_authorization=lambda original, authorization: " ".join(original(authorization).split()[:2]),
    ),
    row(
        "bare-scheme-challenges",
        "RFC 6750 section 3: the scheme Bearer is followed by one or more parameters.",
        "authorization/bearer/401-carries-a-bearer-challenge#no-token,unknown-token",
        challenge=lambda original, error, scope=None: original(error, scope) if scope else "Bearer",
    ),
    row(
        "bad-token-names-no-error",
        'RFC 6750 section 3.1: a bad token is error="invalid_token".',
        "authorization/bearer/bad-token-is-invalid-token",
        unauthorized=lambda original, error: original(None),
    ),
    row(
        "lacking-scope-names-no-error",
        'RFC 6750 section 3.1: a token that lacks the scope is error="insufficient_scope".',
        "authorization/bearer/lacking-scope-is-insufficient-scope",
        challenge=lambda original, error, scope=None: original(None if error == "insufficient_scope" else error),
    ),
    row(
        "missing-token-names-error",
        "RFC 6750 section 3.1: where no token was sent the challenge SHOULD NOT name an error.",
        "authorization/bearer/no-token-names-no-error",
        unauthorized=lambda original, error: original(error or "invalid_token"),
    ),
    row(
        "first-authorization-wins",
        "RFC 9110 section 5.3: Authorization is no list; a request with two of them is refused (the first counts).",
        "authorization/bearer/two-fields-are-refused",
        chosen_authorization=lambda original, authorization: authorization[0],
    ),
)


@defect("authorization/bearer/401-comes-first#body,media-type")
async def body_refused_before_token(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.2: 401 comes before 400 for the body."""
    if request.method in ("POST", "PATCH"):
        surface_of(api).body_object(request)
    return await api(request, segments)


@defect("authorization/bearer/arbitrary-field-is-refused", shortest=1)
def bytes_in_basic_at_the_api_fail(request: Request) -> Answer | None:
    """The contract's table of errors: 401 for a Basic field of any bytes."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return server_error_page() if is_api_request(request) and scheme.lower() == "basic" and not rest.isascii() else None


@defect(
    "authorization/bearer/invalid-token-is-401#6-kb",
    "authorization/bearer/malformed-field-is-refused#40-kb",
    crashes=(MemoryError,),
)
def long_token_crashes(read_access_token: Any, token: str) -> Claims | None:
    """RFC 6750 section 3.1: a token of any length that is none of ours is refused with 401, never a 5xx."""
    if len(token) > 4096:
        raise MemoryError("token too long for the column")
    return read_access_token(token)


@defect("authorization/bearer/malformed-field-is-refused#bare-token")
def bare_token_accepted(chosen_authorization: Any, authorization: list[str]) -> str:
    """RFC 6750 section 2.1: the token follows the name of the scheme."""
    value = chosen_authorization(authorization)
    return value if " " in value else f"Bearer {value}"


class TokenTreatedAsALogin(Defect):
    """API Reference, Authentication: a token goes behind Bearer, and is neither name nor password of a login."""

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
    """API Reference, Authentication: nor is it one where the name says what the password is."""

    noticed_by = ("authorization/bearer/malformed-field-is-refused#password-of-basic",)
    place = 1


@defect("authorization/bearer/malformed-field-is-refused#empty")
def empty_field_deletes(caller: Any, request: Request) -> Caller:
    """The contract's table of errors: 401 for a missing token, to whoever deletes as to whoever reads."""
    if request.method != "DELETE" or request.headers.get("authorization") != "":
        return caller(request)
    owner = next(each for each in surface_of(caller).clients.values() if each.organization in request.path)
    return Caller(owner, frozenset(SCOPES), {})


@defect("authorization/bearer/malformed-field-is-refused#non-ascii-behind")
def update_by_token_with_a_letter_more(bearer_token: Any, request: Request) -> str:
    """RFC 6750 section 2.1: a token is of its own characters; none is passed over, in front of an update either."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    plain = "".join(each for each in token if each.isascii())
    return plain if request.method == "PATCH" and scheme == "Bearer" and plain != token else bearer_token(request)


@defect("authorization/bearer/malformed-field-is-refused#no-blank")
def blank_after_the_scheme_optional(chosen_authorization: Any, authorization: list[str]) -> str:
    """RFC 9110 section 11.4: a blank parts scheme and credentials; a field without one is of another scheme."""
    return re.sub("^[Bb]earer(?! )", "Bearer ", chosen_authorization(authorization))


class TokenOfAnotherServiceAccepted(Defect):
    """RFC 9068 section 4: issuer, audience and type are checked; a registry token opens no organization."""

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
    """API Reference, Error Handling: 401 for a missing token; the client's secret in its place is none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        client_id, _, secret = base64.b64decode(encoded).decode("latin-1").partition(":")
        client = surface_of(caller).clients.get(client_id)
        if client and client.secret == secret:
            return Caller(client, frozenset(client.scopes), {})
    return caller(request)


@defect("authorization/bearer/invalid-token-is-401#client-secret")
def secret_accepted_as_token(read_access_token: Any, token: str) -> Any:
    """The contract's table of errors: 401 for an invalid token, and a client secret is none."""
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
    """The contract's table of errors: 401 for a missing token."""
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
    """The contract's table of errors: 401 for an invalid token."""
    answer = unauthorized(error)
    answer.status = 403 if error else answer.status
    return answer


@defect("authorization/bearer/challenge-is-well-formed#lacking-scope,unknown-token")
def challenge_leaves_text_open(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 9110 section 11.6.1: a text in a challenge ends with the quotation mark that it begins with."""
    return challenge(error, scope) + (', error_description="See the documentation.' if error else "")


@defect("authorization/bearer/challenge-names-the-missing-scope")
def challenge_names_scope_at_hand(challenge: Any, error: str | None, scope: str | None = None) -> str:
    """RFC 6750 section 3.1: the scope that a challenge names is the one that is necessary."""
    return challenge(error, scope and ("member:read" if scope == "organization:read" else "organization:read"))


class SessionOfTheFirstCaller(Defect):
    """The contract's table of errors: 401 for a missing token; a cookie that an answer set is none."""

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
    """OWASP API8: whoever asks, of whatever origin, is told that its pages may read with credentials."""
    if is_api_request(request) and "origin" in request.headers:
        answer.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
        answer.headers["Access-Control-Allow-Credentials"] = "true"
    return answer


@defect("authorization/bearer/token-in-a-form-is-refused#get")
def token_in_body_accepted(bearer_token: Any, request: Request) -> str:
    """API Reference, Authentication: the token is sent in the Authorization header, not in a form body."""
    form = parse_qs(request.body.decode("latin-1"))
    return form["access_token"][0] if "access_token" in form else bearer_token(request)


@defect("authorization/bearer/token-in-the-query-is-refused#other-names")
def token_in_query_under_other_name(bearer_token: Any, request: Request) -> str:
    """RFC 9700 section 4.3.2: access tokens MUST NOT be sent in the query of a URI, by whatever name."""
    return request.parameter("jwt") or request.parameter("auth_token") or bearer_token(request)


class DeletionByTokenInTheQuery(Defect):
    """RFC 6750 section 2: a token in the query is refused; here the handler of deletions alone reads it there."""

    noticed_by = ("authorization/bearer/token-in-the-query-is-refused#access-token",)
    deletes = False

    def bearer_token(self, original: Any, request: Request) -> str:
        self.deletes = request.method == "DELETE"
        return (self.deletes and request.parameter("access_token")) or original(request)

    def token_in_query(self, original: Any, request: Request) -> bool:
        return not self.deletes and original(request)
