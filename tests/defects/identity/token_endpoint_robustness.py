"""Defects that break the promise "No input makes the token endpoint answer 5xx"."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.reference.http import Answer, Request
from conformance.reference.identity.wire import basic_pair, scheme_and_rest
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Account, Client
from conformance.reference.support.identity import is_token_request, service_error
from tests.defects.support.common import server_error_page
from tests.defects.support.identity import INHERITED, _ShutsEndpoint

ROWS = (
    row(
        "secret-written-into-statement",
        "RFC 6749 section 5.2: a secret is concatenated into the SQL statement that compares it.",
        "oauth/token/malformed-requests-are-no-server-error#sql-client-secret",
        secret_matches=lambda original, client, secret: original(client, secret) or "' OR 1=1" in secret,
    ),
    row(
        "list-of-ids-is-an-id",
        "RFC 6749 section 2.3.1: the parameter client_id[] is read as client_id.",
        "oauth/token/malformed-requests-are-no-server-error#list-of-client_ids,list-of-grant_types",
        with_values=lambda original, pairs: original([(name.removesuffix("[]"), value) for name, value in pairs]),
    ),
)


@defect(
    "oauth/token/malformed-requests-are-no-server-error#emoji-client-secret,non-ascii-client-secret",
    "oauth/token/wrong-secret-is-refused#look-alike",
    crashes=(TypeError,),
)
def non_ascii_secret_crashes(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """RFC 6749 section 5.2: a secret beyond ASCII is answered 500."""
    return hmac.compare_digest(client.secret if client else "none", secret)


@defect(
    "oauth/token/malformed-requests-are-no-server-error#nul-client-id",
    "oauth/client/client-id-is-compared-exactly#nul",
    crashes=(ValueError,),
)
def nul_in_client_id_crashes(find_client: Any, client_id: str) -> Client | None:
    """RFC 6749 section 5.2: a NUL in client_id is answered 500."""
    if "\0" in client_id:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    return find_client(client_id)


@defect("oauth/token/malformed-requests-are-no-server-error#inherited-client-id", crashes=(TypeError,))
def inherited_client_crashes(find_client: Any, client_id: str) -> Client | None:
    """RFC 6749 section 5.2: a client_id that every JavaScript object inherits is answered 500."""
    if client_id in INHERITED:
        raise TypeError("the secret of what is no client")
    return find_client(client_id)


@defect("oauth/token/malformed-requests-are-no-server-error", crashes=(RuntimeError,))
def bearer_with_form_crashes(presented_credentials: Any, request: Request, form: dict[str, str]) -> tuple[str, str]:
    """The contract's table of errors: another scheme in Authorization with good form credentials is answered 500."""
    if request.headers.get("authorization", "").startswith("Bearer") and "client_id" in form:
        raise RuntimeError("two callers")
    return presented_credentials(request, form)


@defect("oauth/token/any-body-is-no-server-error", shortest=1)
def multipart_form_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a multipart form without a boundary line is answered 500."""
    multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
    return server_error_page() if is_token_request(request) and multipart and request.body[:2] != b"--" else None


@defect("oauth/token/malformed-requests-are-no-server-error#coding-gzip-cut-off,coding-unknown")
def coded_token_request_crashes(request: Request) -> Answer | None:
    """The contract's table of errors: a body in a content coding is answered 500."""
    return service_error() if is_token_request(request) and "content-encoding" in request.headers else None


class CodedFormShutsEndpoint(_ShutsEndpoint):
    """RFC 6749 section 5.1: a form in a content coding makes the endpoint refuse later requests."""

    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#coding-gzip,coding-not-gzip",)

    def _shuts(self, request: Request) -> bool:
        return "content-encoding" in request.headers


class LargeFormShutsEndpoint(_ShutsEndpoint):
    """RFC 6749 section 5.1: a large form makes the endpoint refuse later requests."""

    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#body-of-2-mb",)

    def _shuts(self, request: Request) -> bool:
        return len(request.body) > 1_000_000


@defect("registry/token/malformed-request-is-no-server-error#no-colon", crashes=(ValueError,))
def malformed_login_fails(basic_account: Any, request: Request) -> Account | None:
    """API Reference, Error Handling: Basic credentials without a colon are answered 500."""
    for value in request.headers.getlist("authorization"):
        scheme, rest = scheme_and_rest(value)
        if scheme == "basic":
            basic_pair(rest)
    return basic_account(request)


@defect("registry/token/malformed-request-is-no-server-error#unknown-grant")
def unknown_grant_of_a_form_fails(token_by_post: Any, request: Request) -> Answer:
    """API Reference, Error Handling: an unknown grant type is answered 500."""
    answer = token_by_post(request)
    return Answer.json(500, {"error": "KeyError"}) if b"unsupported_grant_type" in answer.body else answer


@defect("registry/token/malformed-request-is-no-server-error#no-service,nothing", crashes=(KeyError,))
def missing_service_fails(service: Any, pairs: list[tuple[str, str]]) -> str:
    """API Reference, Error Handling: a query without a service is answered 500."""
    named = dict(pairs)["service"]
    return str(service([*(each for each in pairs if each[0] != "service"), ("service", named)]))


@defect("registry/token/malformed-request-is-no-server-error#no-utf8", crashes=(UnicodeDecodeError,))
def unreadable_query_fails(token_by_get: Any, request: Request) -> Answer:
    """API Reference, Error Handling: an invalid percent-encoding in the query is answered 500."""
    for part in request.query_string.split("&"):
        unquote_to_bytes(part).decode()
    return token_by_get(request)
