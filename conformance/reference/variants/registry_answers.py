"""The registry, correct otherwise in what it tells and in what it does not do."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any, ClassVar

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, Route
from conformance.reference.registry.state import Upload
from conformance.reference.variants.registry import without_delete

LARGEST_PAGE = 1000


class BlobDeletionUnsupported(Variant):
    """distribution-spec 1.1, Deleting Blobs: a registry may delete manifests and no blobs: 405, whoever asks."""

    surface = "registry"

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind == "blob" else route, method)


class LargePagesRefused(Variant):
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID also where n is "bigger than the maximum allowed"."""

    surface = "registry"

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > LARGEST_PAGE:
            raise Refusal("PAGINATION_NUMBER_INVALID", {"n": size})
        return size


class BlobInUseKept(Variant):
    """distribution-spec 1.1, Deleting Blobs: a registry may keep a blob that a manifest of the repository names."""

    surface = "registry"

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        manifests = registry_of(original).stored(name).manifests.values()
        if any(digest.encode() in each.content for each in manifests):
            raise Refusal("DENIED", {"digest": digest})
        await original(name, digest)


class ListedImageKept(Variant):
    """API Reference, Error Handling: 409 for a conflict, such as to delete an image that an index lists."""

    surface = "registry"

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        for each in registry_of(original).stored(name).manifests.values():
            if any(child.get("digest") == digest for child in each.document.get("manifests") or []):
                raise Refusal("DENIED", {"digest": digest}, status=409)
        await original(name, digest)


class SparseIndexTaken(Variant):
    """distribution-spec 1.1, Push: a registry may look for an image's blobs, and take an index before its images."""

    surface = "registry"
    without = ("registry.validation-index",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        """Takes any."""


class ChunkRefusedWithoutBody(Variant):
    """Docker Registry V2, Chunked Upload: the 416 of a chunk says all in Location and Range."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 416 and request.method == "PATCH":
            answer.body = b""
            return without(answer, "Content-Type")
        return answer


class StrangersFindNothing(Variant):
    """API Reference, Error Handling: 404 for what is hidden by access control, as for what is not there."""

    surface = "registry"

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        return Refusal("NAME_UNKNOWN")


class UntaggedImagesCollected(Variant):
    """distribution-spec 1.1: of an image whose last tag has moved on, or was deleted, no clause says that it stays."""

    surface = "registry"

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        registry = registry_of(original)
        left = registry.stored(name).tags.get(tag)
        await original(name, tag, digest)
        if left is not None and not registry.tags_naming(name, left) and not self._needed(registry, name, left):
            await registry.remove_manifest(name, left)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        registry = registry_of(original)
        left = registry.stored(name).tags.get(tag, "")
        await original(name, tag)
        if not registry.tags_naming(name, left) and not self._needed(registry, name, left):
            await registry.remove_manifest(name, left)

    def _needed(self, registry: Any, name: str, digest: str) -> bool:
        manifests = registry.stored(name).manifests.values()
        return any(digest.encode() in each.content for each in manifests if each.digest != digest)


class UnnamedBlobsCollected(Variant):
    """distribution-spec 1.1: of a blob that no manifest names any more, no clause says that it stays."""

    surface = "registry"

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        gone = stored.manifests.get(digest)
        await original(name, digest)
        left = [each.content for each in stored.manifests.values()]
        for blob in [each for each in stored.blobs if gone and each.encode() in gone.content]:
            if not any(blob.encode() in content for content in left):
                del stored.blobs[blob]


class LocationOfEachMoment(Variant):
    """distribution-spec 1.1, Pushing a blob in chunks: each answer names the next Location; the last one is over."""

    surface = "registry"

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        uploads = registry_of(original).uploads
        uploads.pop(upload.session)
        upload.session = str(uuid.uuid4())
        uploads[upload.session] = upload
        answer: Answer = original(request, upload)
        return answer

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        return without(original(status, request, upload), "Docker-Upload-UUID")


class LinkToAnEmptyPage(Variant):
    """RFC 8288: a Link may lead to a page that turns out to be empty, where the last one was full."""

    surface = "registry"

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        answer: Answer = original(request, document, member, names)
        registry, page = registry_of(original), json.loads(answer.body)[member]
        if page and len(page) == registry.page_size(request):
            answer.headers["Link"] = f'<{registry.next_page(request, len(page), page[-1], page)}>; rel="next"'
        return answer


class CancellingUnsupported(Variant):
    """distribution-spec 1.1 knows no cancelling of uploads, which Docker's Registry V2 offers: 405, whoever asks.

    The server before the registry says so itself, and not in the registry's form.
    """

    surface = "registry"
    misses = ("registry/upload/cancelling-is-answered-204",)

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind == "upload" else route, method)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and request.method == "DELETE":
            answer.body = b"Method Not Allowed"
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class CapitalsTakenForSmallLetters(Variant):
    """image-spec, Digests: capitals must not be used; who is sent them may take them for what was meant."""

    surface = "registry"

    def check_digest(self, original: Any, text: str | None) -> str:
        digest: str = original(text and text.lower())
        return digest


class ForbiddenWithoutChallenge(Variant):
    """API Reference, Error Handling: 403 for a token that lacks scope, which nothing else has to come with."""

    surface = "registry"

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        return Refusal("DENIED")


class AnswersCompressed(Variant):
    """RFC 9110 section 8.4.1.3: who says that gzip is taken may be answered so, which Content-Encoding tells."""

    surface = "registry"

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


class BlobTypeToldWithItsBytesAlone(Variant):
    """RFC 9110 section 9.3.2: HEAD may leave out what only making the content determines, such as its type."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Content-Type") if request.method == "HEAD" and kind_of(request) == "blob" else answer


class ClosingAgainAnsweredAgain(Variant):
    """Docker Registry V2, Errors: 404 is for a session that is not known; the same PUT again may be."""

    surface = "registry"

    def __init__(self) -> None:
        self.closed: dict[str, tuple[str, str, bytes]] = {}

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        known = asked.name, asked.request.parameter("digest") or "", asked.request.body
        if self.closed.get(asked.reference) == known:
            return registry_of(original).blob_created(asked, known[1])
        answer: Answer = await original(asked)
        self.closed[asked.reference] = known
        return answer


class CodesOfOciAlone(Variant):
    """distribution-spec 1.1, Error Codes: a registry may keep to the codes of that table, which has none of these."""

    surface = "registry"
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


class ReferrersGoWithTheirSubject(Variant):
    """distribution-spec 1.1, Content Management: what refers to an image may be deleted with it, as nothing forbids."""

    surface = "registry"

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        for each in registry_of(original).referrers_of(name, digest):
            await original(name, each["digest"])
        await original(name, digest)


class AcceptHeeded(Variant):
    """RFC 9110 section 12.5.1: what Accept leaves no room for may be answered 406, a blob among it."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if request.method not in ("GET", "HEAD") or answer.status not in (200, 206) or "/manifests/" in request.path:
            return answer
        taken = [each.partition(";")[0].strip() for each in request.headers.get("accept", "*/*").split(",")]
        if {kind, kind.partition("/")[0] + "/*", "*/*"} & set(taken):
            return answer
        return Answer.json(406, {"errors": [{"code": "UNSUPPORTED", "message": "not acceptable"}]})


class MountsWhatIsNamedAlone(Variant):
    """distribution-spec 1.1, Mounting a blob: 202 also where a registry "is unable to mount the requested blob".

    Such as one that knows a blob of the source by a manifest that names it (ECR).
    """

    surface = "registry"

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        manifests = registry_of(original).stored(source).manifests.values()
        named = any(digest.encode() in each.content for each in manifests)
        return named and bool(await original(source, target, digest))


class RangeToldWithItsUnit(Variant):
    """Docker Registry V2, Uploading the Layer: ``Range: bytes=0-99`` for what has come, as its examples have it too."""

    surface = "registry"

    def upload_range(self, original: Any, upload: Upload) -> str:
        return f"bytes={original(upload)}"
