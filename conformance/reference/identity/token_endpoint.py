"""The token endpoint: the client credentials grant of RFC 6749 section 4.4, nothing else."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AccessTokens
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import HIGHEST_BODY, form_pairs, media_type
from conformance.reference.seeds import Client

FORM = "application/x-www-form-urlencoded"
SCOPE_TOKEN = r"[\x21\x23-\x5b\x5d-\x7e]+"
SCOPE = re.compile(rf"{SCOPE_TOKEN}(?: {SCOPE_TOKEN})*")


class TokenEndpoint(AccessTokens):
    """The endpoint ``POST /oauth/token``."""

    async def token(self, request: Request) -> Answer:
        """Handle a token request: check its form, then the client, its limit, the grant, the scope."""
        if not self.issues_tokens_by(request.method):
            return self.oauth_method_refused("POST")
        form = self.token_form(request)
        if "grant_type" not in form:
            return self.oauth_error(400, "invalid_request", "grant_type is missing")
        client = self.authenticated_client(request, form)
        self.keep_to_limit(client)
        if not self.offers_grant(form["grant_type"]):
            return self.oauth_error(400, "unsupported_grant_type", "only client_credentials is supported")
        scopes = self.granted_scopes(client, form.get("scope"))
        return self.token_issued(client, scopes)

    def issues_tokens_by(self, method: str) -> bool:
        """Return whether the method is POST (RFC 6749 section 3.2)."""
        return method == "POST"

    def token_form(self, request: Request) -> dict[str, str]:
        """Return the parameters with a value (RFC 6749 section 3.2); Refused for an invalid form."""
        if len(request.body) > self.highest_token_body():
            raise Refused(self.oauth_error(413, "invalid_request", "the body is too large"))
        if not self.is_form(request):
            raise Refused(self.oauth_error(400, "invalid_request", f"the content type is not {FORM}"))
        try:
            pairs = form_pairs(request.body)
        except ValueError:
            raise Refused(self.oauth_error(400, "invalid_request", "the form cannot be decoded")) from None
        self.refuse_duplicates(pairs)
        return dict(self.with_values(pairs))

    def highest_token_body(self) -> int:
        """Return the size of the largest accepted body in bytes."""
        return HIGHEST_BODY

    def is_form(self, request: Request) -> bool:
        """Return whether the request is form-encoded (RFC 6749 section 4.4.2)."""
        return media_type(request) == FORM

    def refuse_duplicates(self, pairs: list[tuple[str, str]]) -> None:
        """Refuse repeated parameters (RFC 6749 section 3.2)."""
        counted = Counter(name for name, _ in pairs)
        if any(count > 1 and not self.may_repeat(name) for name, count in counted.items()):
            raise Refused(self.oauth_error(400, "invalid_request", "a parameter is included more than once"))

    def may_repeat(self, name: str) -> bool:
        """Return whether a parameter may be repeated (RFC 8707 section 2, RFC 8693 section 2.1)."""
        return name in ("resource", "audience")

    def with_values(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Drop parameters without a value, which count as omitted (RFC 6749 section 3.2)."""
        return [(name, value) for name, value in pairs if value]

    def offers_grant(self, grant_type: str) -> bool:
        """Return whether this is the supported grant, compared exactly."""
        return grant_type == "client_credentials"

    def granted_scopes(self, client: Client, requested: str | None) -> tuple[str, ...]:
        """Return the scopes of the token, in the requested order; Refused with ``invalid_scope``."""
        if requested is None:
            return self.default_scopes(client)
        if not self.is_scope(requested):
            raise Refused(self.oauth_error(400, "invalid_scope", "the scope is malformed"))
        scopes = self.split_scopes(requested)
        if not self.within_credential(client, scopes):
            raise Refused(self.oauth_error(400, "invalid_scope", "the scope is unknown or exceeds the credential"))
        return scopes

    def default_scopes(self, client: Client) -> tuple[str, ...]:
        """Return the scopes for an omitted scope (RFC 6749 section 3.3): all of the credential."""
        return client.scopes

    def is_scope(self, text: str) -> bool:
        """Return whether the text follows the grammar of scope (RFC 6749 section 3.3)."""
        return SCOPE.fullmatch(text) is not None

    def split_scopes(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text.split(" ")))

    def within_credential(self, client: Client, scopes: tuple[str, ...]) -> bool:
        """Return whether the credential has all of these scopes, compared exactly."""
        return set(scopes) <= set(client.scopes)

    def token_issued(self, client: Client, scopes: tuple[str, ...]) -> Answer:
        """Return the response with a new token (RFC 6749 section 5.1)."""
        token = self.make_access_token(self.access_token_claims(client, scopes))
        return self.not_stored(Answer.json(200, self.token_document(token, client, scopes)))

    def token_document(self, token: str, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
        """Return the members of RFC 6749 section 5.1, always with scope, without a refresh token (section 4.4.3)."""
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": client.lifetime_s,
            "scope": " ".join(scopes),
        }
