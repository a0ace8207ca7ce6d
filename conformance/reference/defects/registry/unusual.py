"""Defects that show with what is unusual and allowed: manifests of every form, repositories that never were."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import OCI_INDEX, OCI_TYPES, Manifest

Descriptor = dict[str, Any]
MOST_LAYERS = 1 + 100


def failed() -> Refusal:
    """What a registry answers that has failed over a request."""
    return Refusal("UNSUPPORTED", status=500)


class EmptyDescriptorOnceAlone(Defect):
    """image-spec 1.1, Guidance for an Empty Descriptor: config and layer of an artifact may be the same one."""

    surface = "registry"
    noticed_by = ("registry/manifest/artifact-is-taken",)

    def check_blobs(self, original: Any, name: str, descriptors: list[Descriptor]) -> None:
        config, *layers = descriptors
        if config["digest"] in [each["digest"] for each in layers]:
            raise invalid("config is a layer")
        original(name, descriptors)


class DescriptorAnnotationsRefused(Defect):
    """image-spec 1.1, Content Descriptors: a descriptor may have annotations, such as the title of a file."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if "annotations" in descriptor:
            raise invalid(f"{member}: unknown member")


class PlatformWanted(Defect):
    """image-spec 1.1, Image Index: ``platform`` is optional."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if member == "manifests" and "platform" not in descriptor:
            raise invalid(f"{member}: no platform")


class PlatformOfNoMachineRefused(Defect):
    """image-spec 1.1, Image Index: values of ``platform`` that are not listed are no error (attestations have such)."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if descriptor.get("platform", {}).get("os") == "unknown":
            raise invalid(f"{member}: unknown platform")


class IndexOfATypeRefused(Defect):
    """image-spec 1.1, Image Index: an index may say its artifactType."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        original(media_type, document)
        if media_type == OCI_INDEX and document.get("artifactType"):
            raise invalid("artifactType in an index")


class ReferrersWithAnnotationsOfALayer(Defect):
    """distribution-spec 1.1, Listing Referrers: the annotations are those of the manifest, and not of its layers."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations",)

    def entry_of(self, original: Any, manifest: Manifest) -> Descriptor:
        titles = [each.get("annotations", {}) for each in manifest.document.get("layers") or []]
        entry: Descriptor = original(manifest)
        return entry | {"annotations": titles[0]} if titles and titles[0] else entry


class ReferringIndexOfAnotherSize(Defect):
    """image-spec 1.1, Content Descriptors: the size of an index is that of its bytes, as they were pushed."""

    surface = "registry"
    noticed_by = ("registry/referrers/describe-what-is-there",)

    def entry_of(self, original: Any, manifest: Manifest) -> Descriptor:
        entry: Descriptor = original(manifest)
        size = len(json.dumps(manifest.document, indent=2))
        return entry | {"size": size} if manifest.media_type == OCI_INDEX else entry


class ReferrersForgottenWhenTheSubjectComes(Defect):
    """distribution-spec 1.1, Listing Referrers: what was pushed before its subject is listed after it as well."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def __init__(self) -> None:
        self.forgotten: dict[tuple[str, str], list[Descriptor]] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.forgotten.setdefault((name, manifest.digest), registry_of(original).referrers_of(name, manifest.digest))
        await original(name, manifest)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[Descriptor]:
        forgotten = self.forgotten.get((name, digest), [])
        return [each for each in original(name, digest) if each not in forgotten]


class ReferrersForgottenWhenATagIsSet(Defect):
    """distribution-spec 1.1, Listing Referrers: a tag more changes nothing in what refers to an image."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def __init__(self) -> None:
        self.forgotten: dict[tuple[str, str], list[Descriptor]] = {}

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        digest = answer.headers.get("docker-content-digest", "")
        if asked.reference != digest:
            self.forgotten[asked.name, digest] = registry_of(original).referrers_of(asked.name, digest)
        return answer

    def referrers_of(self, original: Any, name: str, digest: str) -> list[Descriptor]:
        forgotten = self.forgotten.get((name, digest), [])
        return [each for each in original(name, digest) if each not in forgotten]


class ReferrersOfDockerImagesNotListed(Defect):
    """distribution-spec 1.1, Listing Referrers: a subject is a manifest of any type, Docker's among them."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[Descriptor]:
        subject = registry_of(original).stored(name).manifests.get(digest)
        return [] if subject and subject.media_type not in OCI_TYPES else list(original(name, digest))


class ReferrersOfIndexesNotListed(Defect):
    """distribution-spec 1.1, Listing Referrers: a subject may be an index, such as an image of several platforms."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[Descriptor]:
        subject = registry_of(original).stored(name).manifests.get(digest)
        return [] if subject and subject.media_type == OCI_INDEX else list(original(name, digest))


class HeadInAnAbsentRepositoryFails(Defect):
    """distribution-spec 1.1, Pulling manifests: a repository that never was is 404, to HEAD as well."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-repository-is-404",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.name not in registry_of(original).repositories:
            raise failed()
        answer: Answer = await original(asked)
        return answer


class ReferrersInAnAbsentRepositoryFail(Defect):
    """API Reference, Error Handling: who asks for referrers where nothing is meets no failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        if asked.name not in registry_of(original).repositories:
            raise failed()
        answer: Answer = await original(asked)
        return answer


class HeadOfIndexOfItsImagesLength(Defect):
    """distribution-spec 1.1, Checking if content exists: Content-Length of an index is its own, not all its images'."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.headers.get("content-type") == OCI_INDEX:
            answer.headers["Content-Length"] = str(sum(each["size"] for each in json.loads(answer.body)["manifests"]))
        return answer


class DeletionInAnAbsentRepositoryFails(Defect):
    """API Reference, Error Handling: who deletes where nothing is does not meet a failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/delete/absent-is-404",)

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.name not in registry_of(original).repositories:
            raise failed()
        answer: Answer = await original(asked)
        return answer


class HeadOfAMalformedDigestFails(Defect):
    """API Reference, Error Handling: a malformed digest is the caller's fault, to HEAD as to GET."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-read-is-a-callers-fault",)

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        if not registry_of(original).is_digest(asked.reference):
            raise failed()
        answer: Answer = await original(asked)
        return answer


class DeletionOfAMalformedDigestFails(Defect):
    """API Reference, Error Handling: a malformed digest is the caller's fault, where it is to be deleted as well."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-read-is-a-callers-fault",)

    async def delete_blob(self, original: Any, asked: Asked) -> Answer:
        if not registry_of(original).is_digest(asked.reference):
            raise failed()
        answer: Answer = await original(asked)
        return answer


class DockerImagesNotDeleted(Defect):
    """distribution-spec 1.1, Deleting Manifests: 202 is for what was deleted, an image of Docker's type as well."""

    surface = "registry"
    noticed_by = ("registry/delete/image-stays-elsewhere",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        manifest = registry_of(original).stored(name).manifests.get(digest)
        if manifest is None or manifest.media_type in OCI_TYPES:
            await original(name, digest)


class IndexDigestUnverified(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest of an index is verified as that of an image is."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return b'"manifests"' in content or bool(original(digest, content))


class ManyLayersRefused(Defect):
    """image-spec 1.1, Image Manifest: layers are a list, of which no length is the most; engines take 127."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-image-is-taken",)

    def check_blobs(self, original: Any, name: str, descriptors: list[Descriptor]) -> None:
        if len(descriptors) > MOST_LAYERS:
            raise invalid("too many layers")
        original(name, descriptors)


class ConfigReadWhateverItsType(Defect):
    """image-spec 1.1, Image Manifest: of a config whose type it does not know nothing is expected, such as JSON."""

    surface = "registry"
    noticed_by = ("registry/manifest/other-config-is-taken",)

    def check_blobs(self, original: Any, name: str, descriptors: list[Descriptor]) -> None:
        original(name, descriptors)
        config = registry_of(original).stored(name).blobs.get(descriptors[0]["digest"], b"{}")
        try:
            json.loads(config)
        except ValueError:
            raise invalid("config is not JSON") from None


class LayerOfNoBytesRefused(Defect):
    """image-spec 1.1, Content Descriptors: a size of nought is a size, and an empty file a file."""

    surface = "registry"
    noticed_by = ("registry/manifest/artifact-is-taken",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if not descriptor["size"]:
            raise invalid(f"{member}: no size")


class BlobOfNoBytesUnknownToHead(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob that is there is 200, of no bytes as well."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200",)

    def head_answer(self, original: Any, digest: str, content: bytes) -> Answer:
        if not content:
            raise Refusal("BLOB_UNKNOWN", {"digest": digest})
        answer: Answer = original(digest, content)
        return answer


class PartOfNoBytesFails(Defect):
    """API Reference, Error Handling: who asks for a part of a blob of no bytes meets no failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        if not size:
            raise failed()
        part: tuple[int, int] | None = original(header, size)
        return part


class ReferrersWithAnnotationsCutShort(Defect):
    """distribution-spec 1.1, Listing Referrers: annotations are whole, and not as long as a column of a table."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations",)

    def entry_of(self, original: Any, manifest: Manifest) -> Descriptor:
        entry: Descriptor = original(manifest)
        told = {name: value[:255] for name, value in entry.get("annotations", {}).items()}
        return entry | {"annotations": told} if told else entry


class CatalogTypedAsText(Defect):
    """Docker Registry V2, Listing Repositories: the catalog is application/json, and says so."""

    surface = "registry"
    noticed_by = ("registry/catalog/is-json",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = "text/plain"
        return answer


class CatalogOfNoneFails(Defect):
    """API Reference, Error Handling: to ask for no repositories is odd, and no reason for a 5xx."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("n") == "0":
            raise failed()
        answer: Answer = await original(asked)
        return answer


class CatalogBehindNoNameFails(Defect):
    """API Reference, Error Handling: ``last`` need not be a repository; it is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("last") not in {None, *registry_of(original).repositories}:
            raise failed()
        answer: Answer = await original(asked)
        return answer
