"""Defects in how bodies come and answers go: in chunks, in codings and charsets, under long names, to two at once."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Segments
from conformance.reference.identity.records import Organization, Project

Removal = Callable[..., Any]
PAUSE_S = 0.02


class _CrashingWrite(Defect):
    def body_object(self, original: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
        if self._trips(request):
            raise LookupError(request.method)
        return original(request)

    def _trips(self, request: Request) -> bool:
        raise NotImplementedError


class NamedCodingCrashesUpdates(_CrashingWrite):
    """The contract's table of errors: a body that is not in the coding that it names is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-in-no-such-coding",)
    crashes = (LookupError,)

    def _trips(self, request: Request) -> bool:
        return request.headers.get("content-encoding") == "gzip" and not request.body.startswith(b"\x1f\x8b")


class ByteOrderMarkCrashes(_CrashingWrite):
    """The contract's table of errors: three bytes that editors put before a text are no reason for a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/heavy-bodies-are-no-server-error#byte-order-mark-create",
        "errors/5xx/heavy-bodies-are-no-server-error#byte-order-mark-update",
    )
    crashes = (LookupError,)

    def _trips(self, request: Request) -> bool:
        return request.body.startswith(b"\xef\xbb\xbf")


class UnknownCharsetCrashes(_CrashingWrite):
    """The contract's table of errors: a charset that nobody knows is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-of-no-charset-that-is",)
    crashes = (LookupError,)

    def _trips(self, request: Request) -> bool:
        named = request.headers.get("content-type", "").lower().replace('"', "")
        return "charset=" in named and not named.endswith("charset=utf-8")


class PartsWithoutBoundaryCrash(_CrashingWrite):
    """The contract's table of errors: a body of parts that does not say where they end is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-of-parts-without-boundary",)
    crashes = (LookupError,)

    def _trips(self, request: Request) -> bool:
        return request.headers.get("content-type", "") == "multipart/form-data"


class HalfATypeCrashes(_CrashingWrite):
    """The contract's table of errors: a Content-Type without a slash is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-of-half-a-type",)
    crashes = (LookupError,)

    def _trips(self, request: Request) -> bool:
        return "/" not in request.headers.get("content-type", "/")


class ChunkedWriteIsEmpty(Defect):
    """RFC 9112 section 7.1: a body in chunks is a body; what goes by Content-Length alone finds none."""

    surface = "identity"
    noticed_by = ("errors/writes/chunked-is-read",)

    def body_object(self, original: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
        return original(request if "content-length" in request.headers else replace(request, body=b""))


class CodingNotTold(Defect):
    """RFC 9110 section 8.4: who compresses an answer tells of it."""

    surface = "identity"
    noticed_by = ("errors/reads/content-coding-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and "gzip" in request.headers.get("accept-encoding", "") and answer.body:
            answer.body = gzip.compress(answer.body)
            del answer.headers["Content-Length"]
        return answer


class CodingOfListsToldOnly(Defect):
    """RFC 9110 section 8.4: nor is it told of an answer that is long enough for it, and passed on as it was."""

    surface = "identity"
    noticed_by = ("errors/reads/content-coding-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b'"items"' in answer.body and "gzip" in request.headers.get("accept-encoding", ""):
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class HeadFindsTheAbsent(Defect):
    """RFC 9110 section 9.3.2: HEAD tells what GET would: nothing is there (a route for HEAD answers by itself)."""

    surface = "identity"
    noticed_by = ("errors/404/head-of-what-is-absent",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and request.method == "HEAD" and answer.status == 404:
            return Answer(200)
        return answer


class AnythingBelowAnItemIsTheItem(Defect):
    """The contract's table of errors: 404 for a path that names nothing, below an item as well."""

    surface = "identity"
    noticed_by = ("errors/404/unknown-path",)

    def route(self, original: Callable[[Segments], str | None], segments: Segments) -> str | None:
        return original(segments[:6]) if segments[4:5] == ("projects",) else original(segments)


class LongSlugCrashes(Defect):
    """The contract's table of errors: 400 for a slug that is too long, never a 5xx (a column of 255 characters)."""

    surface = "identity"
    noticed_by = ("errors/5xx/heavy-bodies-are-no-server-error#long-name-create",)
    crashes = (ValueError,)

    def is_slug(self, original: Callable[[Any], bool], slug: Any) -> bool:
        if isinstance(slug, str) and len(slug) > 255:
            raise ValueError(slug)
        return original(slug)


class SecondDeletionAtOnceCrashes(Defect):
    """The contract's table of errors: a deletion of what was deleted meanwhile is 404 or 409, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/changes-at-once-are-no-server-error",)
    crashes = (KeyError,)

    async def remove_project(
        self, original: Removal, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        await asyncio.sleep(PAUSE_S)
        return bool(await original(organization, organization.projects[project.slug], still_holds))


class DeletionWithALengthRefused(Defect):
    """RFC 9110 section 8.6: Content-Length: 0 says that there is no content, to a deletion as well; it is none."""

    surface = "identity"
    noticed_by = ("errors/409/slug-is-free-after-deletion",)

    def intercept(self, request: Request) -> Answer | None:
        told = is_api_request(request) and request.method == "DELETE" and "content-length" in request.headers
        return Answer.json(400, {"error": {"code": "bad_request", "message": "unexpected body"}}) if told else None


class ProblemToldAs400(Defect):
    """RFC 9457 section 3.1.2: the status of problem details is that of their answer."""

    surface = "identity"
    noticed_by = ("errors/shape/problem-details-tell-the-status",)

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        answer = Answer.json(status, {"title": code, "detail": message, "status": 400}, **headers)
        answer.headers["Content-Type"] = "application/problem+json"
        return answer


class PageOfAnErrorCrashes(Defect):
    """The contract's table of errors: a fault of the caller's is none of the service's that has no page for it."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/hostile-headers-are-no-server-error#page-of-400",
        "errors/5xx/hostile-headers-are-no-server-error#page-of-404",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and request.headers.get("accept") == "text/html":
            answer.status = 500
        return answer


class FieldNamesTheProgram(Defect):
    """OWASP API8: errors show no line of the program, in a header field neither."""

    surface = "identity"
    noticed_by = (
        "errors/shape/shows-no-internals#absent",
        "errors/shape/shows-no-internals#bad-body",
        "errors/shape/shows-no-internals#duplicate",
        "errors/shape/shows-no-internals#invalid-token",
        "errors/shape/shows-no-internals#lacking-scope",
        "errors/shape/shows-no-internals#no-token",
        "errors/shape/shows-no-internals#refused-method",
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


class TraceReflectsToken(Defect):
    """RFC 9110 section 9.3.8: what reflects a request leaves out what is likely to be secret."""

    surface = "identity"
    noticed_by = ("errors/shape/repeats-no-token#trace",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "TRACE":
            return None
        answer = Answer(200, "\r\n".join(f"{name}: {value}" for name, value in request.headers.items()).encode())
        answer.headers["Content-Type"] = "message/http"
        return answer


class DateOfAnswersInAnotherForm(Defect):
    """RFC 9110 section 5.6.7: a Date is in the form that mail has; here it is as in the bodies."""

    surface = "identity"
    noticed_by = ("errors/reads/dates-are-dates",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request):
            answer.headers["Date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return answer


class ItemsModifiedTomorrow(Defect):
    """RFC 9110 section 8.8.2.1: Last-Modified is not later than the answer; here local time is called GMT."""

    surface = "identity"
    noticed_by = ("errors/reads/dates-are-dates",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        answer.headers["Last-Modified"] = formatdate(time.time() + 7200, usegmt=True)
        return answer


class PartIsToldAsTheWhole(Defect):
    """RFC 9110 section 15.3.7: a part that was asked for is answered with 206, and never with 200."""

    surface = "identity"
    noticed_by = ("errors/reads/part-is-told-as-part",)
    status = 200

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200 and request.headers.get("range") == "bytes=0-9":
            answer.status, answer.body = self.status, answer.body[:10]
            del answer.headers["Content-Length"]
        return answer


class PartSaysNotWhich(PartIsToldAsTheWhole):
    """RFC 9110 section 15.3.7.1: a 206 MUST have a Content-Range."""

    noticed_by = ("errors/reads/part-is-told-as-part",)

    status = 206
