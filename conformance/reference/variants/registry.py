"""The registry, correct otherwise: what the standards leave open, answered another way."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any
from urllib.parse import urlencode

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import EveryTwentieth, kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import ROUTES, Asked, Route
from conformance.reference.registry.state import Manifest, Upload

OWN_PAGE = 3


class RelativeLocation(Variant):
    """RFC 9110 section 10.2.2: Location may be relative."""

    surface = "registry"

    def url(self, original: Any, request: Request, path: str) -> str:
        return path


class LocationElsewhere(Variant):
    """distribution-spec 1.1: an upload's Location may be outside /v2/ and carry a state that must be kept."""

    surface = "registry"
    # An engine with a graph driver sends its credentials below /v2/ only.
    misses = ("interoperability/registry/push", "interoperability/registry/what-one-pushed-others-pull")

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(16)

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        path = f"/upload-service/{upload.repository}/-/{upload.session}?_state={self._state(upload.session)}"
        return registry_of(original).url(request, path)

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        match = re.fullmatch("/upload-service/(.+)/-/([^/]+)", path)
        if match is None:
            found: tuple[Route, str, str] = original(path)
            return found
        return next(route for route in ROUTES if route.kind == "upload"), match[1], match[2]

    def find_upload(self, original: Any, asked: Asked) -> Upload:
        if not asked.request.raw_path.startswith("/upload-service/"):
            raise Refusal("UNSUPPORTED", status=404)
        if asked.request.parameter("_state") != self._state(asked.reference):
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": asked.reference})
        upload: Upload = original(asked)
        return upload

    def _state(self, session: str) -> str:
        return hmac.new(self.secret, session.encode(), "sha256").hexdigest()


class BlobsRedirected(Variant):
    """distribution-spec 1.1, Pulling blobs: GET may answer with a redirect to a place that needs no login."""

    surface = "registry"
    misses = ("registry/pull/entity-tag-saves-a-pull",)

    def __init__(self) -> None:
        self.salt = secrets.token_hex(8)
        self.offered: dict[str, tuple[Any, Asked]] = {}

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        registry.blob_of(asked.name, registry.check_digest(asked.reference))
        ticket = hashlib.sha256(f"{self.salt} {asked.name} {asked.reference}".encode()).hexdigest()
        self.offered[ticket] = registry, asked
        answer = Answer(307)
        answer.headers["Location"] = registry.url(asked.request, f"/storage/{ticket}")
        return answer

    def intercept(self, request: Request) -> Answer | None:
        if request.raw_path.rpartition("/")[2] not in self.offered or request.method not in ("GET", "HEAD"):
            return None
        registry, asked = self.offered[request.raw_path.rpartition("/")[2]]
        digest = asked.reference
        try:
            content = registry.blob_of(asked.name, digest)
            part = registry.part_wanted(request, digest, len(content))
        except Refusal as refusal:
            return refusal.answer()
        whole: Answer = registry.blob_answer(200, digest, content)
        return registry.part_answer(digest, content, *part) if part else whole


class MountAnswers202(Variant):
    """distribution-spec 1.1, Mounting a blob: a registry that does not mount opens an upload."""

    surface = "registry"

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        return False


class MountWithoutSource(Variant):
    """distribution-spec 1.1, Mounting a blob: without ``from``, a blob that the caller may pull may be mounted."""

    surface = "registry"

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry = registry_of(original)
        if not asked.request.parameter("from"):
            for source in [name for name in registry.repositories if registry.may_mount(asked.caller, name)]:
                if await registry.mount_blob(source, asked.name, digest):
                    return registry.blob_created(asked, digest)
        answer: Answer = await original(asked, digest)
        return answer


class SinglePostUnsupported(Variant):
    """distribution-spec 1.1, Single POST: a registry without it opens an upload with 202."""

    surface = "registry"

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        return registry_of(original).session_opened(asked)


class OwnPageSize(Variant):
    """distribution-spec 1.1, Listing Tags: a registry may list fewer than asked for, with a Link to the rest."""

    surface = "registry"

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        return OWN_PAGE if size is None else min(size, OWN_PAGE)


class LinkAbsolute(Variant):
    """RFC 8288 section 3.1: the target of a Link may be an absolute URL."""

    surface = "registry"

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return request.base_url + str(original(request, query))


class TagsSortedWithoutCase(Variant):
    """distribution-spec 1.1, Listing Tags: lexical order may be case-insensitive."""

    surface = "registry"

    def order(self, original: Any, name: str) -> tuple[str, str]:
        return name.lower(), name


class ReferrersInPages(Variant):
    """distribution-spec 1.1, Listing Referrers: a long list may come in pages, with a Link to the next."""

    surface = "registry"

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        artifact_type = asked.request.parameter("artifactType")
        found = [
            each
            for each in registry.referrers_of(asked.name, registry.check_digest(asked.reference))
            if not artifact_type or registry.filter_passes(each, artifact_type)
        ]
        start = int(re.sub(r"\D", "", asked.request.parameter("from") or "")[:9] or 0)
        answer = registry.referrers_answer(found[start : start + 2])
        if artifact_type:
            answer.headers["OCI-Filters-Applied"] = "artifactType"
        if start + 2 < len(found):
            query = re.sub("&?from=[^&]*", "", asked.request.query_string).lstrip("&")
            link = f"{asked.request.raw_path}?{query}{'&' if query else ''}from={start + 2}"
            answer.headers["Link"] = f'<{link}>; rel="next"'
        return answer


class ReferrersNotFiltered(Variant):
    """distribution-spec 1.1, Listing Referrers: a registry may leave filtering to its client, and then tells none."""

    surface = "registry"
    misses = ("registry/referrers/filter-is-applied",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        return without(await original(asked), "OCI-Filters-Applied")

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return True


class ReferrersMissing(Variant):
    """distribution-spec 1.1, Referrers Tag Schema: a registry of 1.0 has no referrers and tells no subject."""

    surface = "registry"
    without = ("registry.referrers",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        raise Refusal("UNSUPPORTED", status=404)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        return without(original(asked, manifest), "OCI-Subject")


def without_delete(route: Route) -> Route:
    """The endpoint, where nothing is deleted."""
    handlers = {method: handler for method, handler in route.handlers.items() if method != "DELETE"}
    return Route(route.kind, route.pattern, handlers)


class DeleteUnsupported(Variant):
    """distribution-spec 1.1, Content Management: a registry may not delete, and says 405, whoever asks."""

    surface = "registry"
    without = ("registry.delete", "registry.delete-tag")

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind in ("manifest", "blob") else route, method)


class TagDeletionUnsupported(Variant):
    """distribution-spec 1.1, Deleting tags: a registry may delete by digest only, and says 400 or 405, whoever asks."""

    surface = "registry"
    without = ("registry.delete-tag",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "manifest" and request.method == "DELETE" and ":" not in request.path:
            raise Refusal("UNSUPPORTED", status=400)
        caller: Caller = original(kind, name, request)
        return caller


class ContentTypeParameters(Variant):
    """distribution-spec 1.1, Pulling manifests: a client ignores parameters of Content-Type."""

    surface = "registry"
    misses = ("registry/pull/type-has-no-parameters",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        media_type = answer.headers.get("content-type", "")
        if "json" in media_type:
            answer.headers["Content-Type"] = f"{media_type}; charset=utf-8"
        return answer


class NoUploadUuid(Variant):
    """distribution-spec 1.1: Docker-Upload-UUID is Docker's alone."""

    surface = "registry"

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        return without(original(status, request, upload), "Docker-Upload-UUID")


class NoSha512(Variant):
    """image-spec 1.1, Digests: sha512 is optional."""

    surface = "registry"

    def is_digest(self, original: Any, text: str) -> bool:
        return text.startswith("sha256:") and bool(original(text))


class NoRangeRequests(Variant):
    """RFC 9110 section 14.2: a server may ignore Range, and then says so."""

    surface = "registry"
    misses = ("registry/pull/range-is-served",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        return None

    def blob_answer(self, original: Any, status: int, digest: str, content: bytes) -> Answer:
        return without(original(status, digest, content), "Accept-Ranges")


class NoConditionalRequests(Variant):
    """RFC 9110 section 8.8.3: a server may have no entity tags."""

    surface = "registry"
    misses = ("registry/pull/entity-tag-saves-a-pull",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "ETag")

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return False


class ChunkMinimumTold(Variant):
    """distribution-spec 1.1, Pushing a blob in chunks: a registry may say how small a chunk may be."""

    surface = "registry"

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        answer.headers["OCI-Chunk-Min-Length"] = "1024"
        return answer


class UnknownRepositoryIsNameUnknown(Variant):
    """distribution-spec 1.1, Error Codes: in a repository that is not there, NAME_UNKNOWN is as true."""

    surface = "registry"

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

    surface = "registry"

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

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and answer.body:
            codes = re.findall(rb'"code": ("[A-Z_]+")', answer.body)
            entries = b", ".join(b'{"code": %s}' % code for code in codes)
            answer.body = b'{"errors": [%s], "trace": "0af7651916cd43dd"}' % entries
            answer = without(answer, "Content-Length")
        return answer


class HeadersInTitleCase(Variant):
    """RFC 9110 section 5.1: names of headers are compared without regard to case, and come in any order."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        retold = Answer(answer.status, answer.body)
        for name, value in sorted(answer.headers.raw, reverse=True):
            retold.headers.raw.append((name if name == b"content-length" else name.title(), value))
        return retold


class ForeignLayersRefused(Variant):
    """distribution-spec 1.1, Push: a registry may refuse a manifest of layers that it does not have, urls or not."""

    surface = "registry"

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, [{**each, "urls": None, "mediaType": "application/octet-stream"} for each in descriptors])


class LinkLosesThePageSize(Variant):
    """Docker Registry V2, Pagination: n may change in the Link, or be left out."""

    surface = "registry"

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        return registry_of(original).listing_url(request, urlencode({"last": last}))


class Sha512ToldAsSha256(Variant):
    """Docker Registry V2, Digest Header: the digest that is told may be of another algorithm than the one asked for."""

    surface = "registry"

    def blob_answer(self, original: Any, status: int, digest: str, content: bytes) -> Answer:
        answer: Answer = original(status, digest, content)
        if status == 200:
            answer.headers["Docker-Content-Digest"] = grammar.digest_of(content)
        return answer
