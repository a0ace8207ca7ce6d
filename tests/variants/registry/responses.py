"""Variants of responses."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from typing import Any, ClassVar

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, Route
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import kind_of, registry_of, without, without_delete
from tests.defects.support.registry import EveryTwentieth

SLUGS = re.compile("orgs/[a-z0-9][a-z0-9-]*[a-z0-9]/[a-z0-9][a-z0-9-]*[a-z0-9]")
LISTS = ("tags", "catalog", "referrers")
NO_ENDPOINT = (404, 400)


class ContentTypeParameters(Variant):
    """distribution-spec 1.1, Pulling manifests: a client ignores parameters of Content-Type."""

    misses = ("registry/pull/type-has-no-parameters",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        media_type = answer.headers.get("content-type", "")
        if "json" in media_type:
            answer.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        return answer


class RefusedWithAnother4xx(Variant):
    """Docker Registry V2, Pushing an Image Manifest: "a relevant 4xx response"; no clause names it for an invalid name.

    A manifest under another digest is MANIFEST_INVALID, which PUT Manifest lists.
    """

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "PUT" or kind_of(request) != "manifest" or answer.status not in (400, 404):
            return answer
        code = json.loads(answer.body)["errors"][0]["code"]
        if code == "DIGEST_INVALID" and "sha256:" in request.path:
            answer.body = answer.body.replace(b"DIGEST_INVALID", b"MANIFEST_INVALID")
        elif code in ("TAG_INVALID", "NAME_INVALID", "MANIFEST_BLOB_UNKNOWN") or b"mediaType" in answer.body:
            answer.status = 409
        return answer


class UnknownRepositoryIsNameUnknown(Variant):
    """distribution-spec 1.1, Error Codes: in a repository that is not there, NAME_UNKNOWN is as true."""

    async def answer(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Refusal as refusal:
            registry = registry_of(original)
            _, name, _ = registry.route_of(request.path)
            if refusal.code not in ("BLOB_UNKNOWN", "MANIFEST_UNKNOWN") or name in registry.repositories:
                raise
            raise Refusal("NAME_UNKNOWN", {"name": name}) from None
        return answer


class RefusedOnceInAWhile(Variant):
    """RFC 6585 section 4: 429 with Retry-After, after which the same request is served."""

    def __init__(self) -> None:
        self.twentieth = EveryTwentieth()

    def intercept(self, request: Request) -> Answer | None:
        if not kind_of(request) or not self.twentieth.due():
            return None
        answer = Refusal("TOOMANYREQUESTS", headers=[("Retry-After", "0")]).answer()
        answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return answer


class ErrorsWithoutDetail(Variant):
    """distribution-spec 1.1, Error Codes: message and detail are optional, and there may be further members."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and answer.body:
            codes = re.findall(rb'"code": ("[A-Z_]+")', answer.body)
            entries = b", ".join(b'{"code": %s}' % code for code in codes)
            answer.body = b'{"errors": [%s], "trace": "0af7651916cd43dd"}' % entries
            answer = without(answer, "Content-Length")
        return answer


class HeadersInTitleCase(Variant):
    """RFC 9110 section 5.1: names of headers are compared without regard to case, and come in any order."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        copy = Answer(answer.status, answer.body)
        for name, value in sorted(answer.headers.raw, reverse=True):
            copy.headers.raw.append((name if name == b"content-length" else name.title(), value))
        return copy


class SupportCheckTakesNoScope(Variant):
    """Docker token authentication: /v2/ asks for a token without a scope, and one for a repository is none for it."""

    async def support(self, original: Any, call: Call) -> Answer:
        if call.caller.grants:
            raise registry_of(original).insufficient([])
        answer: Answer = await original(call)
        return answer


class ChunkRefusedWithoutBody(Variant):
    """Docker Registry V2, Chunked Upload: the 416 of a chunk says all in Location and Range."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 416 and request.method == "PATCH":
            answer.body = b""
            return without(answer, "Content-Type")
        return answer


class CancellingUnsupported(Variant):
    """distribution-spec 1.1 knows no cancelling of uploads, which Docker's Registry V2 offers: 405, whoever asks.

    The server before the registry says so itself, and not in the registry's form.
    """

    misses = ("registry/upload/cancelling-is-204",)

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind == "upload" else route, method)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and request.method == "DELETE":
            answer.body = b"Method Not Allowed"
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class CapitalsTreatedAsSmallLetters(Variant):
    """image-spec, Digests: capitals must not be used; who is sent them may take them for what was meant."""

    def check_digest(self, original: Any, text: str | None) -> str:
        digest: str = original(text and text.lower())
        return digest


class AnswersCompressed(Variant):
    """RFC 9110 section 8.4.1.3: who says that gzip is taken may be answered so, which Content-Encoding tells."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        accepted = request.headers.get("accept-encoding", "")
        whole = request.method == "GET" and answer.body and answer.status != 206
        if whole and "gzip" in accepted and "gzip;q=0" not in accepted:
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Length"] = str(len(answer.body))
            answer.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            if "ETag" in answer.headers:
                answer.headers["ETag"] = "W/" + answer.headers["ETag"]
        return answer


class BlobTypeReportedWithItsBytesOnly(Variant):
    """RFC 9110 section 9.3.2: HEAD may leave out what only making the content determines, such as its type."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Content-Type") if request.method == "HEAD" and kind_of(request) == "blob" else answer


class CodesOfOciOnly(Variant):
    """distribution-spec 1.1, Error Codes: a registry may keep to the codes of that table, which has none of these."""

    INSTEAD: ClassVar[dict[bytes, bytes]] = {
        b"PAGINATION_NUMBER_INVALID": b"UNSUPPORTED",
        b"RANGE_INVALID": b"BLOB_UPLOAD_INVALID",
        b"TAG_INVALID": b"MANIFEST_INVALID",
    }

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400:
            for code, instead in self.INSTEAD.items():
                answer.body = answer.body.replace(code, instead)
        return answer


class AcceptHeeded(Variant):
    """RFC 9110 section 12.5.1: what Accept leaves no room for may be answered 406, a blob among it."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if request.method not in ("GET", "HEAD") or answer.status not in (200, 206) or "/manifests/" in request.path:
            return answer
        taken = [each.partition(";")[0].strip() for each in request.headers.get("accept", "*/*").split(",")]
        if {kind, kind.partition("/")[0] + "/*", "*/*"} & set(taken):
            return answer
        return Answer.json(406, {"errors": [{"code": "UNSUPPORTED", "message": "not acceptable"}]})


class AbsenceReportedBeforeTheMethod(Variant):
    """RFC 9110 section 15.5.6: 405 is of a resource that is there; of one that is not, 404 is as true."""

    async def answer(self, original: Any, request: Request) -> Answer:
        registry = registry_of(original)
        route, name, reference = registry.route_of(request.path)
        stored = registry.stored(name)
        there = {"manifest": {*stored.tags, *stored.manifests}, "blob": set(stored.blobs)}.get(route.kind)
        if request.method not in route.handlers and there is not None and reference not in there:
            registry.authorize(route.kind, name, request)
            raise Refusal("MANIFEST_UNKNOWN" if route.kind == "manifest" else "BLOB_UNKNOWN")
        answer: Answer = await original(request)
        return answer


class CancellingNotImplemented(Variant):
    """RFC 9110 section 15.6.2: a server that cancels no uploads may say so of the method, whoever asks."""

    misses = ("registry/upload/cancelling-is-204",)

    def check_method(self, original: Any, route: Route, method: str) -> None:
        if route.kind == "upload" and method == "DELETE":
            raise Refusal("UNSUPPORTED", {"method": method}, status=501)
        original(route, method)


class NamesAreSlugsOnly(Variant):
    """API Reference, Docker Registry: images are named orgs/{org-slug}/{app-slug}; other names need not be any."""

    def is_name(self, original: Any, text: str) -> bool:
        return bool(original(text)) and SLUGS.fullmatch(text) is not None


class NamesOfAnyLength(Variant):
    """distribution-spec 1.1, Pulling manifests: the grammar knows no longest name; it is clients that do."""

    def is_name(self, original: Any, text: str) -> bool:
        return grammar.is_name_of_any_length(text)


class SlashesMerged(Variant):
    """RFC 3986 section 6.2: a server, or the proxy before it, may resolve a path before it looks at names."""

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        found: tuple[Route, str, str] = original(re.sub("/{2,}", "/", path))
        return found


class ListsRedirected(Variant):
    """RFC 9110 section 15.4.8: a registry in front of regions leads readers of lists to one of them before it looks."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
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


class RegistryJsonSerializedDifferently(Variant):
    """RFC 8259: white space, any character escaped, members in any order, and further members."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body.startswith(b"{") and (answer.status >= 400 or kind_of(request) in LISTS):
            answer.body = _rewritten(answer.body)
        return answer


class WarningsReported(Variant):
    """distribution-spec 1.1, Warnings: there may be some, and beside them what caches warn of (RFC 7234)."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request):
            answer.headers.append("Warning", '299 - "use of \\"latest\\" is discouraged, by your operator"')
            answer.headers.append("Warning", '299 - "this will be removed", 110 edge "Response is Stale"')
        return answer


class UploadsHaveAState(Variant):
    """API Reference, Error Handling: 400 for an invalid parameter, here the state that a Location has in its query.

    Without it a session cannot be looked up, whether it is there or not (ACR, and docker-registry by another status).
    """

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        return f"{original(request, upload)}?_nouploadcache=false&_state={len(upload.content)}-{upload.session}"

    async def answer(self, original: Any, request: Request) -> Answer:
        session = request.path.rpartition("/")[2]
        if kind_of(request) == "upload" and not (request.parameter("_state") or "").endswith(f"-{session}"):
            raise Refusal("BLOB_UPLOAD_INVALID", {"state": request.parameter("_state")}, status=400)
        answer: Answer = await original(request)
        return answer


class UploadsEndByThemselves(Variant):
    """distribution-spec 1.1 knows no cancelling of uploads: who has no such endpoint says so as of any other.

    RFC 9110 section 15.5.5: by 404; or by 400, as of a deletion that is disabled: here in turn.
    """

    misses = ("registry/upload/cancelling-is-204",)

    def __init__(self) -> None:
        self.number = 0

    def intercept(self, request: Request) -> Answer | None:
        if kind_of(request) != "upload" or request.method != "DELETE":
            return None
        self.number += 1
        return Refusal("UNSUPPORTED", status=NO_ENDPOINT[self.number % len(NO_ENDPOINT)]).answer()


class HeadOfListsNotImplemented(Variant):
    """RFC 9110 section 15.6.2: a server of one purpose may not know HEAD of a list."""

    def intercept(self, request: Request) -> Answer | None:
        lists = request.method == "HEAD" and kind_of(request) in LISTS
        return Answer(501) if lists else None


class RegistryBehindAContentNetwork(Variant):
    """RFC 9110 and RFC 9111: fields that caches add, and the version told by the registry and by what is before it."""

    def __init__(self) -> None:
        self.number = 0

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        self.number += 1
        answer.headers["Via"] = "1.1 edge (by 2), 2 origin"
        answer.headers["Age"] = str(self.number % 7)
        answer.headers["X-Cache"] = "MISS, HIT" if self.number % 2 else "MISS"
        answer.headers["Alt-Svc"] = 'h3=":443"; ma=86400'
        answer.headers["X-Empty"] = ""
        answer.headers["Vary"] = "accept, ACCEPT-ENCODING"
        answer.headers["Expires"] = "0"
        answer.headers.append("Docker-Distribution-Api-Version", "registry/2.0")
        return answer


class RegistryUnavailableForAMoment(Variant):
    """RFC 9110 section 15.6.4: 503 with Retry-After, after which the same request is served."""

    def __init__(self) -> None:
        self.number = 0

    def intercept(self, request: Request) -> Answer | None:
        self.number += 1
        if self.number % 53:
            return None
        return Answer.json(503, {"message": "starting"}, Retry_After="0")


class EntityTagsWeak(Variant):
    """RFC 9110 section 8.8.1: entity tags may be weak, as a proxy makes them that may compress."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = f"W/{answer.headers['etag']}"
        return answer


class LengthNotKnownBefore(Variant):
    """RFC 9112 section 7.1: content may come in chunks, its length told by none of the fields."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" and answer.body:
            answer = without(answer, "Content-Length")
            answer.headers["Transfer-Encoding"] = "chunked"
        return answer


class ConnectionsClosed(Variant):
    """RFC 9112 section 9.6: a server may close the connection after each answer, and says so."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Connection"] = "close"
        return answer


class RequestsAreCounted(Variant):
    """RFC 9110 section 16.3.2.2: further fields, of a rate limit and of a balancer, say nothing of the registry."""

    def __init__(self) -> None:
        self.left = 1_000_000

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        self.left -= 1
        answer.headers["RateLimit-Limit"] = "1000000;w=21600"
        answer.headers["RateLimit-Remaining"] = f"{self.left};w=21600"
        answer.headers["Docker-RateLimit-Source"] = "127.0.0.1"
        answer.headers["Set-Cookie"] = f"balancer={secrets.token_hex(8)}; Path=/; HttpOnly"
        answer.headers["Strict-Transport-Security"] = "max-age=63072000"
        answer.headers["Vary"] = "Accept-Encoding, Cookie"
        return answer
