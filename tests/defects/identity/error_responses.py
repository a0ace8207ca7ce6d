"""Defects that break the promise "Error responses have one documented shape and leak no internals"."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Project
from conformance.reference.one_method import defect
from conformance.reference.support.identity import edited, is_api_request


@defect("errors/shape/one-shape#backslash,line-end,quotation-mark")
def paths_repeated_unescaped(request: Request, answer: Answer) -> Answer:
    """The contract's table of errors: an error repeats the path without escaping it, so its JSON can break."""
    if is_api_request(request) and answer.status == 404:
        answer.body = answer.body.replace(b"such resource", request.path.encode())
        del answer.headers["Content-Length"]
    return answer


@defect("errors/shape/unique-member-names")
def creation_names_its_slug_twice(shown: Any, project: Project, status: int = 200) -> Answer:
    """RFC 8259 section 4: the response to a creation contains a member twice."""
    answer = shown(project, status)
    if status == 201:
        answer.body = answer.body.replace(b"{", f'{{"slug": {json.dumps(project.slug)}, '.encode(), 1)
    return answer


@defect("errors/shape/problem-details-status")
def problem_reported_as400(api_error: Any, status: int, code: str, message: str, **headers: str) -> Answer:
    """RFC 9457 section 3.1.2: the status in problem details differs from the status of the response."""
    answer = Answer.json(status, {"title": code, "detail": message, "status": 400}, **headers)
    answer.headers["Content-Type"] = "application/problem+json"
    return answer


@defect("errors/shape/repeats-no-secret-or-markup#token-invalid-token,token-lacking-scope")
def token_echoed_in_error(request: Request, answer: Answer) -> Answer:
    """OWASP API8: an error repeats the token."""
    if not is_api_request(request) or answer.status not in (401, 403):
        return answer
    sent = json.dumps(request.headers.get("authorization", ""))
    return edited(answer, lambda document: document["error"].update(message=f"refused: {sent}"))


@defect("errors/shape/repeats-no-secret-or-markup#token-trace")
def trace_reflects_token(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.8: TRACE reflects the Authorization field."""
    if request.method != "TRACE":
        return None
    answer = Answer(200, "\r\n".join(f"{name}: {value}" for name, value in request.headers.items()).encode())
    answer.headers["Content-Type"] = "message/http"
    return answer


@defect(
    "errors/shape/no-internals#absent,bad-body,duplicate,invalid-token,lacking-scope,no-token,refused-method",
    "oauth/errors/no-internals-shown#bad-percent,byte-order-mark,empty-body,invalid-utf8,json,no-client",
    "oauth/errors/no-internals-shown#no-equals-sign,no-grant-type,non-ascii-grant-type,odd-client,only-separators",
    "oauth/errors/no-internals-shown#quotes-in-grant-type,raw-bytes,unknown-client,unknown-grant-type",
    "oauth/errors/no-internals-shown#unknown-scope-malformed,wrong-secret",
)
def field_names_the_program(request: Request, answer: Answer) -> Answer:
    """OWASP API8: a header field of an error contains a line of source code."""
    if answer.status >= 400:
        answer.headers["X-Debug-Exception-File"] = "%2Fsrv%2Fapp%2Fsrc%2FController.php:31"
    return answer
