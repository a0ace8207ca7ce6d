"""Defects that break the promise "Responses are well-formed HTTP (RFC 9110, RFC 9112)"."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Project
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import is_api_request, surface_of
from tests.defects.support.identity import InPages


def _not_acceptable(unread: str) -> Callable[[Request], Answer | None]:
    """Return an ``intercept`` that answers 406 if Accept matches ``unread``."""

    def intercept(request: Request) -> Answer | None:
        if is_api_request(request) and re.search(unread, request.headers.get("accept", "")):
            return Answer.json(406, {"error": "not_acceptable", "message": "Nothing of that type is here."})
        return None

    return intercept


def _followed_by_content(method: str, status: int) -> Callable[[Request, Answer], Answer]:
    """Return a ``rewrite`` that sends two bytes after an answer that has no content."""

    def rewrite(request: Request, answer: Answer) -> Answer:
        if answer.status == status and request.method == method and is_api_request(request):
            answer.astray = b"{}"
        return answer

    return rewrite


ROWS = (
    row(
        "api-charset-refused",
        "RFC 8259 section 11: a charset parameter after application/json is refused.",
        "errors/requests/media-type-forms#blank-before,charset,quoted-charset",
        is_json=lambda original, request: original(request) and ";" not in request.headers["content-type"],
    ),
    row(
        "range-of-types-unknown",
        "RFC 9110 section 12.5.1: application/* includes JSON; here it is answered 406.",
        "errors/requests/equivalent-forms#accept-range",
        intercept=_not_acceptable(r"[a-z]/\*"),
    ),
    row(
        "weight-treated-as-the-part-of-a-type",
        "RFC 9110 section 12.5.1: a weight is no part of a media type; here it makes JSON unacceptable.",
        "errors/requests/equivalent-forms#accept-weight",
        intercept=_not_acceptable("json *;"),
    ),
    row(
        "wanted-type-compared-with-case",
        "RFC 9110 section 8.3.1: media types are case-insensitive; here Accept is compared with case.",
        "errors/requests/equivalent-forms#accept-upper-case",
        intercept=_not_acceptable("JSON"),
    ),
    row(
        "one-type-wanted-at-a-time",
        "RFC 9110 section 12.5.1: one of several accepted types is enough; here only the first counts.",
        "errors/requests/equivalent-forms#accept-any",
        intercept=_not_acceptable("^[^,]*image/webp"),
    ),
    row(
        "deletion-is-followed-by-an-object",
        "RFC 9112 section 6.3: a 204 has no content; here a client reads some as the next response.",
        "errors/writes/204-has-no-length",
        rewrite=_followed_by_content("DELETE", 204),
    ),
    row(
        "head-is-followed-by-content",
        "RFC 9112 section 6.3: a response to HEAD has no content; here it has the content of GET.",
        "errors/reads/head-and-304-have-no-body#head",
        rewrite=_followed_by_content("HEAD", 200),
    ),
    row(
        "not-modified-is-followed-by-content",
        "RFC 9112 section 6.3: a 304 has no content; here it has some.",
        "errors/reads/head-and-304-have-no-body#not-modified",
        rewrite=_followed_by_content("GET", 304),
    ),
)


@defect("errors/405/unsupported-method#whole-run,post-to-item,put")
def api_allow_missing(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.6: a 405 has no Allow."""
    if is_api_request(request) and answer.status == 405:
        del answer.headers["Allow"]
    return answer


@defect("errors/405/unsupported-method#put", crashes=(KeyError,))
def unknown_method_crashes(method_not_allowed: Any, route: str) -> Answer:
    """RFC 9110 section 15.5.6: an unknown method is answered 500."""
    raise KeyError(route)


@defect("errors/reads/content-coding-is-declared")
def coding_not_reported(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: a compressed response has no Content-Encoding."""
    if is_api_request(request) and "gzip" in request.headers.get("accept-encoding", "") and answer.body:
        answer.body = gzip.compress(answer.body)
        del answer.headers["Content-Length"]
    return answer


@defect("errors/reads/content-coding-is-declared")
def coding_of_lists_reported_only(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: an uncompressed list has Content-Encoding: gzip."""
    if b'"items"' in answer.body and "gzip" in request.headers.get("accept-encoding", ""):
        answer.headers["Content-Encoding"] = "gzip"
    return answer


@defect("errors/reads/content-coding-is-declared")
def coding_is_utf8(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: Content-Encoding names UTF-8, which is no content coding."""
    if is_api_request(request):
        answer.headers["Content-Encoding"] = "utf-8"
    return answer


@defect("errors/reads/dates")
def date_of_answers_in_another_form(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 5.6.7: Date has the format of the bodies instead of an HTTP date."""
    if is_api_request(request):
        answer.headers["Date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return answer


@defect("errors/reads/dates")
def items_modified_tomorrow(shown: Any, project: Project, status: int = 200) -> Answer:
    """RFC 9110 section 8.8.2.1: Last-Modified is later than the response: local time is called GMT."""
    answer = shown(project, status)
    answer.headers["Last-Modified"] = formatdate(time.time() + 7200, usegmt=True)
    return answer


@defect("errors/reads/no-unaccepted-coding#identity", "authorization/bearer/head-is-as-get")
def answers_compressed_unrequested(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 12.5.3: a response is compressed although the client accepts no coding."""
    if answer.body and request.headers.get("accept-encoding") == "identity":
        answer.body = gzip.compress(answer.body, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
        del answer.headers["Content-Length"]
    return answer


@defect("errors/reads/no-unaccepted-coding#gzip-with-weight-0")
def weight_of_a_coding_unread(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 12.4.2: a coding of weight 0 is treated as accepted."""
    if answer.body and "gzip" in request.headers.get("accept-encoding", ""):
        answer.body = gzip.compress(answer.body, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
        del answer.headers["Content-Length"]
    return answer


class PartIsReportedAsTheWhole(Defect):
    """RFC 9110 section 15.3.7: a part is answered 200 instead of 206."""

    noticed_by = ("errors/reads/partial-content",)
    status = 200

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200 and request.headers.get("range") == "bytes=0-9":
            answer.status, answer.body = self.status, answer.body[:10]
            del answer.headers["Content-Length"]
        return answer


class PartDoesNotSayWhich(PartIsReportedAsTheWhole):
    """RFC 9110 section 15.3.7.1: a 206 has no Content-Range."""

    noticed_by = ("errors/reads/partial-content",)

    status = 206


@defect("errors/requests/equivalent-forms#update")
def update_by_encoded_path_knows_no_charset(is_json: Any, request: Request) -> bool:
    """RFC 8259 section 11: a charset parameter is refused if the path is percent-encoded."""
    return is_json(request) and not ("%" in request.raw_path and ";" in request.headers["content-type"])


@defect("errors/requests/equivalent-forms#create,delete,read,read-item")
async def blank_in_accept_not_acceptable(api: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
    """RFC 9110 section 5.6.1: a blank before a comma in Accept is answered 406."""
    if " ," in request.headers.get("accept", ""):
        return surface_of(api).api_error(406, "not_acceptable", "There is no such form.")
    return await api(request, segments)


@defect("errors/shape/single-header-fields")
def creation_is_of_two_types(shown: Any, project: Project, status: int = 200) -> Answer:
    """RFC 9110 section 5.3: a creation is answered with two Content-Type lines."""
    answer = shown(project, status)
    if status == 201:
        answer.headers.append("Content-Type", "application/json; charset=utf-8")
    return answer


class FurtherPagesAreNoJson(InPages, Defect):
    """RFC 9110 section 8.3: each page of a list after the first is called text/html."""

    noticed_by = ("errors/shape/json-content-type",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "offset=" in request.query_string and answer.body.startswith(b"{"):
            answer.headers["Content-Type"] = "text/html; charset=utf-8"
        return answer


@defect("errors/requests/equivalent-forms#chunked-body")
def chunked_write_is_empty(body_object: Any, request: Request) -> dict[str, Any]:
    """RFC 9112 section 7.1: a chunked body is read as empty."""
    return body_object(request if "content-length" in request.headers else replace(request, body=b""))


@defect("errors/requests/media-type-forms#upper-case")
def api_media_type_compared_with_case(is_json: Any, request: Request) -> bool:
    """RFC 9110 section 8.3.1: the media type is compared with case."""
    return is_json(request) and request.headers["content-type"].startswith("application/json")


@defect("errors/writes/204-has-no-length")
def deletion_reports_a_length(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.6: a 204 has a Content-Length."""
    if answer.status == 204:
        answer.headers["Content-Length"] = "0"
    return answer
