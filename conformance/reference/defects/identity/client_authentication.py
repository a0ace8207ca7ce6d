"""Defects in how a client proves itself."""

from __future__ import annotations

import dataclasses
import hmac
import time
from collections.abc import Awaitable, Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import basic_pair
from conformance.reference.seeds import Client

Form = dict[str, str]
Matches = Callable[[Client | None, str], bool]
Refuses = Callable[[str], Answer]


class WrongSecretAccepted(Defect):
    """RFC 6749 section 5.2: a client whose authentication fails gets no token."""

    surface = "identity"
    noticed_by = (
        "oauth/token/wrong-secret-is-refused#basic-cut",
        "oauth/token/wrong-secret-is-refused#basic-empty",
        "oauth/token/wrong-secret-is-refused#blank-behind",
        "oauth/token/wrong-secret-is-refused#cut",
        "oauth/token/wrong-secret-is-refused#first-cut",
        "oauth/token/wrong-secret-is-refused#its-id",
        "oauth/token/wrong-secret-is-refused#nul-and-more",
        "oauth/token/wrong-secret-is-refused#one-more",
        "oauth/token/wrong-secret-is-refused#percent-sign",
        "oauth/token/wrong-secret-is-refused#wrong",
        "oauth/client/failed-request-has-one-of-the-documented-causes#client-secret",
    )

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        return True


class SecretPaddedWithNul(Defect):
    """RFC 6749 appendix A.2: a secret is compared whole, not after both were filled up with NUL to one length."""

    surface = "identity"
    noticed_by = ("oauth/client/nul-behind-a-secret-is-refused",)

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        return original(client, secret.rstrip("\0"))


class NonAsciiSecretCrashes(Defect):
    """RFC 6749 section 5.2: a secret of any characters is a wrong secret, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/client/hostile-credentials-are-no-server-error#emoji-client-secret",
        "oauth/client/hostile-credentials-are-no-server-error#non-ascii-client-secret",
        "oauth/token/wrong-secret-is-refused#look-alike",
    )
    crashes = (TypeError,)

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        return hmac.compare_digest(client.secret if client else "none", secret)


class AccessTokenAcceptedAsSecret(Defect):
    """RFC 6749 section 2.3: an access token is no client secret."""

    surface = "identity"
    noticed_by = ("oauth/client/token-is-no-secret",)

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        return original(client, secret) or surface_of(original).read_access_token(secret) is not None


class _UnknownClientAnsweredFaster(Defect):
    """OWASP API2: an unknown client and a wrong secret take the same time."""

    surface = "identity"
    delay_s = 0.02

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        if client is not None:
            time.sleep(self.delay_s)
        return original(client, secret)


class UnknownClientAnsweredAMillisecondFaster(_UnknownClientAnsweredFaster):
    """OWASP API2: an unknown client and a wrong secret take the same time, that of a look-up too."""

    noticed_by = ("oauth/client/failures-take-the-same-time",)

    delay_s = 0.001


class ClientIdComparedWithoutCase(Defect):
    """RFC 6749 section 2.2: a client identifier is compared exactly."""

    surface = "identity"
    noticed_by = (
        "oauth/client/client-id-is-compared-exactly#case",
        "oauth/client/client-id-is-compared-exactly#case-by-basic",
    )

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        return original(client_id.lower())


class NulInClientIdCrashes(Defect):
    """RFC 6749 section 5.2: a NUL in client_id makes it an unknown client, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/client/hostile-credentials-are-no-server-error#nul-client-id",
        "oauth/client/client-id-is-compared-exactly#nul",
    )
    crashes = (ValueError,)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if "\0" in client_id:
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        return original(client_id)


class UnknownClientIs400(Defect):
    """OWASP API2: an unknown client and a wrong secret are answered alike (status)."""

    surface = "identity"
    noticed_by = (
        "oauth/client/failures-are-not-told-apart#expired",
        "oauth/client/failures-are-not-told-apart#revoked",
        "oauth/client/failures-are-not-told-apart#wrong-secret",
    )

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        answer = original(reason)
        if reason == "unknown client":
            answer.status = 400
        return answer


class RevokedCredentialNamed(Defect):
    """OWASP API2: a revoked credential is answered like one that never existed."""

    surface = "identity"
    noticed_by = ("authorization/revocation/credentials-tell-nobody",)

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        answer = original(reason)
        if reason not in ("revoked", "expired"):
            return answer
        return edited(answer, lambda document: document.update(error_description=f"the credential is {reason}"))


class ClientRefusedWith403(Defect):
    """The contract's table of errors: a client that cannot prove itself is 401, not 403."""

    surface = "identity"
    noticed_by = (
        "oauth/token/wrong-secret-is-refused#basic-none",
        "oauth/token/wrong-secret-is-refused#blank-before",
        "oauth/token/wrong-secret-is-refused#case-changed",
        "oauth/token/wrong-secret-is-refused#doubled",
        "oauth/token/wrong-secret-is-refused#empty",
        "oauth/token/wrong-secret-is-refused#hash",
        "oauth/token/wrong-secret-is-refused#newline-behind",
        "oauth/token/wrong-secret-is-refused#null",
        "oauth/token/wrong-secret-is-refused#percent-encoded",
        "oauth/token/wrong-secret-is-refused#sixty-more",
        "oauth/client/unknown-client-is-refused",
    )

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        answer = original(reason)
        answer.status = 403
        return answer


class WrongSecretIsUnauthorizedClient(Defect):
    """RFC 6749 section 5.2: the code of failed client authentication is invalid_client."""

    surface = "identity"
    noticed_by = ("oauth/client/failure-is-invalid-client#unknown-client",)

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        return edited(original(reason), lambda document: document.update(error="unauthorized_client"))


class ExpiredCredentialGetsToken(Defect):
    """Credentials: a credential past its expiry gets no token."""

    surface = "identity"
    noticed_by = ("oauth/client/expired-credential-gets-no-token",)

    def authenticated_client(self, original: Callable[[Request, Form], Client], request: Request, form: Form) -> Client:
        surface = surface_of(original)
        try:
            return original(request, form)
        except Refused:
            client = surface.find_client(form.get("client_id", ""))
            if client and client.expired and surface.secret_matches(client, form.get("client_secret", "")):
                return client
            raise


class RevokedCredentialGetsToken(Defect):
    """Credentials: a revoked credential gets no token."""

    surface = "identity"
    noticed_by = ("oauth/client/revoked-credential-gets-no-token", "authorization/revocation/no-new-token")

    def authenticated_client(self, original: Callable[[Request, Form], Client], request: Request, form: Form) -> Client:
        surface = surface_of(original)
        try:
            return original(request, form)
        except Refused:
            client = surface.find_client(form.get("client_id", ""))
            if client and client.revoked and surface.secret_matches(client, form.get("client_secret", "")):
                return client
            raise


class BasicAuthenticationRefused(Defect):
    """RFC 6749 section 2.3.1: the authorization server MUST support HTTP Basic for clients with a secret."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-is-accepted",)

    def is_basic(self, original: Callable[[str], bool], scheme: str) -> bool:
        return False


class BodyCredentialsRefused(Defect):
    """API Reference, Authentication: client_id and client_secret in the form are enough."""

    surface = "identity"
    noticed_by = (
        "oauth/client/body-credentials-are-accepted",
        "oauth/token/issued-for-valid-credentials",
        "interoperability/identity/curl-token-request",
    )

    def presented_credentials(
        self, original: Callable[[Request, Form], tuple[str, str]], request: Request, form: Form
    ) -> tuple[str, str]:
        if "client_secret" in form and "authorization" not in request.headers:
            raise Refused(surface_of(original).client_refused("no credentials"))
        return original(request, form)


class BasicSchemeComparedWithCase(Defect):
    """RFC 9110 section 11.1: the name of an authentication scheme is case-insensitive."""

    surface = "identity"
    noticed_by = (
        "oauth/client/scheme-is-compared-without-case#lower",
        "oauth/client/scheme-is-compared-without-case#upper",
    )

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        if not authorization.startswith("Basic "):
            raise Refused(surface_of(original).client_refused("malformed"))
        return original(authorization, form)


class BasicNotFormDecoded(Defect):
    """RFC 6749 section 2.3.1: id and secret are form-encoded inside Basic, and decoded before they are compared."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-is-form-decoded",)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        client_id, secret = basic_pair(encoded)
        return client_id.decode(), secret.decode()


class MalformedBasicCrashes(Defect):
    """RFC 6749 section 5.2: Basic that cannot be decoded is failed authentication, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/client/malformed-basic-is-refused#bad-percent",
        "oauth/client/malformed-basic-is-refused#no-colon",
        "oauth/client/malformed-basic-is-refused#not-base64",
        "oauth/client/malformed-basic-is-refused#not-utf8",
        "oauth/client/malformed-basic-is-refused#raw-bytes",
        "oauth/client/malformed-basic-is-refused#scheme-only",
    )
    crashes = (RuntimeError,)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        try:
            return original(encoded)
        except ValueError as mistake:
            raise RuntimeError("unhandled") from mistake


class TwoAuthenticationsAccepted(Defect):
    """RFC 6749 section 2.3: the client MUST NOT use more than one authentication method in each request."""

    surface = "identity"
    noticed_by = ("oauth/client/two-methods-at-once-are-refused",)

    def authenticates_twice(
        self, original: Callable[[list[str], Form], bool], authorization: list[str], form: Form
    ) -> bool:
        return False


class BasicWinsOverOtherClientId(Defect):
    """RFC 6749 section 3.2.1: a client_id in the body that names another client is refused."""

    surface = "identity"
    noticed_by = (
        "oauth/client/two-clients-at-once-are-refused#first-by-basic",
        "oauth/client/two-clients-at-once-are-refused#second-by-basic",
    )

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        return original(authorization, {})


class CredentialsInQueryAccepted(Defect):
    """RFC 6749 section 2.3.1: the parameters MUST NOT be included in the request URI."""

    surface = "identity"
    noticed_by = (
        "oauth/token/credentials-in-the-query-are-refused#all",
        "oauth/token/credentials-in-the-query-are-refused#both",
        "oauth/token/credentials-in-the-query-are-refused#id",
        "oauth/token/credentials-in-the-query-are-refused#secret",
    )

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        body = b"&".join(part for part in (request.body, request.query_string.encode("latin-1")) if part)
        return await original(dataclasses.replace(request, body=body, query_string=""))


class TokenChallengeIsBearer(Defect):
    """RFC 6749 section 5.2: the challenge names the scheme that the client used."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-failure-is-401-with-challenge#unknown-client",)

    def basic_challenge(self, original: Callable[[], str]) -> str:
        return 'Bearer realm="reference"'
