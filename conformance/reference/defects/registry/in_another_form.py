"""Defects that only another form meets: a larger chunk, another type, a push by digest, what comes a second time."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_MANIFEST, INDEXES, OCI_INDEX, OCI_MANIFEST, Manifest, Upload

KIB = 1024
MOST_CHILDREN = 16


class LargeChunkCutShort(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk is taken whole, above a mebibyte, too."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        beyond = len(request.body) - KIB * KIB
        if "content-range" in request.headers and beyond > 0:
            upload.content[-beyond:] = bytes(beyond)


class ChunkFarInRefused(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk in order is taken, beyond 64 KiB as well."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks",)

    def chunk_is_next(self, original: Any, first: int, upload: Upload) -> bool:
        return bool(original(first, upload)) and first < 64 * KIB


class PostedBlobCutShort(Defect):
    """distribution-spec 1.1, Single POST: a blob comes whole, above 64 KiB, too."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        blobs = registry_of(original).stored(asked.name).blobs
        blobs[digest] = blobs[digest][: 64 * KIB]
        return answer


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


class PartsCutShort(Defect):
    """RFC 9110 section 14.1.2: a part is as long as was asked for, above 64 KiB, too."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        answer: Answer = original(digest, content, first, end)
        answer.body = answer.body[: 64 * KIB]
        return without(answer, "Content-Length")


class RangeOfTheWholeRefused(Defect):
    """RFC 9110 section 14.1.2: ``bytes=0-`` is all that there is, which is satisfiable where there is any."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        if header == "bytes=0-":
            raise grammar.UnsatisfiableRange(header)
        found: tuple[int, int] | None = original(header, size)
        return found


class ByDigestWithoutDigestHeader(Defect):
    """Docker Registry V2, Existing Manifests: the answer has Docker-Content-Digest, by whichever reference."""

    surface = "registry"
    noticed_by = ("registry/pull/digest-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        by_digest = kind_of(request) == "manifest" and ":" in request.path and request.method in ("GET", "HEAD")
        return without(answer, "Docker-Content-Digest") if by_digest else answer


class LeadingBlanksTrimmed(Defect):
    """distribution-spec 1.1, Pushing Manifests: the bytes pulled are those pushed, blanks before the document, too."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        content = manifest.content.lstrip()
        await original(name, Manifest(manifest.digest, manifest.media_type, content, manifest.document))


def _annotated(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What in a manifest may have annotations."""
    listed = [each for member in ("layers", "manifests") for each in document.get(member) or []]
    return [document, *(each for each in (document.get("config"), *listed) if isinstance(each, dict))]


class AnnotationOfNothingRefused(Defect):
    """image-spec 1.1, Annotations: "The annotation value MAY be an empty string." """

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        if any("" in (each.get("annotations") or {}).values() for each in _annotated(document)):
            raise invalid("an annotation is empty")


class NoAnnotationsRefused(Defect):
    """image-spec 1.1, Annotations: where there are none, they are absent or an empty map."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        if any(each.get("annotations") == {} for each in _annotated(document)):
            raise invalid("annotations are empty")


class SameChildTwiceFails(Defect):
    """image-spec 1.1, Image Index: manifests are a list, in which one may stand for several platforms."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        digests = [each["digest"] for each in descriptors]
        if len(set(digests)) < len(digests):
            raise invalid("duplicate key", status=500)


class FurtherPlatformMembersRefused(Defect):
    """image-spec 1.1, Image Index: a platform may tell os.version, os.features and a variant."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if {"os.version", "os.features"} & {*(descriptor.get("platform") or {})}:
            raise invalid("platform")


class ListedArtifactTypeRefused(Defect):
    """image-spec 1.1, Content Descriptors: a descriptor may tell its artifactType."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if "artifactType" in descriptor:
            raise invalid("artifactType")


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


class SecondLayerUnchecked(Defect):
    """Docker Registry V2, Pushing an Image Manifest: each layer must be there, and not the first alone."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors[:2])


class DockerBlobsUnchecked(Defect):
    """Docker Registry V2, Pushing an Image Manifest: the blobs of an image of Docker's type must be there, too."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        try:
            original(name, media_type, document)
        except Refusal as refusal:
            if media_type != DOCKER_MANIFEST or refusal.code != "MANIFEST_BLOB_UNKNOWN":
                raise


class _UncheckedByDigest(Defect):
    """Knows whether what is pushed comes by digest."""

    by_digest = False

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        self.by_digest = ":" in asked.reference
        answer: Answer = await original(asked)
        return answer


class BlobsUncheckedByDigest(_UncheckedByDigest):
    """Docker Registry V2, Pushing an Image Manifest: blobs must be there, also of what is pushed by digest."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        if not self.by_digest:
            original(name, descriptors)


class AnnotationsUncheckedByDigest(_UncheckedByDigest):
    """image-spec 1.1, Annotations: each is a string, also of what is pushed by digest."""

    surface = "registry"
    noticed_by = ("registry/manifest/annotations-are-strings",)

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        if not self.by_digest:
            original(member, annotations)


class ListedIndexesUnchecked(Defect):
    """Docker Registry V2, Manifest lists: what is listed must be there, an index as well."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-child-is-refused",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, [each for each in descriptors if each["mediaType"] not in INDEXES])


class DeletionOfMissingTagAccepted(Defect):
    """Docker Registry V2, Deleting an Image: what did not exist is 404, a tag as well."""

    surface = "registry"
    noticed_by = ("registry/delete/absent-is-404",)

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


class IndexOfManyRefused(Defect):
    """image-spec 1.1, Image Index: manifests are a list, of which no length is the most."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if len(descriptors) > MOST_CHILDREN:
            raise invalid(f"more than {MOST_CHILDREN} manifests")
