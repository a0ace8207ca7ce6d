"""Variants of responses."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from types import SimpleNamespace
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, Route
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import kind_of, registry_of, without, without_delete
from tests.defects.support.registry import EveryTwentieth

CODES_OF_OCI = {
    b"PAGINATION_NUMBER_INVALID": b"UNSUPPORTED",
    b"RANGE_INVALID": b"BLOB_UPLOAD_INVALID",
    b"TAG_INVALID": b"MANIFEST_INVALID",
}

SLUGS = re.compile("orgs/[a-z0-9][a-z0-9-]*[a-z0-9]/[a-z0-9][a-z0-9-]*[a-z0-9]")
LISTS = ("tags", "catalog", "referrers")
NO_ENDPOINT = (404, 400)


@variant(misses=("registry/pull/type-has-no-parameters",))
def content_type_parameters(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pulling manifests: a client ignores parameters of Content-Type."""
    media_type = answer.headers.get("content-type", "")
    if "json" in media_type:
        answer.headers["Content-Type"] = f"{media_type}; charset=utf-8"
    return answer


@variant()
def refused_with_another4xx(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Pushing an Image Manifest: "a relevant 4xx response", here others than usual."""
    if request.method != "PUT" or kind_of(request) != "manifest" or answer.status not in (400, 404):
        return answer
    code = json.loads(answer.body)["errors"][0]["code"]
    if code == "DIGEST_INVALID" and "sha256:" in request.path:
        answer.body = answer.body.replace(b"DIGEST_INVALID", b"MANIFEST_INVALID")
    elif code in ("TAG_INVALID", "NAME_INVALID", "MANIFEST_BLOB_UNKNOWN") or b"mediaType" in answer.body:
        answer.status = 409
    return answer


@variant()
async def unknown_repository_is_name_unknown(answer: Any, request: Request) -> Answer:
    """distribution-spec 1.1, Error Codes: a missing repository may be reported as NAME_UNKNOWN."""
    try:
        return await answer(request)
    except Refusal as refusal:
        registry = registry_of(answer)
        _, name, _ = registry.route_of(request.path)
        if refusal.code not in ("BLOB_UNKNOWN", "MANIFEST_UNKNOWN") or name in registry.repositories:
            raise
        raise Refusal("NAME_UNKNOWN", {"name": name}) from None


@variant(state=EveryTwentieth)
def refused_once_in_a_while(twentieth: EveryTwentieth, request: Request) -> Answer | None:
    """RFC 6585 section 4: 429 with Retry-After, after which the same request is served."""
    if not kind_of(request) or not twentieth.due():
        return None
    answer = Refusal("TOOMANYREQUESTS", headers=[("Retry-After", "0")]).answer()
    answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    return answer


@variant()
def errors_without_detail(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Error Codes: message and detail are optional, and there may be further members."""
    if answer.status >= 400 and answer.body:
        codes = re.findall(rb'"code": ("[A-Z_]+")', answer.body)
        entries = b", ".join(b'{"code": %s}' % code for code in codes)
        answer.body = b'{"errors": [%s], "trace": "0af7651916cd43dd"}' % entries
        answer = without(answer, "Content-Length")
    return answer


@variant()
def headers_in_title_case(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 5.1: field names are case-insensitive and may be in any order."""
    copy = Answer(answer.status, answer.body)
    for name, value in sorted(answer.headers.raw, reverse=True):
        copy.headers.raw.append((name if name == b"content-length" else name.title(), value))
    return copy


@variant()
async def support_check_takes_no_scope(support: Any, call: Call) -> Answer:
    """Docker token authentication: /v2/ accepts only a token without scopes."""
    if call.caller.grants:
        raise registry_of(support).insufficient([])
    return await support(call)


@variant()
def chunk_refused_without_body(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Chunked Upload: the 416 of a chunk needs only Location and Range."""
    if answer.status == 416 and request.method == "PATCH":
        answer.body = b""
        return without(answer, "Content-Type")
    return answer


class CancellingUnsupported(Variant):
    """distribution-spec 1.1: uploads cannot be cancelled, which Docker's Registry V2 offers: 405 to any client."""

    misses = ("registry/upload/cancelling-is-204",)

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind == "upload" else route, method)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and request.method == "DELETE":
            answer.body = b"Method Not Allowed"
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


@variant()
def capitals_treated_as_small_letters(check_digest: Any, text: str | None) -> str:
    """image-spec, Digests: capitals in a digest are not allowed; a registry may treat them as lower case."""
    return check_digest(text and text.lower())


@variant()
def answers_compressed(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4.1.3: responses are compressed for clients that accept gzip."""
    accepted = request.headers.get("accept-encoding", "")
    whole = request.method == "GET" and answer.body and answer.status != 206
    if whole and "gzip" in accepted and "gzip;q=0" not in accepted:
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Length"] = str(len(answer.body))
        answer.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        if "ETag" in answer.headers:
            answer.headers["ETag"] = "W/" + answer.headers["ETag"]
    return answer


@variant()
def blob_type_reported_with_its_bytes_only(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD may omit fields that are determined with the content, such as the type."""
    return without(answer, "Content-Type") if request.method == "HEAD" and kind_of(request) == "blob" else answer


@variant()
def codes_of_oci_only(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Error Codes: a registry may use only the codes of that table."""
    if answer.status >= 400:
        for code, instead in CODES_OF_OCI.items():
            answer.body = answer.body.replace(code, instead)
    return answer


@variant()
def accept_heeded(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 12.5.1: 406 where Accept excludes the type, also of a blob."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if request.method not in ("GET", "HEAD") or answer.status not in (200, 206) or "/manifests/" in request.path:
        return answer
    taken = [each.partition(";")[0].strip() for each in request.headers.get("accept", "*/*").split(",")]
    if {kind, kind.partition("/")[0] + "/*", "*/*"} & set(taken):
        return answer
    return Answer.json(406, {"errors": [{"code": "UNSUPPORTED", "message": "not acceptable"}]})


@variant()
async def absence_reported_before_the_method(answer: Any, request: Request) -> Answer:
    """RFC 9110 section 15.5.6: 404 for a missing resource whatever the method; 405 is for existing ones."""
    registry = registry_of(answer)
    route, name, reference = registry.route_of(request.path)
    stored = registry.stored(name)
    there = {"manifest": {*stored.tags, *stored.manifests}, "blob": set(stored.blobs)}.get(route.kind)
    if request.method not in route.handlers and there is not None and reference not in there:
        registry.authorize(route.kind, name, request)
        raise Refusal("MANIFEST_UNKNOWN" if route.kind == "manifest" else "BLOB_UNKNOWN")
    return await answer(request)


@variant(misses=("registry/upload/cancelling-is-204",))
def cancelling_not_implemented(check_method: Any, route: Route, method: str) -> None:
    """RFC 9110 section 15.6.2: a server that cannot cancel uploads may answer 501 to any client."""
    if route.kind == "upload" and method == "DELETE":
        raise Refusal("UNSUPPORTED", {"method": method}, status=501)
    check_method(route, method)


@variant()
def names_are_slugs_only(is_name: Any, text: str) -> bool:
    """API Reference, Docker Registry: images are named orgs/{org-slug}/{app-slug}; other names may be invalid."""
    return bool(is_name(text)) and SLUGS.fullmatch(text) is not None


@variant()
def names_of_any_length(is_name: Any, text: str) -> bool:
    """distribution-spec 1.1, Pulling manifests: the grammar does not limit the length of names."""
    return grammar.is_name_of_any_length(text)


@variant()
def slashes_merged(route_of: Any, path: str) -> tuple[Route, str, str]:
    """RFC 3986 section 6.2: a server or proxy may normalize a path before it looks at names."""
    return route_of(re.sub("/{2,}", "/", path))


@variant()
def lists_redirected(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.8: a registry in front of regions may redirect list requests to one of them."""
    reads = request.method in ("GET", "HEAD") and kind_of(request) in LISTS
    if answer.status not in (200, 404) or not reads or request.parameter("at"):
        return answer
    query = f"{request.query_string}&at=1" if request.query_string else "at=1"
    led = Answer(307)
    led.headers["Location"] = f"{request.raw_path}?{query}"
    return led


def _rewritten(body: bytes) -> bytes:
    document = dict(reversed(json.loads(body).items()))
    text = json.dumps({"$schema": None, **document}, indent="\t")
    escaped = re.sub(r'(?<=[A-Za-z0-9])[a-zA-Z](?=[A-Za-z0-9/:-]*")', lambda found: f"\\u{ord(found[0]):04X}", text)
    return f"\r\n {escaped}\n".replace("/", "\\/").encode()


@variant()
def registry_json_serialized_differently(request: Request, answer: Answer) -> Answer:
    """RFC 8259: white space, escapes, member order and further members differ."""
    if answer.body.startswith(b"{") and (answer.status >= 400 or kind_of(request) in LISTS):
        answer.body = _rewritten(answer.body)
    return answer


@variant()
def warnings_reported(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Warnings: responses may have warnings, also those of caches (RFC 7234)."""
    if kind_of(request):
        answer.headers.append("Warning", '299 - "use of \\"latest\\" is discouraged, by your operator"')
        answer.headers.append("Warning", '299 - "this will be removed", 110 edge "Response is Stale"')
    return answer


class UploadsHaveAState(Variant):
    """API Reference, Error Handling: 400 for an invalid parameter, here the upload state in the query of Location.

    Without the state no session can be looked up, whether it exists or not (ACR; docker-registry by another status).
    """

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        return f"{original(request, upload)}?_nouploadcache=false&_state={len(upload.content)}-{upload.session}"

    async def answer(self, original: Any, request: Request) -> Answer:
        session = request.path.rpartition("/")[2]
        if kind_of(request) == "upload" and not (request.parameter("_state") or "").endswith(f"-{session}"):
            raise Refusal("BLOB_UPLOAD_INVALID", {"state": request.parameter("_state")}, status=400)
        return await original(request)


@variant(misses=("registry/upload/cancelling-is-204",), state=lambda: SimpleNamespace(number=0))
def uploads_end_by_themselves(state: Any, request: Request) -> Answer | None:
    """distribution-spec 1.1: uploads cannot be cancelled, so DELETE is answered as an unknown endpoint."""
    if kind_of(request) != "upload" or request.method != "DELETE":
        return None
    state.number += 1
    return Refusal("UNSUPPORTED", status=NO_ENDPOINT[state.number % len(NO_ENDPOINT)]).answer()


@variant()
def head_of_lists_not_implemented(request: Request) -> Answer | None:
    """RFC 9110 section 15.6.2: a server may not implement HEAD of a list."""
    lists = request.method == "HEAD" and kind_of(request) in LISTS
    return Answer(501) if lists else None


@variant(state=lambda: SimpleNamespace(number=0))
def registry_behind_a_content_network(state: Any, request: Request, answer: Answer) -> Answer:
    """RFC 9110 and RFC 9111: fields of caches, and the API version from registry and proxy."""
    state.number += 1
    answer.headers["Via"] = "1.1 edge (by 2), 2 origin"
    answer.headers["Age"] = str(state.number % 7)
    answer.headers["X-Cache"] = "MISS, HIT" if state.number % 2 else "MISS"
    answer.headers["Alt-Svc"] = 'h3=":443"; ma=86400'
    answer.headers["X-Empty"] = ""
    answer.headers["Vary"] = "accept, ACCEPT-ENCODING"
    answer.headers["Expires"] = "0"
    answer.headers.append("Docker-Distribution-Api-Version", "registry/2.0")
    return answer


@variant(state=lambda: SimpleNamespace(number=0))
def registry_unavailable_for_a_moment(state: Any, request: Request) -> Answer | None:
    """RFC 9110 section 15.6.4: 503 with Retry-After, after which the same request is served."""
    state.number += 1
    if state.number % 53:
        return None
    return Answer.json(503, {"message": "starting"}, Retry_After="0")


@variant()
def entity_tags_weak(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.8.1: entity tags may be weak, as behind a compressing proxy."""
    if "etag" in answer.headers:
        answer.headers["ETag"] = f"W/{answer.headers['etag']}"
    return answer


@variant()
def length_not_known_before(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 7.1: content is chunked, without a Content-Length."""
    if request.method != "HEAD" and answer.body:
        answer = without(answer, "Content-Length")
        answer.headers["Transfer-Encoding"] = "chunked"
    return answer


@variant()
def connections_closed(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 9.6: a server may close the connection after each response."""
    answer.headers["Connection"] = "close"
    return answer


@variant(state=lambda: SimpleNamespace(left=1_000_000))
def requests_are_counted(state: Any, request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 16.3.2.2: responses have further fields, of a rate limit and a load balancer."""
    state.left -= 1
    answer.headers["RateLimit-Limit"] = "1000000;w=21600"
    answer.headers["RateLimit-Remaining"] = f"{state.left};w=21600"
    answer.headers["Docker-RateLimit-Source"] = "127.0.0.1"
    answer.headers["Set-Cookie"] = f"balancer={secrets.token_hex(8)}; Path=/; HttpOnly"
    answer.headers["Strict-Transport-Security"] = "max-age=63072000"
    answer.headers["Vary"] = "Accept-Encoding, Cookie"
    return answer
