"""Defects that break the promise "A token error response has the standard form and code (RFC 6749 section 5.2)"."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.support.identity import edited, is_token_request
from tests.defects.rows import row

ROWS = (
    row(
        "missing-grant-type-accepted",
        "RFC 6749 section 4.4.2: grant_type is REQUIRED.",
        "oauth/errors/other-grants-issue-nothing#no-grant-type",
        "oauth/errors/missing-grant-type-is-invalid-request",
        with_values=lambda original, pairs: [("grant_type", "client_credentials"), *original(pairs)],
    ),
)


class FailureIs403(Defect):
    """RFC 6749 section 5.2: failed client authentication is answered 401, or 400."""

    surface = "identity"
    noticed_by = (
        "oauth/client/failure-is-invalid-client#unknown-client",
        "oauth/client/failure-is-invalid-client#wrong-secret",
    )

    def client_refused(self, original: Callable[[str], Answer], reason: str) -> Answer:
        answer = original(reason)
        answer.status = 403
        return answer


class TokenErrorUnregistered(Defect):
    """RFC 6749 section 5.2: error is one of the six codes."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/code-is-registered#no-client",
        "oauth/errors/code-is-registered#no-grant-type",
        "oauth/errors/code-is-registered#non-ascii-grant-type",
        "oauth/errors/code-is-registered#odd-client",
        "oauth/errors/code-is-registered#quotes-in-grant-type",
        "oauth/errors/code-is-registered#unknown-client",
        "oauth/errors/code-is-registered#unknown-grant-type",
        "oauth/errors/code-is-registered#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status not in (400, 401):
            return answer
        return edited(answer, lambda document: document.update(error="auth_failure"))


class MissingGrantIsInvalidGrant(Defect):
    """RFC 6749 section 5.2: invalid_request is for a request that is missing a required parameter."""

    surface = "identity"
    noticed_by = ("oauth/errors/missing-grant-type-is-invalid-request",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"grant_type is missing" in answer.body:
            return edited(answer, lambda document: document.update(error="invalid_grant"))
        return answer


class ErrorUriIsNoReference(Defect):
    """RFC 6749 section 5.2: the value of error_uri is a URI reference, without blanks."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/refusal-is-a-json-error-document#no-client",
        "oauth/errors/refusal-is-a-json-error-document#no-equals-sign",
        "oauth/errors/refusal-is-a-json-error-document#non-ascii-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#odd-client",
        "oauth/errors/refusal-is-a-json-error-document#quotes-in-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#unknown-client",
        "oauth/errors/refusal-is-a-json-error-document#unknown-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#unknown-scope-malformed",
        "oauth/errors/refusal-is-a-json-error-document#wrong-secret",
    )

    def oauth_error(
        self, original: Callable[[int, str, str], Answer], status: int, error: str, description: str
    ) -> Answer:
        answer = original(status, error, description)
        return edited(answer, lambda document: document.update(error_uri="see the page on errors"))


class TokenErrorWith200(Defect):
    """RFC 6749 section 5.2: a refusal never comes with status 200."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/refusal-is-a-json-error-document#bad-percent",
        "oauth/errors/refusal-is-a-json-error-document#byte-order-mark",
        "oauth/errors/refusal-is-a-json-error-document#empty-body",
        "oauth/errors/refusal-is-a-json-error-document#invalid-utf8",
        "oauth/errors/refusal-is-a-json-error-document#json",
        "oauth/errors/refusal-is-a-json-error-document#no-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#only-separators",
        "oauth/errors/refusal-is-a-json-error-document#raw-bytes",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 400:
            answer.status = 200
        return answer


class UnknownGrantCrashes(Defect):
    """RFC 6749 section 5.2: an unknown grant is 400 unsupported_grant_type, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/unknown-grant-type-is-unsupported#blank-behind",
        "oauth/errors/unknown-grant-type-is-unsupported#upper-case",
        "oauth/errors/other-grants-issue-nothing#authorization-code",
        "oauth/errors/other-grants-issue-nothing#device-code",
        "oauth/errors/other-grants-issue-nothing#jwt-bearer",
        "oauth/errors/other-grants-issue-nothing#password",
        "oauth/errors/other-grants-issue-nothing#refresh-token",
        "oauth/errors/other-grants-issue-nothing#token-exchange",
    )
    crashes = (KeyError,)

    def offers_grant(self, original: Callable[[str], bool], grant_type: str) -> bool:
        return {"client_credentials": True}[grant_type]


class UnknownGrantIsInvalidGrant(Defect):
    """RFC 6749 section 5.2: the code of an unknown grant is unsupported_grant_type."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/unknown-grant-type-is-unsupported#blank-behind",
        "oauth/errors/unknown-grant-type-is-unsupported#cut",
        "oauth/errors/unknown-grant-type-is-unsupported#hyphen",
        "oauth/errors/unknown-grant-type-is-unsupported#inherited",
        "oauth/errors/unknown-grant-type-is-unsupported#longer",
        "oauth/errors/unknown-grant-type-is-unsupported#nul",
        "oauth/errors/unknown-grant-type-is-unsupported#unknown",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"unsupported_grant_type" in answer.body:
            return edited(answer, lambda document: document.update(error="invalid_grant"))
        return answer


class ParameterReadByItsBeginning(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, though they begin like one that is known."""

    surface = "identity"
    noticed_by = ("oauth/token/any-form-keeps-the-contract",)
    shortest = 1

    def with_values(
        self, original: Callable[..., list[tuple[str, str]]], pairs: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        return [("scope" if name == "scope2" else name, value) for name, value in original(pairs)]
