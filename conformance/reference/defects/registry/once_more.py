"""Defects that show where the same is asked once more, or of what is there no more."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


class RefusedManifestStaysRefused(Defect):
    """Docker Registry V2, Pushing an Image Manifest: it is taken once all of its layers are there."""

    surface = "registry"
    noticed_by = ("registry/manifest/taken-once-it-is-whole#image", "registry/manifest/taken-once-it-is-whole#index")

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


class EntityTagsWithoutQuotationMarks(Defect):
    """RFC 9110 section 8.8.3: an entity tag is in quotation marks; who sends it back as it came is understood."""

    surface = "registry"
    noticed_by = (
        "registry/pull/entity-tag-has-its-form#blob",
        "registry/pull/entity-tag-has-its-form#manifest",
        "registry/pull/entity-tag-has-its-form#manifest-head",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["etag"].replace('"', "")
        return answer

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return digest in request.headers.get("if-none-match", "")


class UnknownSessionCancelledByAnotherCode(Defect):
    """Docker Registry V2, Errors: BLOB_UPLOAD_UNKNOWN tells of a session that is not there, however it is asked."""

    surface = "registry"
    noticed_by = ("registry/errors/code-tells-the-cause#unknown-session-cancelled",)

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            raise Refusal("MANIFEST_UNKNOWN", *refusal.details, status=refusal.status) from None
        return answer


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
    noticed_by = ("registry/mount/absent-blob-opens-an-upload#by-sha512",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        if digest.startswith("sha512:"):
            raise Refusal("DIGEST_INVALID", {"digest": digest})
        answer: Answer = await original(asked, digest)
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
