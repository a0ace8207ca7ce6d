"""Defects of pulling and deleting blobs."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


class BlobVisibleInEveryRepository(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob is pulled from the repository that it was pushed to."""

    surface = "registry"
    noticed_by = (
        "registry/pull/blob-stays-in-its-repository#get",
        "registry/pull/blob-stays-in-its-repository#if-none-match",
        "registry/pull/blob-stays-in-its-repository#part",
        "registry/pull/blob-stays-in-its-repository#puller",
        "registry/rights/mount-needs-pull-on-the-source#unnamed",
    )

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        for repository in registry_of(original).repositories.values():
            if digest in repository.blobs:
                return repository.blobs[digest]
        content: bytes = original(name, digest)
        return content


class RangeUnitNotHeeded(Defect):
    """RFC 9110 section 14.2: a range in a unit that is not understood is ignored, and none of bytes."""

    surface = "registry"
    noticed_by = ("registry/pull/range-of-another-unit-is-no-part",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        part: tuple[int, int] | None = original(f"bytes={header.partition('=')[2]}", size)
        return part


class RangeBeyondTheEndSentEmpty(Defect):
    """RFC 9110 section 15.5.17: a range that is beyond the end is 416."""

    surface = "registry"
    noticed_by = ("registry/pull/unsatisfiable-range#beyond",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        try:
            part: tuple[int, int] | None = original(header, size)
        except grammar.UnsatisfiableRange:
            part = size, size
        return part


class UnsatisfiableWithoutSize(Defect):
    """RFC 9110 section 15.5.17: 416 says the size by Content-Range (SHOULD)."""

    surface = "registry"
    noticed_by = ("registry/pull/416-tells-the-size",)

    def unsatisfiable(self, original: Any, header: str, size: int) -> Refusal:
        return Refusal("RANGE_INVALID", {"range": header})


class PartWithoutContentRange(Defect):
    """RFC 9110 section 15.3.7.1: 206 has a Content-Range."""

    surface = "registry"
    noticed_by = (
        "registry/pull/range-is-served#beyond-the-end",
        "registry/pull/range-is-served#first-byte",
        "registry/pull/range-is-served#last",
        "registry/pull/range-is-served#last-byte",
        "registry/pull/range-is-served#last-one",
    )

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        return without(original(digest, content, first, end), "Content-Range")


class HeadBlobWithoutLength(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the Content-Length of the blob."""

    surface = "registry"
    noticed_by = (
        "registry/pull/head-tells-the-length#blob",
        "registry/pull/head-tells-the-length#blob-in-chunks",
        "registry/pull/head-tells-the-length#large-blob",
    )

    def head_answer(self, original: Any, digest: str, content: bytes) -> Answer:
        answer: Answer = original(digest, content)
        answer.body = b""
        answer.headers["Content-Length"] = "0"
        return answer


class HeadBlobWithoutDigest(Defect):
    """Docker Registry V2, Existing Layers: HEAD has the Docker-Content-Digest of the blob."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#blob",)

    def head_answer(self, original: Any, digest: str, content: bytes) -> Answer:
        return without(original(digest, content), "Docker-Content-Digest")


class HeadOfMissingBlobAnswered200(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob that is not there is 404."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-blob-is-404#head", "registry/pull/blob-stays-in-its-repository#head")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 404:
            return Answer(200)
        return answer


class BlobWithoutDigestHeader(Defect):
    """Docker Registry V2, Content Digests: a pulled blob has Docker-Content-Digest."""

    surface = "registry"
    noticed_by = ("registry/pull/digest-is-told#blob", "registry/pull/digest-is-told#blob-head")

    def blob_answer(self, original: Any, status: int, digest: str, content: bytes) -> Answer:
        return without(original(status, digest, content), "Docker-Content-Digest")


class DigestToldWithoutAlgorithm(Defect):
    """Docker Registry V2, Content Digests: Docker-Content-Digest is algorithm and hex, both."""

    surface = "registry"
    noticed_by = (
        "registry/pull/digest-field-is-true#blob-get",
        "registry/pull/digest-field-is-true#blob-head",
        "registry/pull/digest-field-is-true#manifest-get",
        "registry/pull/digest-field-is-true#manifest-head",
        "registry/pull/digest-field-is-true#tag-get",
    )

    def digest_told(self, original: Any, digest: str) -> str:
        return digest.partition(":")[2]


class LargeBlobCutShort(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob comes whole, above 64 KiB, too."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-put#5-mib", "registry/upload/whole-blob-by-put#64-kib-and-one")

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = answer.body[:65536]
        return without(answer, "Content-Length")


class LineEndsConverted(Defect):
    """distribution-spec 1.1, Pulling blobs: the bytes are those that were pushed, line ends among them."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-is-what-was-pushed#text",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = answer.body.replace(b"\r\n", b"\n")
        return without(answer, "Content-Length")


class PackedLayerSaidToBeCoded(Defect):
    """RFC 9110 section 8.4: a layer that gzip made is what was pushed, and no coding of it that a client undoes."""

    surface = "registry"
    noticed_by = ("registry/pull/compressed-is-the-same#blob",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "gzip" in request.headers.get("accept-encoding", "") and answer.body.startswith(b"\x1f\x8b"):
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class MissingBlobIsManifestUnknown(Defect):
    """distribution-spec 1.1, Error Codes: a blob that is not there is BLOB_UNKNOWN."""

    surface = "registry"
    noticed_by = ("registry/errors/code-of-a-deletion#absent-blob",)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        try:
            content: bytes = original(name, digest)
        except Refusal:
            raise Refusal("MANIFEST_UNKNOWN", {"digest": digest}) from None
        return content


class DeletedBlobStillServed(Defect):
    """distribution-spec 1.1, Deleting Blobs: a blob whose deletion was accepted is gone."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-is-gone", "registry/delete/blob-is-gone#sha512")

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        """Forgets to."""


class BlobDeletedEverywhere(Defect):
    """distribution-spec 1.1, Deleting Blobs: it goes from this repository, not from others."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-stays-elsewhere", "registry/delete/blob-stays-elsewhere#pushed")

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        for repository in registry_of(original).repositories.values():
            repository.blobs.pop(digest, None)


class BlobDeletionTakesManifests(Defect):
    """distribution-spec 1.1, Deleting Blobs: the manifests that name the blob stay."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-goes-alone",)

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        stored = registry_of(original).stored(name)
        for manifest in list(stored.manifests.values()):
            if digest.encode() in manifest.content:
                stored.manifests.pop(manifest.digest)


class DeletionOfMissingBlobAccepted(Defect):
    """distribution-spec 1.1, Deleting Blobs: a blob that is not there is 404."""

    surface = "registry"
    noticed_by = (
        "registry/delete/twice-is-404#blob",
        "registry/delete/absent-is-404#blob",
        "registry/delete/absent-is-404#blob-nowhere",
    )

    async def delete_blob(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        await registry.remove_blob(asked.name, registry.check_digest(asked.reference))
        return registry.deleted()


class DeletionAnswered200(Defect):
    """distribution-spec 1.1, Content Management: an accepted deletion is 202."""

    surface = "registry"
    noticed_by = (
        "registry/delete/manifest-is-answered-202",
        "registry/delete/manifest-is-answered-202#without-its-subject",
        "registry/delete/manifest-is-answered-202#without-its-tag",
    )

    def deleted(self, original: Any) -> Answer:
        return Answer(200)
