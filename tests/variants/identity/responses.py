"""Variants of responses."""

from __future__ import annotations

import itertools
import json
import random
import secrets
import time
from collections.abc import Iterator
from urllib.parse import unquote

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.support.identity import edited, is_api_request, is_token_request, of_unstated_length

SERVED = ("/api/", "/oauth/", "/.well-known/")


@variant()
def scope_stated_only_if_different(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.1: scope is OPTIONAL in the answer where it is the one that was asked for."""
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
    """RFC 9111 section 5.2: directives beside no-store, and headers of a gateway."""
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
    """RFC 9110 section 6.3: ids, quotas, times of few values and server names may differ from answer to answer."""
    answer.headers["X-Request-Id"] = secrets.token_hex(8)
    answer.headers["X-RateLimit-Remaining"] = str(1000 - next(numbers) % 1000)
    answer.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
    answer.headers["X-Response-Time"] = random.choice(["1ms", "1ms", "1ms", "2ms"])
    answer.headers["X-Served-By"] = random.choice(["node-a", "node-b"])
    if answer.status >= 400 and b'"error": {' in answer.body:
        return edited(answer, lambda document: document["error"].update(request_id=secrets.token_hex(8)))
    return answer


class CachesAskAgain(Variant):
    """RFC 9111 sections 5.2.2.4 and 5.2.2.7: no shared cache gives out unasked what is private, or to be asked for."""

    ways = ("private, max-age=60, s-maxage=60", "public, no-cache", "max-age=0, must-revalidate, public")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request):
            answer.headers["Cache-Control"] = self.ways[len(request.raw_path) % len(self.ways)]
        return answer


@variant()
def enveloped_answers(request: Request, answer: Answer) -> Answer:
    """The contract leaves the shape of answers open: content in an envelope, beside an id that is new each time."""
    if is_api_request(request) and answer.body.startswith(b"{"):
        document = json.loads(answer.body)
        content = document if answer.status >= 400 else {"data": document}
        answer.body = json.dumps(content | {"meta": {"request_id": secrets.token_hex(8)}}).encode()
        del answer.headers["Content-Length"]
    return of_unstated_length(request, answer)


@variant()
def headers_of_a_gateway(request: Request, answer: Answer) -> Answer:
    """RFC 9110: fields that gateways add to every answer promise and break nothing."""
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
    """RFC 9110 section 15.5.15: a server need not take any address; some take no query above 2,048 characters."""
    return Answer(414) if len(request.query_string) > 2048 else None


@variant()
def key_set_is_elsewhere(request: Request) -> Answer | None:
    """RFC 9110 section 15.4.3: who asks for the key set may be led to where it is now."""
    if request.raw_path != "/.well-known/jwks.json" or request.query_string:
        return None
    answer = Answer(302)
    answer.headers["Location"] = f"{request.raw_path}?at=present"
    return answer


@variant()
def semicolons_are_refused(request: Request) -> Answer | None:
    """RFC 6749 appendix B: a form writes a semicolon as %3B; some libraries refuse a bare one."""
    refused = is_token_request(request) and b";" in request.body
    return Answer.json(400, {"error": "invalid_request"}, Cache_Control="no-store") if refused else None


@variant()
def long_and_heavy_requests_are_refused_in_front(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: a gateway may refuse long addresses and large bodies by 403, and need not say why."""
    weight = max(len(request.body) // 100, len(request.query_string), len(request.raw_path))
    return Answer.json(403, {"error": {"code": "refused", "message": "Too long."}}) if weight > 1900 else None


@variant()
def small_forms_only(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.14: how much is too much a server may say; here four kibibytes of a token request are."""
    return Answer(413) if is_token_request(request) and len(request.body) > 4096 else None


def portal(request: Request) -> Answer:
    """The portal's one page."""
    page = Answer(200, body=b"<html><title>Portal</title></html>" if request.method == "GET" else b"")
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    return page


@variant()
def portal_is_shown_elsewhere(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.1: where no service is, the portal's one page is shown, and finds its way by itself."""
    served = request.raw_path.startswith(SERVED) or "token" in request.raw_path
    return None if served or request.method not in ("GET", "HEAD") else portal(request)


@variant()
def token_endpoint_shows_a_page(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.1: GET of the token endpoint shows the portal's one page, and issues nothing."""
    if not is_token_request(request) or request.method not in ("GET", "HEAD"):
        return None
    return portal(request)


@variant()
def other_methods_are_not_found(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.5: routers that know a path by its method answer 404 to any other."""
    return Answer.json(404, {"error": "invalid_request"}) if answer.status == 405 else answer


@variant(misses=("oauth/errors/missing-grant-type-is-invalid-request",))
def missing_grant_is_unsupported(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: many take a missing grant_type for an unsupported one."""
    if is_token_request(request) and b"grant_type is missing" in answer.body:
        return edited(answer, lambda document: document.update(error="unsupported_grant_type"))
    return answer


@variant(misses=("errors/writes/created-with-location#status",))
def creation_answered_with200(request: Request, answer: Answer) -> Answer:
    """The contract names no status of success: 200 for a creation, which 201 SHOULD be."""
    answer.status = 200 if answer.status == 201 else answer.status
    return answer


@variant()
def texts_written_with_escapes(request: Request, answer: Answer) -> Answer:
    """RFC 8259 section 7: any character of a text may be escaped."""
    if is_api_request(request) and answer.body.startswith(b"{"):
        answer.body = answer.body.replace(b"-", b"\\u002d").replace(b"/", b"\\/")
        del answer.headers["Content-Length"]
    return of_unstated_length(request, answer)


@variant(state=itertools.count)
def reads_are_counted(numbers: Iterator[int], request: Request, answer: Answer) -> Answer:
    """What is told of a thing may change with each read, and its length with it; some of it has few values."""
    if is_api_request(request) and answer.status == 200:
        members = {"reads": next(numbers), "node": random.choice("abc"), "load": random.random()}
        edited(answer, lambda document: document.update(members))
    return of_unstated_length(request, answer)


@variant()
def cookie_of_a_balancer(request: Request, answer: Answer) -> Answer:
    """RFC 6265 section 3: what stands in front may keep a caller to one server, whoever it is."""
    answer.headers.append("Set-Cookie", f"balancer={secrets.token_urlsafe(12)}; Path=/")
    return answer


@variant()
def head_omits_some_fields(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: fields that only making the content would tell may be left out."""
    if request.method == "HEAD":
        del answer.headers["Content-Type"]
    return of_unstated_length(request, answer)


@variant()
def dots_are_redirected(request: Request) -> Answer | None:
    """RFC 3986 section 6.2.2: a path with dots in it names another, and may be led there; so may slashes too many."""
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
    """RFC 6585 section 4: a 429 may tell how long to wait, and need not."""
    if answer.status == 429:
        del answer.headers["Retry-After"]
    return answer


@variant()
def registry_tokens_behind_a_redirect(request: Request) -> Answer | None:
    """RFC 9110 section 15.4: the token endpoint may lead elsewhere on its host, where engines follow it."""
    if request.method != "GET" or request.raw_path != "/registry/token" or request.parameter("led"):
        return None
    answer = Answer(307)
    answer.headers["Location"] = f"{request.raw_path}?{request.query_string}&led=here"
    return answer


@variant()
def portal_reads_with_credentials(request: Request, answer: Answer) -> Answer:
    """Fetch standard, CORS protocol: the pages of one origin may read with credentials, and every answer says so."""
    answer.headers["Access-Control-Allow-Origin"] = "https://portal.example"
    answer.headers["Access-Control-Allow-Credentials"] = "true"
    return answer
