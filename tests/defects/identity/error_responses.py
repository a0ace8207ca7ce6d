"""Defects that break the promise "Error responses have one documented shape and leak no internals"."""

from __future__ import annotations

import json
from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Project
from conformance.reference.support.identity import edited, is_api_request


class PathsRepeatedUnescaped(Defect):
    """The contract's table of errors: one shape of error; here one that a path can break."""

    surface = "identity"
    noticed_by = (
        "errors/shape/one-shape#backslash",
        "errors/shape/one-shape#line-end",
        "errors/shape/one-shape#quotation-mark",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 404:
            answer.body = answer.body.replace(b"such resource", request.path.encode())
            del answer.headers["Content-Length"]
        return answer


class CreationNamesItsSlugTwice(Defect):
    """RFC 8259 section 4: what is put together of texts has a name twice."""

    surface = "identity"
    noticed_by = ("errors/shape/unique-member-names",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status == 201:
            answer.body = answer.body.replace(b"{", f'{{"slug": {json.dumps(project.slug)}, '.encode(), 1)
        return answer


class ProblemToldAs400(Defect):
    """RFC 9457 section 3.1.2: the status of problem details is that of their answer."""

    surface = "identity"
    noticed_by = ("errors/shape/problem-details-status",)

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        answer = Answer.json(status, {"title": code, "detail": message, "status": 400}, **headers)
        answer.headers["Content-Type"] = "application/problem+json"
        return answer


class TokenEchoedInError(Defect):
    """OWASP API8: an error never repeats the token."""

    surface = "identity"
    noticed_by = (
        "errors/shape/repeats-no-secret-or-markup#token-invalid-token",
        "errors/shape/repeats-no-secret-or-markup#token-lacking-scope",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_api_request(request) or answer.status not in (401, 403):
            return answer
        sent = json.dumps(request.headers.get("authorization", ""))
        return edited(answer, lambda document: document["error"].update(message=f"refused: {sent}"))


class TraceReflectsToken(Defect):
    """RFC 9110 section 9.3.8: what reflects a request leaves out what is likely to be secret."""

    surface = "identity"
    noticed_by = ("errors/shape/repeats-no-secret-or-markup#token-trace",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "TRACE":
            return None
        answer = Answer(200, "\r\n".join(f"{name}: {value}" for name, value in request.headers.items()).encode())
        answer.headers["Content-Type"] = "message/http"
        return answer


class FieldNamesTheProgram(Defect):
    """OWASP API8: errors show no line of the program, in a header field neither."""

    surface = "identity"
    noticed_by = (
        "errors/shape/no-internals#absent",
        "errors/shape/no-internals#bad-body",
        "errors/shape/no-internals#duplicate",
        "errors/shape/no-internals#invalid-token",
        "errors/shape/no-internals#lacking-scope",
        "errors/shape/no-internals#no-token",
        "errors/shape/no-internals#refused-method",
        "oauth/errors/no-internals-shown#bad-percent",
        "oauth/errors/no-internals-shown#byte-order-mark",
        "oauth/errors/no-internals-shown#empty-body",
        "oauth/errors/no-internals-shown#invalid-utf8",
        "oauth/errors/no-internals-shown#json",
        "oauth/errors/no-internals-shown#no-client",
        "oauth/errors/no-internals-shown#no-equals-sign",
        "oauth/errors/no-internals-shown#no-grant-type",
        "oauth/errors/no-internals-shown#non-ascii-grant-type",
        "oauth/errors/no-internals-shown#odd-client",
        "oauth/errors/no-internals-shown#only-separators",
        "oauth/errors/no-internals-shown#quotes-in-grant-type",
        "oauth/errors/no-internals-shown#raw-bytes",
        "oauth/errors/no-internals-shown#unknown-client",
        "oauth/errors/no-internals-shown#unknown-grant-type",
        "oauth/errors/no-internals-shown#unknown-scope-malformed",
        "oauth/errors/no-internals-shown#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400:
            answer.headers["X-Debug-Exception-File"] = "%2Fsrv%2Fapp%2Fsrc%2FController.php:31"
        return answer
