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
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import basic_pair
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.support.identity import is_token_request, surface_of

Claims = dict[str, Any]
Form = dict[str, str]

ROWS = (
    row(
        "client-id-normalised",
        "RFC 6749 section 2.2: a client identifier in full-width letters is normalized before it is compared.",
        "oauth/client/client-id-is-compared-exactly#full-width",
        find_client=lambda original, client_id: original(unicodedata.normalize("NFKC", client_id)),
    ),
    row(
        "form-decoded-twice",
        "RFC 6749 appendix B: a form is decoded twice.",
        "oauth/client/client-id-is-compared-exactly#encoded-twice",
        token_form=lambda original, request: {name: unquote(value) for name, value in original(request).items()},
    ),
    row(
        "secret-padded-with-nul",
        "RFC 6749 appendix A.2: both secrets are padded with NUL to one length before they are compared.",
        "oauth/client/nul-after-a-secret-is-refused",
        secret_matches=lambda original, client, secret: original(client, secret.rstrip("\x00")),
    ),
    row(
        "basic-challenge-without-realm",
        "RFC 7617 section 2: the Basic challenge has no realm.",
        "oauth/client/basic-challenge-names-its-realm",
        basic_challenge=lambda original: "Basic",
    ),
    row(
        "token-challenge-is-bearer",
        "RFC 6749 section 5.2: the challenge names Bearer instead of the scheme that the client used.",
        "oauth/client/basic-failure-is-401-with-challenge#unknown-client",
        basic_challenge=lambda original: 'Bearer realm="reference"',
    ),
    row(
        "basic-challenge-leaves-text-open",
        "RFC 9110 section 11.6.1: a quoted string in the challenge has no closing quotation mark.",
        "oauth/client/basic-failure-is-401-with-challenge#unknown-client,wrong-secret",
        basic_challenge=lambda original: original().removesuffix('"'),
    ),
)


@defect("oauth/client/basic-failure-is-401-with-challenge#malformed-credentials")
def unreadable_basic_gets_no_challenge(client_refused: Any, reason: str) -> Answer:
    """RFC 6749 section 5.2: the 401 to Basic credentials that are not base64 has no challenge."""
    answer = client_refused(reason)
    if reason == "malformed":
        del answer.headers["WWW-Authenticate"]
    return answer


@defect("oauth/client/any-authorization-field-keeps-the-contract", shortest=1)
def basic_secret_stripped(basic_credentials: Any, encoded: str) -> Any:
    """RFC 7617 section 2: blanks around the password are removed."""
    client_id, secret = basic_credentials(encoded)
    return client_id, secret.rstrip(" \t")


@defect("oauth/client/authentication-is-required#assertion,front-end-fields,secret")
def client_id_without_secret_accepted(presented_credentials: Any, request: Request, form: dict[str, str]) -> Any:
    """RFC 6749 section 3.2.1: a client_id without its secret gets a token."""
    client = surface_of(presented_credentials).clients.get(form.get("client_id", ""))
    if client is not None and "client_secret" not in form and "authorization" not in request.headers:
        return client.client_id, client.secret
    return presented_credentials(request, form)


@defect("oauth/client/authentication-is-required#both,id")
def request_of_no_client_gets_no_answer(request: Request) -> Answer | None:
    """RFC 6749 section 5.2: a request without client authentication gets no response."""
    named = "authorization" in request.headers or b"client_id" in request.body
    return Answer.none() if is_token_request(request) and request.method == "POST" and not named else None


@defect("oauth/token/wrong-secret-is-refused#basic-with-a-second-colon")
def basic_password_cut_at_colon(basic_credentials: Any, encoded: str) -> tuple[str, str]:
    """RFC 7617 section 2: the password ends at its first colon."""
    client_id, secret = basic_credentials(encoded)
    return client_id, secret.partition(":")[0]


class ClientIdIsAPattern(Defect):
    """RFC 6749 section 2.2: a percent sign in a client identifier matches any text, as in SQL."""

    noticed_by = ("oauth/client/client-id-is-compared-exactly#percent-sign",)
    wildcard = "%"

    def find_client(self, original: Any, client_id: str) -> Client | None:
        if self.wildcard not in client_id:
            return original(client_id)
        pattern = ".*".join(map(re.escape, client_id.split(self.wildcard)))
        clients = surface_of(original).clients
        return next((each for name, each in clients.items() if re.fullmatch(pattern, name)), None)


class ClientIdIsAFilter(ClientIdIsAPattern):
    """RFC 6749 section 2.2: an asterisk in a client identifier matches any text, as in a directory."""

    noticed_by = ("oauth/client/client-id-is-compared-exactly#asterisk",)
    wildcard = "*"


@defect("oauth/client/client-id-is-compared-exactly#accent")
def accents_in_client_id_ignored(find_client: Any, client_id: str) -> Client | None:
    """RFC 6749 section 2.2: accents in a client identifier are ignored, as by a database collation."""
    letters = unicodedata.normalize("NFD", client_id)
    return find_client("".join(each for each in letters if not unicodedata.combining(each)))


@defect(
    "oauth/client/authentication-is-required#malformed-basic-bad-percent,malformed-basic-no-colon",
    "oauth/client/authentication-is-required#malformed-basic-not-base64,malformed-basic-not-utf8",
    "oauth/client/authentication-is-required#malformed-basic-raw-bytes,malformed-basic-scheme-only",
    crashes=(RuntimeError,),
)
def malformed_basic_crashes(basic_credentials: Any, encoded: str) -> tuple[str, str]:
    """RFC 6749 section 5.2: malformed Basic credentials are answered 500."""
    try:
        return basic_credentials(encoded)
    except ValueError as mistake:
        raise RuntimeError("unhandled") from mistake


@defect("oauth/token/wrong-secret-is-refused#of-another-client")
def any_secret_of_ours_accepted(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """RFC 6749 section 5.2: the secret of another client is accepted."""
    known = (each.secret for each in surface_of(secret_matches).clients.values())
    return secret_matches(client, secret) or (client is not None and secret in known)


class ListTreatedAsSecret(Defect):
    """RFC 6749 section 3.2.1: the parameter client_secret[] replaces the secret."""

    noticed_by = ("oauth/token/wrong-secret-is-refused#bracketed-list",)
    bracket = "client_secret[]"

    def authenticated_client(self, original: Any, request: Request, form: Form) -> Client:
        client = surface_of(original).clients.get(form.get("client_id", ""))
        return client if client and self.bracket in form else original(request, form)


class ConditionTreatedAsSecret(ListTreatedAsSecret):
    """RFC 6749 section 3.2.1: the condition client_secret[$ne] replaces the secret."""

    noticed_by = ("oauth/token/wrong-secret-is-refused#bracketed-condition",)

    bracket = "client_secret[$ne]"


@defect("oauth/token/wrong-secret-is-refused#access-token")
def access_token_accepted_as_secret(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """RFC 6749 section 2.3: an access token is accepted as the client secret."""
    return secret_matches(client, secret) or surface_of(secret_matches).read_access_token(secret) is not None


@defect("oauth/token/credentials-in-the-query-are-refused#all,both,id,secret")
async def credentials_in_query_accepted(token: Any, request: Request) -> Answer:
    """RFC 6749 section 2.3.1: credentials in the query are accepted."""
    body = b"&".join(part for part in (request.body, request.query_string.encode("latin-1")) if part)
    return await token(dataclasses.replace(request, body=body, query_string=""))


@defect(
    "oauth/token/wrong-secret-is-refused#basic-cut,basic-empty,blank-behind,cut,first-cut,its-id,nul-and-more",
    "oauth/token/wrong-secret-is-refused#one-more,percent-sign,wrong",
    "oauth/client/failed-request-has-one-of-the-documented-causes#client-secret",
)
def wrong_secret_accepted(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """RFC 6749 section 5.2: a wrong secret gets a token."""
    return True


@defect(
    "oauth/token/wrong-secret-is-refused#basic-none,blank-before,case-changed,doubled,empty,hash,newline-behind",
    "oauth/token/wrong-secret-is-refused#null,percent-encoded,sixty-more",
    "oauth/client/authentication-is-required#unknown-client",
)
def client_refused_with403(client_refused: Any, reason: str) -> Answer:
    """The contract's table of errors: failed client authentication is answered 403."""
    answer = client_refused(reason)
    answer.status = 403
    return answer


@defect("oauth/client/401-carries-a-challenge#no-credentials,unknown-client,wrong-secret")
def challenge_for_basic_only(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.2: the 401 to credentials in the form has no challenge."""
    if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
        del answer.headers["WWW-Authenticate"]
    return answer


@defect("oauth/client/basic-failure-is-401-with-challenge#unknown-client")
def basic_failure_is400(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: failed authentication by Basic is answered 400."""
    if is_token_request(request) and answer.status == 401 and "authorization" in request.headers:
        answer.status = 400
    return answer


class TokensOfBasicOpenNothing(Defect):
    """RFC 6749 section 7: a token works only if its client authenticated in the form, not by Basic."""

    noticed_by = ("oauth/client/basic-is-accepted",)
    by_basic = False
    refused: set[str] = set()

    def token_form(self, original: Any, request: Request) -> Form:
        self.by_basic = "authorization" in request.headers
        return original(request)

    def make_access_token(self, original: Any, claims: Claims) -> str:
        if self.by_basic:
            self.refused.add(claims["jti"])
        return original(claims)

    def holder(self, original: Any, claims: Claims) -> Client | None:
        return None if claims.get("jti") in self.refused else original(claims)


@defect("oauth/client/basic-is-form-decoded")
def basic_not_form_decoded(basic_credentials: Any, encoded: str) -> tuple[str, str]:
    """RFC 6749 section 2.3.1: id and secret in Basic are compared without being form-decoded."""
    client_id, secret = basic_pair(encoded)
    return client_id.decode(), secret.decode()


@defect("oauth/client/client-id-in-the-body-is-accepted-with-basic")
def id_with_basic_is_a_method(authenticates_twice: Any, authorization: list[str], form: Form) -> bool:
    """RFC 6749 section 3.2.1: client_id in addition to Basic is refused as a second method."""
    return authenticates_twice(authorization, form) or bool(authorization and "client_id" in form)


@defect("oauth/client/scheme-is-compared-without-case#lower,upper")
def basic_scheme_compared_with_case(credentials_of_header: Any, authorization: str, form: Form) -> tuple[str, str]:
    """RFC 9110 section 11.1: the scheme Basic is compared with case."""
    if not authorization.startswith("Basic "):
        raise Refused(surface_of(credentials_of_header).client_refused("malformed"))
    return credentials_of_header(authorization, form)


class FailuresLockEverybodyOut(Defect):
    """OWASP API4: failed authentications of one client lock all clients out."""

    noticed_by = ("oauth/client/failures-lock-out-no-other-client",)
    failures = 0

    def authenticated_client(self, original: Any, request: Request, form: dict[str, str]) -> Client:
        if self.failures >= 10:
            raise Refused(surface_of(original).client_refused("locked"))
        try:
            return original(request, form)
        except Refused:
            self.failures += 1
            raise


@defect("oauth/client/failures-take-the-same-time")
def unknown_client_answered_a_millisecond_faster(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """OWASP API2: the response to an unknown client comes a millisecond sooner than to a wrong secret."""
    if client is not None:
        time.sleep(0.001)
    return secret_matches(client, secret)
