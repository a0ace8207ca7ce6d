"""Client authentication at the token endpoint (RFC 6749 section 2.3), and each credential's rate limit."""

from __future__ import annotations

import math
from collections import deque

from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import IdentityState, Refused
from conformance.reference.identity.wire import basic_pair, equal_secrets, form_decoded, form_pairs, scheme_and_rest
from conformance.reference.seeds import Client

CREDENTIALS = frozenset({"client_id", "client_secret"})


class ClientAuthentication(IdentityState):
    """Authenticates the client of a token request."""

    def authenticated_client(self, request: Request, form: dict[str, str]) -> Client:
        """Return the authenticated client; Refused with the same response for every reason."""
        client_id, secret = self.presented_credentials(request, form)
        client = self.find_client(client_id)
        matches = self.secret_matches(client, secret)
        if client is None:
            raise Refused(self.client_refused("unknown client"))
        if not matches:
            raise Refused(self.client_refused("wrong secret"))
        if self.credential_is_revoked(client):
            raise Refused(self.client_refused("revoked"))
        if self.credential_is_expired(client):
            raise Refused(self.client_refused("expired"))
        return client

    def presented_credentials(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        """Return client id and secret by the one method used (RFC 6749 section 2.3: never more than one)."""
        authorization = request.headers.getlist("authorization")
        if self.credentials_in_query(request):
            raise Refused(self.oauth_error(400, "invalid_request", "credentials in the request URI"))
        if self.authenticates_twice(authorization, form):
            raise Refused(self.oauth_error(400, "invalid_request", "more than one way of client authentication"))
        if authorization:
            return self.credentials_of_header(authorization[0], form)
        if "client_id" not in form or "client_secret" not in form:
            raise Refused(self.client_refused("no credentials"))
        return form["client_id"], form["client_secret"]

    def credentials_in_query(self, request: Request) -> bool:
        """Return whether the query has credentials (RFC 6749 section 2.3.1: never in the request URI)."""
        try:
            return any(name in CREDENTIALS for name, _ in form_pairs(request.query_string.encode("latin-1")))
        except ValueError:
            return False

    def authenticates_twice(self, authorization: list[str], form: dict[str, str]) -> bool:
        """Return whether a header and the body, or two headers, contain credentials."""
        return len(authorization) > 1 or bool(authorization and "client_secret" in form)

    def credentials_of_header(self, authorization: str, form: dict[str, str]) -> tuple[str, str]:
        """Return client id and secret of a Basic header; a client_id in the body must be equal (section 3.2.1)."""
        scheme, rest = scheme_and_rest(authorization)
        try:
            client_id, secret = self.basic_credentials(rest) if self.is_basic(scheme) else ("", "")
        except ValueError:
            raise Refused(self.client_refused("malformed")) from None
        if form.get("client_id", client_id) != client_id:
            raise Refused(self.oauth_error(400, "invalid_request", "client_id differs from the authenticated one"))
        return client_id, secret

    def is_basic(self, scheme: str) -> bool:
        """Return whether the scheme, in lower case, is the accepted one."""
        return scheme == "basic"

    def basic_credentials(self, encoded: str) -> tuple[str, str]:
        """Decode Basic credentials, whose parts are form-encoded (RFC 6749 section 2.3.1); ValueError."""
        client_id, secret = basic_pair(encoded)
        return form_decoded(client_id), form_decoded(secret)

    def find_client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def secret_matches(self, client: Client | None, secret: str) -> bool:
        """Return whether the secret is the client's, in constant time, also for an unknown client."""
        expected = client.secret if client else self.decoy
        return equal_secrets(expected, secret)

    def credential_is_revoked(self, client: Client) -> bool:
        return client.revoked

    def credential_is_expired(self, client: Client) -> bool:
        return client.expired

    def client_refused(self, reason: str) -> Answer:
        """Return 401 ``invalid_client``; the reason does not change the response."""
        answer = self.oauth_error(401, "invalid_client", "client authentication failed")
        answer.headers["WWW-Authenticate"] = self.basic_challenge()
        return answer

    def basic_challenge(self) -> str:
        """Return the challenge of a 401 (RFC 6749 section 5.2)."""
        return 'Basic realm="reference", charset="UTF-8"'

    def keep_to_limit(self, client: Client) -> None:
        """Count an authenticated request; Refused with 429 if the credential's window is full."""
        if client.limit is None:
            return
        wait = self.seconds_until_allowed(client, *client.limit)
        if wait > 0:
            raise Refused(self.limit_exceeded(wait))
        self.window_of(client).append(self.monotonic())

    def seconds_until_allowed(self, client: Client, requests: int, seconds: float) -> float:
        """Return the seconds until the sliding window permits a request; 0 if it does now."""
        window, now = self.window_of(client), self.monotonic()
        while window and window[0] <= now - seconds:
            window.popleft()
        return window[0] + seconds - now if len(window) >= requests else 0.0

    def window_of(self, client: Client) -> deque[float]:
        """Return the times of this credential's counted requests."""
        return self.windows.setdefault(client.client_id, deque())

    def limit_exceeded(self, wait: float) -> Answer:
        """Return 429 with a Retry-After in whole seconds (RFC 6585 section 4), after which a request is accepted."""
        answer = self.oauth_error(429, "invalid_request", "rate limit exceeded")
        answer.headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return answer
