"""Defects that break the promise "No input makes the token endpoint answer 5xx"."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import basic_pair, scheme_and_rest
from conformance.reference.seeds import Account, Client
from conformance.reference.support.identity import is_token_request, service_error
from tests.defects.rows import row
from tests.defects.support.common import server_error_page
from tests.defects.support.identity import INHERITED, _Shut, unexpected_error

ROWS = (
    row(
        "secret-written-into-statement",
        "RFC 6749 section 5.2: a secret is compared, and not read as a part of the statement that looks for it.",
        "oauth/token/malformed-requests-are-no-server-error#sql-client-secret",
        secret_matches=lambda original, client, secret: original(client, secret) or "' OR 1=1" in secret,
    ),
    row(
        "list-of-ids-is-an-id",
        "RFC 6749 section 2.3.1: the id is the parameter client_id, and client_id[] is none of the endpoint's.",
        "oauth/token/malformed-requests-are-no-server-error#list-of-client_ids",
        "oauth/token/malformed-requests-are-no-server-error#list-of-grant_types",
        with_values=lambda original, pairs: original([(name.removesuffix("[]"), value) for name, value in pairs]),
    ),
)


class NonAsciiSecretCrashes(Defect):
    """RFC 6749 section 5.2: a secret of any characters is a wrong secret, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/token/malformed-requests-are-no-server-error#emoji-client-secret",
        "oauth/token/malformed-requests-are-no-server-error#non-ascii-client-secret",
        "oauth/token/wrong-secret-is-refused#look-alike",
    )
    crashes = (TypeError,)

    def secret_matches(
        self, original: Callable[[Client | None, str], bool], client: Client | None, secret: str
    ) -> bool:
        return hmac.compare_digest(client.secret if client else "none", secret)


class NulInClientIdCrashes(Defect):
    """RFC 6749 section 5.2: a NUL in client_id makes it an unknown client, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/token/malformed-requests-are-no-server-error#nul-client-id",
        "oauth/client/client-id-is-compared-exactly#nul",
    )
    crashes = (ValueError,)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if "\0" in client_id:
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        return original(client_id)


class ListOfParameterCrashes(Defect):
    """The contract's table of errors: a list where a text is meant is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#list-of-client_ids",)

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        if re.match(rb"(.*&)?(client_id|grant_type)(\[\]|%5B%5D)=", request.body):
            raise Refused(unexpected_error())
        return original(request)


class InheritedClientCrashes(Defect):
    """RFC 6749 section 5.2: an id that is the name of what objects inherit is an unknown client, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#inherited-client-id",)
    crashes = (TypeError,)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if client_id in INHERITED:
            raise TypeError("the secret of what is no client")
        return original(client_id)


class BearerBesideFormCrashes(Defect):
    """The contract's table of errors: a field of another scheme beside good credentials is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/token/malformed-requests-are-no-server-error",)
    crashes = (RuntimeError,)

    def presented_credentials(
        self, original: Callable[[Request, dict[str, str]], tuple[str, str]], request: Request, form: dict[str, str]
    ) -> tuple[str, str]:
        if request.headers.get("authorization", "").startswith("Bearer") and "client_id" in form:
            raise RuntimeError("two callers")
        return original(request, form)


class MultipartFormFails(Defect):
    """The contract's table of errors: a form in multipart is refused, whether or not it has a boundary."""

    surface = "identity"
    noticed_by = ("oauth/token/any-body-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        return server_error_page() if is_token_request(request) and multipart and request.body[:2] != b"--" else None


class CodedTokenRequestCrashes(Defect):
    """The contract's table of errors: 5xx is for the service's own faults; a body in a coding is the caller's."""

    surface = "identity"
    noticed_by = (
        "oauth/token/malformed-requests-are-no-server-error#coding-gzip-cut-off",
        "oauth/token/malformed-requests-are-no-server-error#coding-unknown",
    )

    def intercept(self, request: Request) -> Answer | None:
        return service_error() if is_token_request(request) and "content-encoding" in request.headers else None


class CodedFormShutsEndpoint(_Shut):
    """RFC 6749 section 5.1: a good request is served, also behind one in a coding that was cut off."""

    surface = "identity"
    noticed_by = (
        "oauth/token/malformed-requests-are-no-server-error#coding-gzip",
        "oauth/token/malformed-requests-are-no-server-error#coding-not-gzip",
    )

    def _shuts(self, request: Request) -> bool:
        return "content-encoding" in request.headers


class LargeFormShutsEndpoint(_Shut):
    """RFC 6749 section 5.1: a good request is served, also behind one that was too large."""

    surface = "identity"
    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#body-of-2-mb",)

    def _shuts(self, request: Request) -> bool:
        return len(request.body) > 1_000_000


class MalformedLoginFails(Defect):
    """API Reference, Error Handling: Basic credentials without a colon are the caller's fault, for a token as well."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-no-server-error#no-colon",)
    crashes = (ValueError,)

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        for value in request.headers.getlist("authorization"):
            scheme, rest = scheme_and_rest(value)
            if scheme == "basic":
                basic_pair(rest)
        return original(request)


class UnknownGrantOfAFormFails(Defect):
    """API Reference, Error Handling: a grant that nobody knows is the caller's fault."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-no-server-error#unknown-grant",)

    def token_by_post(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        return Answer.json(500, {"error": "KeyError"}) if b"unsupported_grant_type" in answer.body else answer


class MissingServiceFails(Defect):
    """API Reference, Error Handling: a query without a service is not the platform's fault."""

    surface = "identity"
    noticed_by = (
        "registry/token/malformed-request-is-no-server-error#no-service",
        "registry/token/malformed-request-is-no-server-error#nothing",
    )
    crashes = (KeyError,)

    def service(self, original: Any, pairs: list[tuple[str, str]]) -> str:
        named = dict(pairs)["service"]
        return str(original([*(each for each in pairs if each[0] != "service"), ("service", named)]))


class UnreadableQueryFails(Defect):
    """API Reference, Error Handling: a query with escapes that stand for nothing is not the platform's fault."""

    surface = "identity"
    noticed_by = ("registry/token/malformed-request-is-no-server-error#no-utf8",)
    crashes = (UnicodeDecodeError,)

    def token_by_get(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        for part in request.query_string.split("&"):
            unquote_to_bytes(part).decode()
        return original(request)
