"""One defect for each promise on pushing blobs."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import without


class EmptyBlobRefused(Defect):
    """A blob of no bytes is rejected."""

    surface = "registry"
    promise = "RG-16"
    noticed_by = ("registry/upload/whole-blob-by-put#empty",)

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        if not content:
            raise Refusal("SIZE_INVALID", {"digest": digest})
        await original(name, digest, content)


class ChunkWithoutLocation(Defect):
    """The response to a chunk does not state the Location of the next one."""

    surface = "registry"
    promise = "RG-17"
    noticed_by = ("registry/upload/in-chunks#three,twenty-four",)

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        return without(original(request, upload), "Location")


class RefusedChunkKept(Defect):
    """The bytes of a rejected out-of-order chunk stay in the upload."""

    surface = "registry"
    promise = "RG-18"
    noticed_by = ("registry/upload/out-of-order-changes-nothing#gap",)

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        refusal: Refusal = original(request, upload)
        upload.content += request.body
        return refusal


class StatusIsOneByteAhead(Defect):
    """The status of an upload reports one byte more than the registry has."""

    surface = "registry"
    promise = "RG-19"
    noticed_by = ("registry/upload/cut-off-chunk-can-be-resumed",)

    async def get_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if told := answer.headers.get("Range"):
            answer.headers["Range"] = f"0-{int(told.partition('-')[2]) + 1}"
        return answer


class CancelledUploadKept(Defect):
    """A cancelled upload session stays usable."""

    surface = "registry"
    promise = "RG-20"
    noticed_by = ("registry/upload/cancelled-session-is-gone#patch",)

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        """Forgets to."""


class ManifestDigestNotVerified(Defect):
    """A manifest is stored under a digest that does not match its content."""

    surface = "registry"
    promise = "RG-21"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return True


class MountsUnsupported(Defect):
    """A mount request is answered with an error instead of an upload session."""

    surface = "registry"
    promise = "RG-38"
    noticed_by = ("registry/mount/blob-or-upload", "registry/mount/blob-or-upload#new-repository")

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        raise Refusal("UNSUPPORTED", {"mount": digest})
