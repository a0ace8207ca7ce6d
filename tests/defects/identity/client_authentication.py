"""Defects of client authentication.

They break these promises:

- A client that fails authentication gets no token.
- HTTP Basic client authentication works as RFC 6749 section 2.3.1 specifies.
- Credential guessing reveals nothing and does not lock out the real client.
"""

from __future__ import annotations

import dataclasses
import re
import time
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import basic_pair
from conformance.reference.seeds import Client
from conformance.reference.support.identity import is_token_request, surface_of
from tests.defects.rows import row

Claims = dict[str, Any]
Finds = Callable[[str], Client | None]
Form = dict[str, str]
Matches = Callable[[Client | None, str], bool]

ROWS = (
    row(
        "client-id-normalised",
        "RFC 6749 section 2.2: a client identifier is compared exactly; letters of full width are other letters.",
        "oauth/client/client-id-is-compared-exactly#full-width",
        find_client=lambda original, client_id: original(unicodedata.normalize("NFKC", client_id)),
    ),
    row(
        "form-decoded-twice",
        "RFC 6749 appendix B: a form is decoded once; what is then left of percent signs is text.",
        "oauth/client/client-id-is-compared-exactly#encoded-twice",
        token_form=lambda original, request: {name: unquote(value) for name, value in original(request).items()},
    ),
    row(
        "secret-padded-with-nul",
        "RFC 6749 appendix A.2: a secret is compared whole, not after both were filled up with NUL to one length.",
        "oauth/client/nul-after-a-secret-is-refused",
        secret_matches=lambda original, client, secret: original(client, secret.rstrip("\x00")),
    ),
    row(
        "basic-challenge-without-realm",
        "RFC 7617 section 2: a challenge of scheme Basic names its realm.",
        "oauth/client/basic-challenge-names-its-realm",
        basic_challenge=lambda original: "Basic",
    ),
    row(
        "token-challenge-is-bearer",
        "RFC 6749 section 5.2: the challenge names the scheme that the client used.",
        "oauth/client/basic-failure-is-401-with-challenge#unknown-client",
        basic_challenge=lambda original: 'Bearer realm="reference"',
    ),
    row(
        "basic-challenge-leaves-text-open",
        "RFC 9110 section 11.6.1: a text in a challenge ends with the quotation mark that it begins with.",
        "oauth/client/basic-failure-is-401-with-challenge#unknown-client",
        "oauth/client/basic-failure-is-401-with-challenge#wrong-secret",
        basic_challenge=lambda original: original().removesuffix('"'),
    ),
)


class BasicSecretStripped(Defect):
    """RFC 7617 section 2: the password is everything behind the first colon, blanks included."""

    surface = "identity"
    noticed_by = ("oauth/client/any-authorization-field-keeps-the-contract",)
    shortest = 1

    def basic_credentials(self, original: Callable[..., Any], encoded: str) -> Any:
        client_id, secret = original(encoded)
        return client_id, secret.rstrip(" \t")


class ClientIdAloneAccepted(Defect):
    """RFC 6749 section 3.2.1: a client that was issued a secret must authenticate."""

    surface = "identity"
    noticed_by = (
        "oauth/client/authentication-is-required#assertion",
        "oauth/client/authentication-is-required#front-end-fields",
        "oauth/client/authentication-is-required#secret",
    )

    def presented_credentials(self, original: Callable[..., Any], request: Request, form: dict[str, str]) -> Any:
        client = surface_of(original).clients.get(form.get("client_id", ""))
        if client is not None and "client_secret" not in form and "authorization" not in request.headers:
            return client.client_id, client.secret
        return original(request, form)


class RequestOfNoClientGetsNoAnswer(Defect):
    """RFC 6749 section 5.2: 400 or 401 with an error document where no client authentication is included."""

    surface = "identity"
    noticed_by = ("oauth/client/authentication-is-required#both", "oauth/client/authentication-is-required#id")

    def intercept(self, request: Request) -> Answer | None:
        named = "authorization" in request.headers or b"client_id" in request.body
        return Answer.none() if is_token_request(request) and request.method == "POST" and not named else None


class BasicPasswordCutAtColon(Defect):
    """RFC 7617 section 2: text after the first colon is part of the password, further colons included."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#basic-with-a-second-colon",)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        client_id, secret = original(encoded)
        return client_id, secret.partition(":")[0]


class ClientIdIsAPattern(Defect):
    """RFC 6749 section 2.2: a client identifier is compared, and not matched as a database or directory does."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#percent-sign",)
    wildcard = "%"

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if self.wildcard not in client_id:
            return original(client_id)
        pattern = ".*".join(map(re.escape, client_id.split(self.wildcard)))
        clients = surface_of(original).clients
        return next((each for name, each in clients.items() if re.fullmatch(pattern, name)), None)


class ClientIdIsAFilter(ClientIdIsAPattern):
    """RFC 6749 section 2.2: a client identifier is compared; an asterisk in it stands for nothing but itself."""

    noticed_by = ("oauth/client/client-id-is-compared-exactly#asterisk",)
    wildcard = "*"


class AccentsInClientIdIgnored(Defect):
    """RFC 6749 section 2.2: a client identifier is compared exactly, not as a database collates texts."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#accent",)

    def find_client(self, original: Finds, client_id: str) -> Client | None:
        letters = unicodedata.normalize("NFD", client_id)
        return original("".join(each for each in letters if not unicodedata.combining(each)))


class MalformedBasicCrashes(Defect):
    """RFC 6749 section 5.2: Basic that cannot be decoded is failed authentication, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/client/authentication-is-required#malformed-basic-bad-percent",
        "oauth/client/authentication-is-required#malformed-basic-no-colon",
        "oauth/client/authentication-is-required#malformed-basic-not-base64",
        "oauth/client/authentication-is-required#malformed-basic-not-utf8",
        "oauth/client/authentication-is-required#malformed-basic-raw-bytes",
        "oauth/client/authentication-is-required#malformed-basic-scheme-only",
    )
    crashes = (RuntimeError,)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        try:
            return original(encoded)
        except ValueError as mistake:
            raise RuntimeError("unhandled") from mistake


class OtherSecretByBasicAccepted(Defect):
    """RFC 6749 section 5.2: a secret proves its own client, and no other, within Basic as well."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#of-another-client",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        client_id, secret = original(authorization, form)
        clients: dict[str, Client] = surface_of(original).clients
        known = client_id in clients and any(secret == each.secret for each in clients.values())
        return client_id, clients[client_id].secret if known else secret


class AnySecretOfOursAccepted(Defect):
    """RFC 6749 section 5.2: a secret proves its own client, and no other."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#of-another-client",)

    def secret_matches(self, original: Callable[..., bool], client: Client | None, secret: str) -> bool:
        known = (each.secret for each in surface_of(original).clients.values())
        return original(client, secret) or (client is not None and secret in known)


class ListTakenForSecret(Defect):
    """RFC 6749 section 3.2.1: a client must authenticate; a list in place of the secret compares equal to nothing."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#bracketed-list",)
    bracket = "client_secret[]"

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: Form
    ) -> Client:
        client = surface_of(original).clients.get(form.get("client_id", ""))
        return client if client and self.bracket in form else original(request, form)


class ConditionTakenForSecret(ListTakenForSecret):
    """RFC 6749 section 3.2.1: a client must authenticate; "any but this" in place of the secret is no proof."""

    noticed_by = ("oauth/token/wrong-secret-is-refused#bracketed-condition",)

    bracket = "client_secret[$ne]"


class AccessTokenAcceptedAsSecret(Defect):
    """RFC 6749 section 2.3: an access token is no client secret."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#access-token",)

    def secret_matches(self, original: Matches, client: Client | None, secret: str) -> bool:
        return original(client, secret) or surface_of(original).read_access_token(secret) is not None


class TokenIsAPasswordOfBasic(Defect):
    """RFC 6749 section 2.3: an access token is no client secret, within Basic neither."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused#access-token",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        surface = surface_of(original)
        client_id, password = original(authorization, form)
        claims = surface.read_access_token(password) or {}
        return client_id, surface.clients[client_id].secret if claims.get("client_id") == client_id else password


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
        "oauth/client/authentication-is-required#unknown-client",
    )

    def client_refused(self, original: Callable[[str], Answer], reason: str) -> Answer:
        answer = original(reason)
        answer.status = 403
        return answer


class ChallengeForBasicAlone(Defect):
    """RFC 9110 section 15.5.2: a 401 carries a challenge, whichever way a client has failed to authenticate."""

    surface = "identity"
    noticed_by = (
        "oauth/client/401-carries-a-challenge#no-credentials",
        "oauth/client/401-carries-a-challenge#unknown-client",
        "oauth/client/401-carries-a-challenge#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
            del answer.headers["WWW-Authenticate"]
        return answer


class BasicFailureIs400(Defect):
    """RFC 6749 section 5.2: who authenticates by the Authorization field and fails MUST be answered 401."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-failure-is-401-with-challenge#unknown-client",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" in request.headers:
            answer.status = 400
        return answer


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


class BasicNotFormDecoded(Defect):
    """RFC 6749 section 2.3.1: id and secret are form-encoded inside Basic, and decoded before they are compared."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-is-form-decoded",)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        client_id, secret = basic_pair(encoded)
        return client_id.decode(), secret.decode()


class IdBesideBasicIsAMethod(Defect):
    """RFC 6749 section 3.2.1: a client MAY name itself by client_id, which proves nothing and is no second method."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-in-the-body-is-accepted-with-basic",)

    def authenticates_twice(
        self, original: Callable[[list[str], Form], bool], authorization: list[str], form: Form
    ) -> bool:
        return original(authorization, form) or bool(authorization and "client_id" in form)


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


class FailuresLockEverybodyOut(Defect):
    """OWASP API4: wrong secrets of one client, which anybody can send, take no other client its service."""

    surface = "identity"
    noticed_by = ("oauth/client/failures-lock-out-no-other-client",)

    def __init__(self) -> None:
        self.failures = 0

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
        if self.failures >= 10:
            raise Refused(surface_of(original).client_refused("locked"))
        try:
            return original(request, form)
        except Refused:
            self.failures += 1
            raise


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
