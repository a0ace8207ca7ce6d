"""Defects of what is taken as a manifest."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_LIST, DOCKER_MANIFEST, INDEXES


class ManifestDigestNotVerified(Defect):
    """distribution-spec 1.1, Pushing Manifests: pushed by digest, the digest must be that of the bytes."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return True


class AnyBytesTakenAsManifest(Defect):
    """distribution-spec 1.1, Error Codes: what is not a manifest is MANIFEST_INVALID."""

    surface = "registry"
    noticed_by = ("registry/manifest/nonsense-is-400",)

    def parse_manifest(self, original: Any, content: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = original(content)
        except Refusal:
            document = {}
        return document

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if document:
            original(name, media_type, document)


class LongAnnotationRefused(Defect):
    """image-spec 1.1, Annotations: a value is a text, of however many letters; a column of a table is no rule of it."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if any(255 < len(str(each)) <= 64 * 1024 for each in (document.get("annotations") or {}).values()):
            raise invalid("an annotation is too long")
        original(name, media_type, document)


class NulInAnAnnotationFails(Defect):
    """API Reference, Error Handling: a NUL, which JSON has, is not the platform's fault where its database has none."""

    surface = "registry"
    noticed_by = ("registry/manifest/any-change-is-taken-or-refused",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        if any("\0" in str(each) for each in (document.get("annotations") or {}).values()):
            raise failed()


class ManifestSchemaVersionUnchecked(Defect):
    """image-spec 1.1, Image Manifest: schemaVersion must be 2."""

    surface = "registry"
    noticed_by = ("registry/manifest/schema-version-is-2",)

    def check_schema_version(self, original: Any, document: dict[str, Any]) -> None:
        """Takes any."""


class IndexSchemaVersionUnchecked(Defect):
    """image-spec 1.1, Image Index: schemaVersion must be 2 of an index as of an image."""

    surface = "registry"
    noticed_by = ("registry/manifest/schema-version-is-2",)

    def check_schema_version(self, original: Any, document: dict[str, Any]) -> None:
        original({**document, "schemaVersion": 2} if "manifests" in document else document)


class ManifestMediaTypeUnchecked(Defect):
    """distribution-spec 1.1, Pushing Manifests: Content-Type must be the mediaType of the manifest."""

    surface = "registry"
    noticed_by = ("registry/manifest/type-is-compared-of-one-shape",)

    def check_media_type(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        """Takes any."""


class ImageTakenForAList(Defect):
    """distribution-spec 1.1, Pushing Manifests: Content-Type must be the mediaType of the manifest."""

    surface = "registry"
    noticed_by = ("registry/manifest/type-is-compared",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if media_type != DOCKER_LIST or "config" not in document:
            original(name, media_type, document)


class MalformedDescriptorAccepted(Defect):
    """image-spec 1.1, Content Descriptors: each has a media type, a digest and a size, a subject's, too."""

    surface = "registry"
    noticed_by = ("registry/manifest/descriptors-are-whole",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if member != "subject" or not isinstance(descriptor, dict) or "digest" not in descriptor:
            original(member, descriptor)


class ManifestOfTwoKindsAccepted(Defect):
    """image-spec 1.1, CVE-2021-41190: what is an image and an index at once is refused."""

    surface = "registry"
    noticed_by = ("registry/manifest/one-kind-at-a-time",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        other = "config" if media_type in INDEXES else "manifests"
        original(media_type, {member: value for member, value in document.items() if member != other})


class AnnotationsUnchecked(Defect):
    """image-spec 1.1, Annotations: each is a string."""

    surface = "registry"
    noticed_by = ("registry/manifest/annotations-are-strings",)

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        """Takes any."""


class AnnotationsCheckedInPart(Defect):
    """image-spec 1.1, Annotations: every value MUST be a string, and not the first alone."""

    surface = "registry"
    noticed_by = ("registry/manifest/annotations-are-strings",)

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        first = dict(list(annotations.items())[:1]) if isinstance(annotations, dict) else annotations
        original(member, first)


class ManifestBlobsUnchecked(Defect):
    """Docker Registry V2, Pushing an Image Manifest: a blob that is not there is MANIFEST_BLOB_UNKNOWN."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        """Takes any."""


class ManifestBlobsOfAnyRepository(Defect):
    """Docker Registry V2, Pushing an Image Manifest: the blobs are in this repository, not in another."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_missing(self, original: Any, digests: list[str]) -> None:
        repositories = registry_of(original).repositories.values()
        original([each for each in digests if not any(each in repository.blobs for repository in repositories)])


class ManifestConfigUnchecked(Defect):
    """Docker Registry V2, Pushing an Image Manifest: the config must be there as the layers must."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors[1:])


class IndexChildrenUnchecked(Defect):
    """Docker Registry V2, Manifest lists: what is listed must be there."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-child-is-refused",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        """Takes any."""


class DescriptorSizeUnchecked(Defect):
    """image-spec 1.1, Content Descriptors: size is that of the content."""

    surface = "registry"
    noticed_by = ("registry/manifest/wrong-size-is-refused",)

    def check_size(self, original: Any, descriptor: dict[str, Any], content: bytes | None) -> None:
        """Takes any."""


class SubjectMustExist(Defect):
    """distribution-spec 1.1, Pushing Manifests with Subject: the subject may be pushed later."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-subject-is-taken",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        subject = document.get("subject")
        if subject and subject["digest"] not in registry_of(original).stored(name).manifests:
            raise Refusal("MANIFEST_UNKNOWN", {"digest": subject["digest"]})


class LargeManifestAnswered400(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest beyond the limit is 413 (SHOULD)."""

    surface = "registry"
    noticed_by = ("registry/manifest/too-large-is-413",)

    def check_manifest_size(self, original: Any, content: bytes) -> None:
        try:
            original(content)
        except Refusal:
            raise invalid("too large") from None


class ManifestLimitTooLow(Defect):
    """distribution-spec 1.1, Pushing Manifests: 4 MiB are taken (SHOULD), not only 64 KiB."""

    surface = "registry"
    noticed_by = ("registry/manifest/four-megabytes-are-taken",)

    def check_manifest_size(self, original: Any, content: bytes) -> None:
        original(content)
        if len(content) > 65536:
            raise invalid("larger than 65536 bytes", status=413)


class DockerTypesRefused(Defect):
    """Docker Registry V2, Image Manifest V2 Schema 2: Docker's media types are taken."""

    surface = "registry"
    noticed_by = ("registry/manifest/docker-image-is-taken", "registry/manifest/missing-reference-is-told-by-code")

    def check_supported(self, original: Any, media_type: str) -> None:
        original(media_type)
        if media_type in (DOCKER_MANIFEST, DOCKER_LIST):
            raise invalid("only OCI types")


class UnknownManifestTypeAccepted(Defect):
    """distribution-spec 1.1, Error Codes: a type that is no manifest's is MANIFEST_INVALID."""

    surface = "registry"
    noticed_by = ("registry/manifest/type-is-a-manifests",)

    def check_supported(self, original: Any, media_type: str) -> None:
        """Takes any."""


class IndexRefused(Defect):
    """image-spec 1.1, Image Index: an index is a manifest."""

    surface = "registry"
    noticed_by = ("registry/manifest/docker-list-is-taken", "registry/manifest/oci-index-is-taken")

    def check_supported(self, original: Any, media_type: str) -> None:
        original(media_type)
        if media_type in INDEXES:
            raise invalid("no index")


class ConfigOfOtherTypeRefused(Defect):
    """image-spec 1.1, Image Manifest: an implementation must not refuse a config for a media type it does not know."""

    surface = "registry"
    noticed_by = ("registry/manifest/other-config-is-taken",)

    def check_member(self, original: Any, media_type: str, member: str, value: Any) -> None:
        original(media_type, member, value)
        if member == "config" and not value["mediaType"].startswith(
            ("application/vnd.oci.", "application/vnd.docker.")
        ):
            raise invalid("unsupported media type of the config")
