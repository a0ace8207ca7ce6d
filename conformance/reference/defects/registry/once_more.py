"""Defects that show where the same is asked once more, or of what is there no more."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload

A_MEBIBYTE = 1 << 20


class RefusedManifestStaysRefused(Defect):
    """Docker Registry V2, Pushing an Image Manifest: it is taken once all of its layers are there."""

    surface = "registry"
    noticed_by = ("registry/manifest/taken-once-it-is-whole",)

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], Refusal] = {}

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        key = asked.name, grammar.digest_of(asked.request.body)
        if key in self.refused:
            raise self.refused[key]
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            if refusal.code == "MANIFEST_BLOB_UNKNOWN":
                self.refused[key] = refusal
            raise
        return answer


class MountedBeforeIsNotCreated(Defect):
    """distribution-spec 1.1, Mounting a blob: a mount is told by 201, also of what the repository has already."""

    surface = "registry"
    noticed_by = ("registry/mount/of-what-is-there-is-answered",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        there = digest in registry_of(original).stored(asked.name).blobs
        answer: Answer = await original(asked, digest)
        if there and answer.status == 201:
            answer.status = 200
        return answer


class EntityTagsWithoutQuotationMarks(Defect):
    """RFC 9110 section 8.8.3: an entity tag is in quotation marks; who sends it back as it came is understood."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-has-its-form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["etag"].replace('"', "")
        return answer

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return digest in request.headers.get("if-none-match", "")


class UnknownSessionCancelledByAnotherCode(Defect):
    """Docker Registry V2, Errors: BLOB_UPLOAD_UNKNOWN tells of a session that is not there, however it is asked."""

    surface = "registry"
    noticed_by = ("registry/errors/code-tells-the-cause",)

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            raise Refusal("MANIFEST_UNKNOWN", *refusal.details, status=refusal.status) from None
        return answer


class ResumedFromTheStart(Defect):
    """RFC 9110 section 13.1.5: where If-Range holds, the part is the one that Range asks for."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.status == 206 and "if-range" in asked.request.headers:
            content = registry_of(original).blob_of(asked.name, asked.reference)
            answer.body = content[: len(answer.body)]
        return answer


class LastBytesNotVerified(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the digest is that of the whole, the last bytes too."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-is-refused",)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        before = bytes(upload.content)
        await original(upload, digest, before if before and grammar.digest_of(before) == digest else content)


class CatalogBeginsAnewBehindNoName(Defect):
    """Docker Registry V2, Catalog: what comes after ``last`` is listed, though no repository has that name any more."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-need-not-be-there",)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        return list(original(names, None if last and "/" in last and last not in names else last))


class CatalogEndsBehindNoName(Defect):
    """Docker Registry V2, Catalog: what comes after ``last`` is listed, though no repository has that name any more."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-need-not-be-there",)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        if last is not None and "/" in last and last not in names:
            return []
        return list(original(names, last))


class MountBySha512Refused(Defect):
    """distribution-spec 1.1, Mounting a blob: what cannot be mounted is answered with an upload, by any digest."""

    surface = "registry"
    noticed_by = ("registry/mount/absent-blob-opens-an-upload",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        if digest.startswith("sha512:"):
            raise Refusal("DIGEST_INVALID", {"digest": digest})
        answer: Answer = await original(asked, digest)
        return answer


class LongPostCutShort(Defect):
    """distribution-spec 1.1, Single POST: a blob is stored whole, also one that is too long for the server's memory."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        await registry_of(original).store_blob(asked.name, digest, asked.request.body[:A_MEBIBYTE])
        return answer


class DeletedReferrerStaysInItsType(Defect):
    """distribution-spec 1.1, Listing Referrers: what was deleted is in no list, that of its type neither."""

    surface = "registry"
    noticed_by = ("registry/referrers/deleted-is-not-listed",)

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = original(name, digest)
        self.found[name, digest] = found or self.found.get((name, digest), [])
        return found

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.parameter("artifactType") and not registry_of(original).referrers_of(
            asked.name, asked.reference
        ):
            answer = registry_of(original).referrers_answer(self.found.get((asked.name, asked.reference), []))
        return answer


class CompressedIsKeptInTheCache(Defect):
    """distribution-spec 1.1, Deleting Manifests: what was deleted is gone, as it went out compressed, too."""

    surface = "registry"
    noticed_by = ("registry/delete/known-is-gone-as-well",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Answer] = {}

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if "gzip" not in asked.request.headers.get("accept-encoding", "") or asked.request.method != "GET":
            answer: Answer = await original(asked)
            return answer
        key = asked.name, asked.reference
        if key not in self.kept:
            self.kept[key] = await original(asked)
        return self.kept[key]


class ManifestDigestOfAnyAlgorithm(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest of an algorithm that is none is refused as malformed."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-manifest-digest-is-400",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        algorithm, colon, _ = asked.reference.partition(":")
        if colon and algorithm not in ("sha256", "sha512"):
            raise Refusal("UNSUPPORTED", {"algorithm": algorithm}, status=500)
        answer: Answer = await original(asked)
        return answer


class CompressedManifestsKeptForEverybody(Defect):
    """API Reference, Error Handling: 403 for another organization's; a cache that compresses keeps it for everybody."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-pull",)

    def __init__(self) -> None:
        self.kept: dict[str, Answer] = {}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        coded = "gzip" in request.headers.get("accept-encoding", "")
        if not coded or request.method != "GET" or "/manifests/" not in request.raw_path:
            return answer
        if answer.status == 200:
            self.kept[request.raw_path] = answer
        return self.kept.get(request.raw_path, answer)
