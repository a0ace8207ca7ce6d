"""Defects of what is taken as a manifest."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_LIST


class ManifestDigestNotVerified(Defect):
    """distribution-spec 1.1, Pushing Manifests: pushed by digest, the digest must be that of the bytes."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return True


class AnyBytesTakenAsManifest(Defect):
    """distribution-spec 1.1, Error Codes: what is not a manifest is MANIFEST_INVALID."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/nonsense-is-400#binary",
        "registry/manifest/nonsense-is-400#cut-off",
        "registry/manifest/nonsense-is-400#empty",
        "registry/manifest/nonsense-is-400#list",
        "registry/manifest/nonsense-is-400#not-a-number",
        "registry/manifest/nonsense-is-400#null",
        "registry/manifest/nonsense-is-400#words",
    )

    def parse_manifest(self, original: Any, content: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = original(content)
        except Refusal:
            document = {}
        return document

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if document:
            original(name, media_type, document)


class ManifestMediaTypeUnchecked(Defect):
    """distribution-spec 1.1, Pushing Manifests: Content-Type must be the mediaType of the manifest."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/type-is-compared-of-one-shape#of-docker",
        "registry/manifest/type-is-compared-of-one-shape#of-oci",
    )

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
    noticed_by = (
        "registry/manifest/descriptors-are-whole#subject-digest-of-no-form",
        "registry/manifest/descriptors-are-whole#subject-no-size",
    )

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if member != "subject" or not isinstance(descriptor, dict) or "digest" not in descriptor:
            original(member, descriptor)


class AnnotationsCheckedInPart(Defect):
    """image-spec 1.1, Annotations: every value MUST be a string, and not the first alone."""

    surface = "registry"
    noticed_by = ("registry/manifest/annotations-are-strings",)

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        first = dict(list(annotations.items())[:1]) if isinstance(annotations, dict) else annotations
        original(member, first)


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


class UnknownManifestTypeAccepted(Defect):
    """distribution-spec 1.1, Error Codes: a type that is no manifest's is MANIFEST_INVALID."""

    surface = "registry"
    noticed_by = ("registry/manifest/type-is-a-manifests#layer", "registry/manifest/type-is-a-manifests#plain-json")

    def check_supported(self, original: Any, media_type: str) -> None:
        """Takes any."""


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
