"""Defects that break the promise "Conditional requests follow RFC 9110 section 13"."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project
from conformance.reference.one_method import defect
from conformance.reference.support.identity import is_api_request

KEPT_S = 0.5


@defect("errors/reads/etag-format")
def entity_tags_without_quotes(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.8.3: an entity tag has no quotation marks."""
    if "etag" in answer.headers:
        answer.headers["ETag"] = answer.headers["ETag"].replace('"', "")
    return answer


@defect("errors/reads/if-none-match-forms#weak")
def weak_entity_tag_is_another(if_none_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.2: If-None-Match is compared strongly."""
    return if_none_match_holds(request, project) or "W/" in request.headers["if-none-match"]


@defect("errors/reads/if-none-match-forms#any")
def any_copy_is_none(if_none_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.2: "*" in If-None-Match matches nothing."""
    return request.headers.get("if-none-match") == "*" or if_none_match_holds(request, project)


@defect("errors/reads/304-header-fields#content-length")
def not_modified_is_of_length_nought(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.6: a 304 states a length of 0, which caches then store."""
    if answer.status == 304:
        answer.headers["Content-Length"] = "0"
    return answer


@defect("errors/reads/304-only-if-unchanged")
def date_goes_before_the_entity_tag(if_none_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.3: If-Modified-Since counts although the request has If-None-Match."""
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", "")).timestamp()
    except (TypeError, ValueError):
        return if_none_match_holds(request, project)
    lately = since > time.time() - 60
    return if_none_match_holds(request, project) and not (lately and "if-none-match" in request.headers)


@defect("errors/reads/304-only-if-unchanged", state=dict)
def head_cached_for_a_while(
    cached: dict[tuple[str, str], tuple[float, str]], request: Request, answer: Answer
) -> Answer:
    """RFC 9110 section 9.3.2: HEAD returns the old entity tag for a while after an update."""
    key, now = (request.raw_path, request.headers.get("authorization", "")), time.monotonic()
    if request.method == "HEAD" and answer.status == 200 and "etag" in answer.headers:
        since, tag = cached.get(key, (0.0, ""))
        if now - since >= 2 * KEPT_S:
            cached[key] = since, tag = now, answer.headers["ETag"]
        answer.headers["ETag"] = tag
    return answer


@defect("errors/reads/304-only-if-unchanged", state=dict)
async def old_copy_is_served_again(copies: dict[tuple[str, str], bytes], get_project: Any, call: Call) -> Answer:
    """RFC 9110 section 13.1.2: a client with an old copy gets the old copy again."""
    answer = await get_project(call)
    if answer.status == 200 and call.slug:
        copies.setdefault((call.slug, answer.headers["ETag"]), answer.body)
        known = call.request.headers.get("if-none-match", "")
        answer.body = copies.get((call.slug, known), answer.body)
    return answer


@defect("errors/reads/304-header-fields#fields")
def known_copy_is412(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 13.1.2: a GET for a current copy is answered 412 instead of 304."""
    if is_api_request(request) and answer.status == 304:
        answer.status = 412
    return answer


@defect("errors/reads/304-header-fields#fields")
def not_modified_may_be_shared(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 4.3.4: a 304 allows shared caches to store the response."""
    if answer.status == 304:
        answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


@defect("errors/reads/304-header-fields#fields")
def not_modified_reports_another_version(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: a 304 has another ETag than a 200."""
    if answer.status == 304:
        answer.headers["ETag"] = answer.headers["ETag"][:-1] + 'x"'
    return answer


@defect("errors/reads/304-header-fields#fields")
def not_modified_reports_nothing(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: a 304 has no ETag."""
    if answer.status == 304:
        del answer.headers["ETag"]
    return answer
