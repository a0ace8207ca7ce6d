"""Variants of responses."""

from __future__ import annotations

import itertools
import json
import random
import secrets
import time
from collections.abc import Iterator
from urllib.parse import unquote

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.support.identity import edited, is_api_request, is_token_request, of_unstated_length

CACHE_CONTROLS = ("private, max-age=60, s-maxage=60", "public, no-cache", "max-age=0, must-revalidate, public")

SERVED = ("/api/", "/oauth/", "/.well-known/")


@variant()
def scope_stated_only_if_different(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: scope is OPTIONAL if it is the requested one."""
    if not is_token_request(request) or answer.status != 200 or b"scope=" not in request.body:
        return answer
    return edited(answer, lambda document: document.pop("scope"))


@variant()
def media_types_with_charset(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.3.1: a media type may carry parameters."""
    if answer.headers.get("content-type") == "application/json":
        answer.headers["Content-Type"] = "application/json; charset=utf-8"
    return answer


@variant()
def more_headers_on_tokens(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 5.2: other directives next to no-store, and fields of a gateway."""
    if answer.headers.get("cache-control") == "no-store":
        answer.headers["Cache-Control"] = "no-cache, no-store, must-revalidate, private"
        answer.headers["Via"] = "1.1 gateway"
    return answer


@variant()
def two_challenges(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 11.6.1: a 401 may carry several challenges."""
    if answer.status == 401 and not is_token_request(request) and request.raw_path.startswith("/api/"):
        answer.headers.append("WWW-Authenticate", 'DPoP algs="ES256"')
    return answer


@variant(state=itertools.count)
def volatile_answers(numbers: Iterator[int], request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 6.3: ids, quotas, times and server names differ between responses."""
    answer.headers["X-Request-Id"] = secrets.token_hex(8)
    answer.headers["X-RateLimit-Remaining"] = str(1000 - next(numbers) % 1000)
    answer.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
    answer.headers["X-Response-Time"] = random.choice(["1ms", "1ms", "1ms", "2ms"])
    answer.headers["X-Served-By"] = random.choice(["node-a", "node-b"])
    if answer.status >= 400 and b'"error": {' in answer.body:
        return edited(answer, lambda document: document["error"].update(request_id=secrets.token_hex(8)))
    return answer


@variant()
def caches_ask_again(request: Request, answer: Answer) -> Answer:
    """RFC 9111 sections 5.2.2.4 and 5.2.2.7: private and no-cache keep shared caches from reusing responses."""
    if is_api_request(request):
        answer.headers["Cache-Control"] = CACHE_CONTROLS[len(request.raw_path) % len(CACHE_CONTROLS)]
    return answer


@variant()
def enveloped_answers(request: Request, answer: Answer) -> Answer:
    """The contract leaves the form of responses open: content is in an envelope with a new id each time."""
    if is_api_request(request) and answer.body.startswith(b"{"):
        document = json.loads(answer.body)
        content = document if answer.status >= 400 else {"data": document}
        answer.body = json.dumps(content | {"meta": {"request_id": secrets.token_hex(8)}}).encode()
        del answer.headers["Content-Length"]
    return of_unstated_length(request, answer)


@variant()
def headers_of_a_gateway(request: Request, answer: Answer) -> Answer:
    """RFC 9110: every response has the additional fields of a gateway."""
    answer.headers["Server"] = "gateway"
    answer.headers["Via"] = "1.1 gateway"
    answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Vary"] = "Origin, Accept-Encoding"
    return answer


@variant(misses=("oauth/response/pragma-no-cache",))
def no_pragma(request: Request, answer: Answer) -> Answer:
    """RFC 9111 section 5.4: Pragma is deprecated."""
    del answer.headers["Pragma"]
    return answer


@variant()
def registry_tokens_of_short_questions(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.15: a query above 2,048 characters may be refused with 414."""
    return Answer(414) if len(request.query_string) > 2048 else None


@variant()
def key_set_is_elsewhere(request: Request) -> Answer | None:
    """RFC 9110 section 15.4.3: the key set may be redirected to its current place."""
    if request.raw_path != "/.well-known/jwks.json" or request.query_string:
        return None
    answer = Answer(302)
    answer.headers["Location"] = f"{request.raw_path}?at=present"
    return answer


@variant()
def semicolons_are_refused(request: Request) -> Answer | None:
    """RFC 6749 appendix B: a form encodes a semicolon as %3B; a bare one may be refused."""
    refused = is_token_request(request) and b";" in request.body
    return Answer.json(400, {"error": "invalid_request"}, Cache_Control="no-store") if refused else None


@variant()
def long_and_heavy_requests_are_refused_in_front(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: a gateway may refuse long URLs and large bodies with 403."""
    weight = max(len(request.body) // 100, len(request.query_string), len(request.raw_path))
    return Answer.json(403, {"error": {"code": "refused", "message": "Too long."}}) if weight > 1900 else None


@variant()
def small_forms_only(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.14: a token request above four kibibytes is refused with 413."""
    return Answer(413) if is_token_request(request) and len(request.body) > 4096 else None


def portal(request: Request) -> Answer:
    """Return the portal's single page."""
    page = Answer(200, body=b"<html><title>Portal</title></html>" if request.method == "GET" else b"")
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    return page


@variant()
def portal_is_shown_elsewhere(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.1: every unknown address shows the portal's single page."""
    served = request.raw_path.startswith(SERVED) or "token" in request.raw_path
    return None if served or request.method not in ("GET", "HEAD") else portal(request)


@variant()
def token_endpoint_shows_a_page(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.1: GET of the token endpoint shows the portal's page and issues nothing."""
    if not is_token_request(request) or request.method not in ("GET", "HEAD"):
        return None
    return portal(request)


@variant()
def other_methods_are_not_found(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.5: a router that includes the method answers 404 to other methods."""
    return Answer.json(404, {"error": "invalid_request"}) if answer.status == 405 else answer


@variant(misses=("oauth/errors/missing-grant-type-is-invalid-request",))
def missing_grant_is_unsupported(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a missing grant_type is reported as an unsupported one."""
    if is_token_request(request) and b"grant_type is missing" in answer.body:
        return edited(answer, lambda document: document.update(error="unsupported_grant_type"))
    return answer


@variant(misses=("errors/writes/created-with-location#status",))
def creation_answered_with200(request: Request, answer: Answer) -> Answer:
    """The contract names no status of success: a creation is answered with 200; 201 is a SHOULD."""
    answer.status = 200 if answer.status == 201 else answer.status
    return answer


@variant()
def texts_written_with_escapes(request: Request, answer: Answer) -> Answer:
    """RFC 8259 section 7: any character of a string may be escaped."""
    if is_api_request(request) and answer.body.startswith(b"{"):
        answer.body = answer.body.replace(b"-", b"\\u002d").replace(b"/", b"\\/")
        del answer.headers["Content-Length"]
    return of_unstated_length(request, answer)


@variant(state=itertools.count)
def reads_are_counted(numbers: Iterator[int], request: Request, answer: Answer) -> Answer:
    """A resource's representation, and so its length, may change with each read."""
    if is_api_request(request) and answer.status == 200:
        members = {"reads": next(numbers), "node": random.choice("abc"), "load": random.random()}
        edited(answer, lambda document: document.update(members))
    return of_unstated_length(request, answer)


@variant()
def cookie_of_a_balancer(request: Request, answer: Answer) -> Answer:
    """RFC 6265 section 3: a load balancer may set a cookie for any client."""
    answer.headers.append("Set-Cookie", f"balancer={secrets.token_urlsafe(12)}; Path=/")
    return answer


@variant()
def head_omits_some_fields(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD may omit fields that are determined with the content."""
    if request.method == "HEAD":
        del answer.headers["Content-Type"]
    return of_unstated_length(request, answer)


@variant()
def dots_are_redirected(request: Request) -> Answer | None:
    """RFC 3986 section 6.2.2: a path with dot segments or repeated slashes may be redirected to the normalized one."""
    kept: list[str] = []
    for segment in unquote(request.raw_path, "latin-1").split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    if "/" + "/".join(kept) == unquote(request.raw_path, "latin-1"):
        return None
    answer = Answer(301)
    answer.headers["Location"] = json.dumps("/" + "/".join(kept))[1:-1]
    return answer


@variant()
def no_retry_after(request: Request, answer: Answer) -> Answer:
    """RFC 6585 section 4: a 429 may omit Retry-After."""
    if answer.status == 429:
        del answer.headers["Retry-After"]
    return answer


@variant()
def registry_tokens_behind_a_redirect(request: Request) -> Answer | None:
    """RFC 9110 section 15.4: the token endpoint may redirect to another path of its host."""
    if request.method != "GET" or request.raw_path != "/registry/token" or request.parameter("led"):
        return None
    answer = Answer(307)
    answer.headers["Location"] = f"{request.raw_path}?{request.query_string}&led=here"
    return answer


@variant()
def portal_reads_with_credentials(request: Request, answer: Answer) -> Answer:
    """Fetch standard, CORS protocol: responses allow one origin to read with credentials."""
    answer.headers["Access-Control-Allow-Origin"] = "https://portal.example"
    answer.headers["Access-Control-Allow-Credentials"] = "true"
    return answer
