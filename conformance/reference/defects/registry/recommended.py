"""Defects of what a registry should do: nobody is refused a promise, but clients work for nothing or stumble."""

from __future__ import annotations

import secrets
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload


class UploadUuidChanges(Defect):
    """Docker Registry V2, Uploading the Layer: Docker-Upload-UUID correlates the states of one upload."""

    surface = "registry"
    noticed_by = ("registry/upload/uuid-stays-the-same",)

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        answer: Answer = original(status, request, upload)
        answer.headers["Docker-Upload-UUID"] = secrets.token_hex(16)
        return answer


class MalformedContentRangeIgnored(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a Content-Range that cannot be read says no chunk in order."""

    surface = "registry"
    noticed_by = (
        "registry/upload/malformed-content-range-is-refused#backwards",
        "registry/upload/malformed-content-range-is-refused#open",
        "registry/upload/malformed-content-range-is-refused#without-a-dash",
        "registry/upload/malformed-content-range-is-refused#words",
    )

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if grammar.content_range(request.headers.get("content-range", "")):
            original(request, upload)


class CancellingAnswered202(Defect):
    """Docker Registry V2, Canceling an Upload: a session that was given up is answered 204."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelling-is-answered-204",)

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 202
        return answer


class TypeToldWithParameters(Defect):
    """distribution-spec 1.1, Pulling manifests: Content-Type should have no parameters."""

    surface = "registry"
    noticed_by = ("registry/pull/type-has-no-parameters",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.headers["Content-Type"] = f"{manifest.media_type}; charset=utf-8"
        return answer


class EntityTagNotHeeded(Defect):
    """Docker Registry V2, Pulling a Layer: ETags save a pull of what the client has."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull#manifest",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return False


class AcceptTakenLiterally(Defect):
    """RFC 9110 section 12.5.1: ``*/*`` is any type, and so is no Accept at all (distribution, OCI manifests)."""

    surface = "registry"
    noticed_by = ("registry/pull/any-type-is-any-type#asterisks",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        if manifest.media_type not in request.headers.get("accept", ""):
            raise Refusal("MANIFEST_UNKNOWN", "OCI manifest found, but Accept does not support it")
        answer: Answer = original(request, manifest)
        return answer


class MediaTypeComparedWithParameters(Defect):
    """RFC 9110 section 8.3.1: parameters of a media type do not make it another type."""

    surface = "registry"
    noticed_by = ("registry/manifest/type-parameters-are-ignored",)

    def media_type_of(self, original: Any, request: Request) -> str:
        return request.headers.get("content-type", "")
