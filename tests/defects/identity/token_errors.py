"""Defects that break the promise "A token error response has the standard form and code (RFC 6749 section 5.2)"."""

from __future__ import annotations

from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import edited, is_token_request

ROWS = (
    row(
        "missing-grant-type-accepted",
        "RFC 6749 section 4.4.2: a request without grant_type gets a token.",
        "oauth/errors/other-grants-issue-nothing#no-grant-type",
        "oauth/errors/missing-grant-type-is-invalid-request",
        with_values=lambda original, pairs: [("grant_type", "client_credentials"), *original(pairs)],
    ),
)


@defect("oauth/client/failure-is-invalid-client#unknown-client,wrong-secret")
def failure_is403(client_refused: Any, reason: str) -> Answer:
    """RFC 6749 section 5.2: failed client authentication is answered 403."""
    answer = client_refused(reason)
    answer.status = 403
    return answer


@defect(
    "oauth/errors/code-is-registered#no-client,no-grant-type,non-ascii-grant-type,odd-client,quotes-in-grant-type",
    "oauth/errors/code-is-registered#unknown-client,unknown-grant-type,wrong-secret",
)
def token_error_unregistered(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: error is none of the six codes."""
    if not is_token_request(request) or answer.status not in (400, 401):
        return answer
    return edited(answer, lambda document: document.update(error="auth_failure"))


@defect(
    "oauth/errors/refusal-is-a-json-error-document#no-client,no-equals-sign,non-ascii-grant-type,odd-client",
    "oauth/errors/refusal-is-a-json-error-document#quotes-in-grant-type,unknown-client,unknown-grant-type",
    "oauth/errors/refusal-is-a-json-error-document#unknown-scope-malformed,wrong-secret",
)
def error_uri_is_no_reference(oauth_error: Any, status: int, error: str, description: str) -> Answer:
    """RFC 6749 section 5.2: error_uri contains blanks."""
    answer = oauth_error(status, error, description)
    return edited(answer, lambda document: document.update(error_uri="see the page on errors"))


@defect(
    "oauth/errors/refusal-is-a-json-error-document#bad-percent,byte-order-mark,empty-body,invalid-utf8,json",
    "oauth/errors/refusal-is-a-json-error-document#no-grant-type,only-separators,raw-bytes",
)
def token_error_with200(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a refusal is answered 200."""
    if is_token_request(request) and answer.status == 400:
        answer.status = 200
    return answer


@defect(
    "oauth/errors/unknown-grant-type-is-unsupported#blank-behind,upper-case",
    "oauth/errors/other-grants-issue-nothing#authorization-code,device-code,jwt-bearer,password,refresh-token",
    "oauth/errors/other-grants-issue-nothing#token-exchange",
    crashes=(KeyError,),
)
def unknown_grant_crashes(offers_grant: Any, grant_type: str) -> bool:
    """RFC 6749 section 5.2: an unknown grant type is answered 500."""
    return {"client_credentials": True}[grant_type]


@defect("oauth/errors/unknown-grant-type-is-unsupported#unknown")
def unsupported_grant_is501(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: an unsupported grant type is answered 501 instead of 400."""
    if is_token_request(request) and b"unsupported_grant_type" in answer.body:
        answer.status = 501
    return answer


@defect("oauth/errors/unknown-grant-type-is-unsupported#blank-behind,cut,hyphen,inherited,longer,nul,unknown")
def unknown_grant_is_invalid_grant(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: an unknown grant type is invalid_grant instead of unsupported_grant_type."""
    if is_token_request(request) and b"unsupported_grant_type" in answer.body:
        return edited(answer, lambda document: document.update(error="invalid_grant"))
    return answer


@defect("oauth/token/any-form-keeps-the-contract", shortest=1)
def parameter_read_by_its_beginning(with_values: Any, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """RFC 6749 section 3.2: an unrecognized parameter is read as the one that it begins with."""
    return [("scope" if name == "scope2" else name, value) for name, value in with_values(pairs)]
