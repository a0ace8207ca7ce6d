"""Authentication of the API: the bearer token of RFC 6750, only from the Authorization header."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AccessTokens, Claims
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import scheme_and_rest
from conformance.reference.seeds import Client

B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@dataclass(frozen=True)
class Caller:
    """The credential of a request's token, with the scopes of that token."""

    client: Client
    scopes: frozenset[str]
    claims: Claims


class BearerAuthentication(AccessTokens):
    """401 and 403 responses of the API, and the form of its errors."""

    def caller(self, request: Request) -> Caller:
        """Return the caller; Refused with 401 without a valid token."""
        token = self.bearer_token(request)
        claims = self.read_access_token(token)
        client = self.holder(claims) if claims is not None else None
        if claims is None or client is None:
            raise Refused(self.unauthorized("invalid_token"))
        if self.token_in_query(request):
            raise Refused(self.sent_twice())
        return Caller(client, self.scopes_in(claims), claims)

    def bearer_token(self, request: Request) -> str:
        """Return the token of the one Authorization header (RFC 6750 section 2.1); Refused with 401."""
        authorization = request.headers.getlist("authorization")
        if not authorization:
            raise Refused(self.unauthorized(None))
        scheme, rest = scheme_and_rest(self.chosen_authorization(authorization))
        if not self.is_bearer(scheme):
            raise Refused(self.unauthorized(None))
        if not self.is_token(rest):
            raise Refused(self.unauthorized("invalid_token"))
        return rest

    def chosen_authorization(self, authorization: list[str]) -> str:
        """Return the only Authorization value; Refused if there are several, since it is unclear which one counts."""
        if len(authorization) > 1:
            raise Refused(self.unauthorized("invalid_token"))
        return authorization[0]

    def is_bearer(self, scheme: str) -> bool:
        """Return whether the scheme, in lower case, is the accepted one."""
        return scheme == "bearer"

    def is_token(self, text: str) -> bool:
        """Return whether the text is exactly one token (b64token of RFC 6750 section 2.1)."""
        return B64TOKEN.fullmatch(text) is not None

    def token_in_query(self, request: Request) -> bool:
        """Return whether the query has a token, which this API does not accept there (RFC 6750 section 2)."""
        return request.parameter("access_token") is not None

    def scopes_in(self, claims: Claims) -> frozenset[str]:
        return frozenset(str(claims.get("scope", "")).split())

    def require_scope(self, caller: Caller, scope: str) -> None:
        """Raise Refused with 403 if the token lacks this scope."""
        if not self.has_scope(caller, scope):
            raise Refused(self.forbidden(scope))

    def has_scope(self, caller: Caller, scope: str) -> bool:
        """Return whether the token has exactly this scope: none implies another."""
        return scope in caller.scopes

    def unauthorized(self, error: str | None) -> Answer:
        """Return 401 with the challenge of RFC 6750 section 3, without an error code if no token was sent."""
        message = "The token is missing or invalid."
        return self.api_error(401, "unauthorized", message, WWW_Authenticate=self.challenge(error))

    def sent_twice(self) -> Answer:
        """Return 400 of RFC 6750 section 3.1: a token by more than one method."""
        challenge = self.challenge("invalid_request")
        return self.api_error(400, "invalid_request", "The token was sent more than once.", WWW_Authenticate=challenge)

    def forbidden(self, scope: str) -> Answer:
        """Return 403 of RFC 6750 section 3.1 with the required scope."""
        challenge = self.challenge("insufficient_scope", scope)
        return self.api_error(403, "forbidden", "The token lacks the scope needed here.", WWW_Authenticate=challenge)

    def challenge(self, error: str | None, scope: str | None = None) -> str:
        """Return a WWW-Authenticate value (RFC 6750 section 3)."""
        parts = ['Bearer realm="reference"']
        if error:
            parts.append(f'error="{error}"')
        if scope:
            parts.append(f'scope="{scope}"')
        return ", ".join(parts)

    def api_error(self, status: int, code: str, message: str, **headers: str) -> Answer:
        """Return an error in the form of the API; keywords become header names."""
        return Answer.json(status, {"error": {"code": code, "message": message}}, **headers)
