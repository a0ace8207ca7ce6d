"""Defects that only another form meets: a larger chunk, another type, a push by digest, what comes a second time."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import OCI_INDEX, OCI_MANIFEST, Upload

KIB = 1024


class LargeChunkCutShort(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk is taken whole, above a mebibyte, too."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks#three",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        beyond = len(request.body) - KIB * KIB
        if "content-range" in request.headers and beyond > 0:
            upload.content[-beyond:] = bytes(beyond)


class ChunkFarInRefused(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk in order is taken, beyond 64 KiB as well."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks#three",)

    def chunk_is_next(self, original: Any, first: int, upload: Upload) -> bool:
        return bool(original(first, upload)) and first < 64 * KIB


class StreamedBlobsUnknownToManifests(Defect):
    """API Reference, Service Endpoints: images are pushed of blobs that were, in whichever form they came."""

    surface = "registry"
    noticed_by = ("registry/upload/serves-an-image",)

    def __init__(self) -> None:
        self.streamed: set[str] = set()

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if len(upload.content) > KIB * KIB:
            self.streamed.add(digest)
        await original(upload, digest, content)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        registry_of(original).check_missing([each["digest"] for each in descriptors if each["digest"] in self.streamed])
        original(name, descriptors)


class BlobDigestOnceWrongStaysWrong(Defect):
    """distribution-spec 1.1, POST then PUT: a blob is taken under its digest, whatever failed under that before."""

    surface = "registry"
    noticed_by = ("registry/upload/refusal-ends-no-other",)

    def __init__(self) -> None:
        self.wrong: set[str] = set()

    def digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        matches = bool(original(digest, content)) and digest not in self.wrong
        if not matches:
            self.wrong.add(digest)
        return matches


class CancelledBytesNeverComeBack(Defect):
    """Docker Registry V2, Canceling an Upload: what was given up may be pushed anew, and is there then."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelling-ends-no-other",)

    def __init__(self) -> None:
        self.given_up: set[str] = set()

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        self.given_up.add(grammar.digest_of(upload.content))
        await original(upload)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        if digest not in self.given_up or not content:
            await original(name, digest, content)


class IndexBesideAnImageRefused(Defect):
    """image-spec 1.1, Image Index: an index may list indexes, beside images as well."""

    surface = "registry"
    noticed_by = ("registry/manifest/nested-index-is-taken",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if {OCI_INDEX, OCI_MANIFEST} <= {each["mediaType"] for each in descriptors}:
            raise invalid("an index and an image")


class SizesOf32BitsFail(Defect):
    """API Reference, Error Handling: a size is a number of 64 bits, and one beyond 32 of them is no failure."""

    surface = "registry"
    noticed_by = ("registry/manifest/foreign-layer-is-no-server-error",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if descriptor["size"] >= 2**31:
            raise invalid("integer out of range", status=500)


class DeletionOfMissingTagAccepted(Defect):
    """Docker Registry V2, Deleting an Image: what did not exist is 404, a tag as well."""

    surface = "registry"
    noticed_by = ("registry/delete/absent-is-404#tag",)

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        if ":" not in asked.reference and asked.reference not in registry.stored(asked.name).tags:
            return registry.deleted()
        answer: Answer = await original(asked)
        return answer


class DeletedTagPushedAgainNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: a tag that was deleted and pushed again is listed."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.add((name, tag))
        await original(name, tag)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if (name, tag) not in self.deleted]


class DeletedImagesTagNeverListedAgain(Defect):
    """distribution-spec 1.1, Listing Tags: a tag whose image was deleted and pushed again is listed."""

    surface = "registry"
    noticed_by = ("registry/delete/can-be-pushed-again",)

    def __init__(self) -> None:
        self.gone: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.gone |= {(name, tag) for tag in registry_of(original).tags_naming(name, digest)}
        await original(name, digest)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if (name, tag) not in self.gone]


class DeletedTagNamesWhatItDid(Defect):
    """distribution-spec 1.1, Pushing Manifests: a deleted tag names what is pushed under it, not what it named."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.named: dict[tuple[str, str], str] = {}

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.named[name, tag] = registry_of(original).stored(name).tags.get(tag, "")
        await original(name, tag)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, self.named.pop((name, tag), digest))
