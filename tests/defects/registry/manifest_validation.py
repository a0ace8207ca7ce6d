"""Defects of manifest validation.

They break these promises:

- Every manifest kind that container engines push is accepted.
- An invalid manifest is rejected.
- A manifest whose content is missing is handled as the specification says.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGES,
    INDEXES,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
)
from conformance.reference.support.registry import _RefusedManifestsKept, kind_of, registry_of
from tests.defects.rows import row
from tests.defects.support.common import server_error_page
from tests.defects.support.registry import _ToldInText, unsupported_error

MEBIBYTE = 1024 * 1024
KNOWN = ("application/vnd.oci.", "application/vnd.docker.")

ROWS = (
    row(
        "media-type-compared-with-parameters",
        "RFC 9110 section 8.3.1: parameters of a media type do not make it another type.",
        "registry/manifest/type-parameters-are-ignored",
        media_type_of=lambda original, request: request.headers.get("content-type", ""),
    ),
    row(
        "unknown-manifest-type-accepted",
        "distribution-spec 1.1, Error Codes: a type that is no manifest's is MANIFEST_INVALID.",
        "registry/manifest/media-type-is-verified#layer",
        "registry/manifest/media-type-is-verified#plain-json",
        check_supported=lambda original, media_type: None,
    ),
    row(
        "manifest-media-type-unchecked",
        "distribution-spec 1.1, Pushing Manifests: Content-Type must be the mediaType of the manifest.",
        "registry/manifest/media-type-is-verified#docker-as-oci-image",
        "registry/manifest/media-type-is-verified#oci-as-docker-image",
        check_media_type=lambda original, media_type, document: None,
    ),
)


class LayerOfOtherTypeRefused(Defect):
    """image-spec 1.1, Image Manifest: an implementation must not refuse a layer for a media type it does not know."""

    surface = "registry"
    noticed_by = ("registry/manifest/artifacts-are-accepted#artifact", "interoperability/registry/signature-is-kept")

    def check_member(self, original: Any, media_type: str, member: str, value: Any) -> None:
        original(media_type, member, value)
        described = value if isinstance(value, list) else [value]
        types = [each.get("mediaType", "") for each in described if isinstance(each, dict)]
        if member == "layers" and not all(str(each).startswith(KNOWN) for each in types):
            raise invalid("unsupported media type of a layer")


class HeadOfAManifestWrittenAnew(Defect):
    """RFC 9110 section 9.3.2: HEAD tells the length that GET does, of what was pushed and not of its JSON anew."""

    surface = "registry"
    noticed_by = ("registry/manifest/image-kinds-are-accepted#docker-image",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        manifest = registry_of(original).resolve(asked.name, asked.reference)
        if answer.status == 200 and manifest:
            answer.headers["Content-Length"] = str(len(json.dumps(manifest.document, separators=(",", ":"))))
        return answer


class EmbeddedDataRefused(Defect):
    """image-spec 1.1, Content Descriptors: a descriptor may have its content in ``data``."""

    surface = "registry"
    noticed_by = ("registry/manifest/optional-forms-are-accepted#embedded-data",)

    def check_data(self, original: Any, member: str, descriptor: dict[str, Any]) -> None:
        if "data" in descriptor:
            raise Refusal("MANIFEST_INVALID", f"{member}: data")


class LargeManifestCutShort(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest of up to 4 megabytes that was taken is given back whole."""

    surface = "registry"
    noticed_by = ("registry/manifest/four-megabytes-are-accepted",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.body = answer.body[:MEBIBYTE]
        answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class ManifestLimitTooLow(Defect):
    """distribution-spec 1.1, Pushing Manifests: 4 MiB are taken (SHOULD), not only 64 KiB."""

    surface = "registry"
    noticed_by = ("registry/manifest/four-megabytes-are-accepted",)

    def check_manifest_size(self, original: Any, content: bytes) -> None:
        original(content)
        if len(content) > 65536:
            raise invalid("larger than 65536 bytes", status=413)


class PushByDigestRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: the reference of a manifest may be its digest, without a tag."""

    surface = "registry"
    noticed_by = ("registry/manifest/push-by-digest-is-accepted",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if ":" in asked.reference and registry_of(original).media_type_of(asked.request) in IMAGES:
            raise Refusal("TAG_INVALID", {"tag": asked.reference})
        answer: Answer = await original(asked)
        return answer


class SubjectMustExist(Defect):
    """distribution-spec 1.1, Pushing Manifests with Subject: the subject may be pushed later."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-subject-is-accepted",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        subject = document.get("subject")
        if subject and subject["digest"] not in registry_of(original).stored(name).manifests:
            raise Refusal("MANIFEST_UNKNOWN", {"digest": subject["digest"]})


class DockerImageInAnIndexRefused(Defect):
    """image-spec 1.1, Image Index: a type of what is listed that an index does not know is no error."""

    surface = "registry"
    noticed_by = ("registry/manifest/optional-forms-are-accepted#mixed-index",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if {OCI_MANIFEST, DOCKER_MANIFEST} <= {each["mediaType"] for each in descriptors}:
            raise invalid("mixed media types")


class IndexBesideAnImageRefused(Defect):
    """image-spec 1.1, Image Index: an index may list indexes, beside images as well."""

    surface = "registry"
    noticed_by = ("registry/manifest/optional-forms-are-accepted#nested-index",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if {OCI_INDEX, OCI_MANIFEST} <= {each["mediaType"] for each in descriptors}:
            raise invalid("an index and an image")


class IndexPushedAgainRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: an index that is there may be pushed again (buildah #2594)."""

    surface = "registry"
    noticed_by = ("registry/manifest/image-kinds-are-accepted#again",)
    shipped = True

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if manifest.media_type in INDEXES and manifest.digest in registry_of(original).stored(name).manifests:
            raise Refusal("MANIFEST_INVALID", {"digest": manifest.digest})
        await original(name, manifest)


class HeadTypeIsAlwaysImage(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of an index says that it is one."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/image-kinds-are-accepted#oci-index",
        "registry/manifest/image-kinds-are-accepted#docker-list",
    )

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = OCI_MANIFEST
        return answer


class ConfigOfOtherTypeRefused(Defect):
    """image-spec 1.1, Image Manifest: an implementation must not refuse a config for a media type it does not know."""

    surface = "registry"
    noticed_by = ("registry/manifest/artifacts-are-accepted#custom-config",)

    def check_member(self, original: Any, media_type: str, member: str, value: Any) -> None:
        original(media_type, member, value)
        if member == "config" and not value["mediaType"].startswith(
            ("application/vnd.oci.", "application/vnd.docker.")
        ):
            raise invalid("unsupported media type of the config")


class AnnotationsCheckedInPart(Defect):
    """image-spec 1.1, Annotations: every value MUST be a string, and not the first alone."""

    surface = "registry"
    noticed_by = ("registry/manifest/invalid-manifest-is-refused#number-in-annotations",)

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        first = dict(list(annotations.items())[:1]) if isinstance(annotations, dict) else annotations
        original(member, first)


class DeepManifestFails(Defect):
    """API Reference, Error Handling: a manifest nested deeply is not the platform's fault, whatever its type."""

    surface = "registry"
    noticed_by = ("registry/manifest/any-body-is-accepted-or-refused",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        deep = kind_of(request) == "manifest" and request.body.count(b'{"a":') > 30
        return server_error_page() if deep else None


class EscapedManifestRefused(Defect):
    """RFC 8259 section 7: any character of a text may be written as an escape."""

    surface = "registry"
    noticed_by = ("registry/manifest/any-change-is-accepted-or-refused",)
    shortest = 5

    def parse_manifest(self, original: Any, content: bytes) -> Any:
        if content.count(b"\\u00") > 3:
            raise invalid("escapes")
        return original(content)


class ListedDescriptorUnchecked(Defect):
    """image-spec 1.1, Content Descriptors: each has a media type, those in an index, too."""

    surface = "registry"
    noticed_by = ("registry/manifest/invalid-manifest-is-refused#listed-no-type",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, {"mediaType": "a/b", **descriptor} if member == "manifests" else descriptor)


class SizeInWordsFails(Defect):
    """API Reference, Error Handling: a size that is no number is its caller's mistake."""

    surface = "registry"
    noticed_by = ("registry/manifest/invalid-manifest-is-refused#config-size-as-text",)
    shipped = True
    crashes = (TypeError,)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if isinstance(descriptor, dict) and isinstance(descriptor.get("size"), str):
            raise TypeError(descriptor["size"])
        original(member, descriptor)


class MalformedDescriptorAccepted(Defect):
    """image-spec 1.1, Content Descriptors: each has a media type, a digest and a size, a subject's, too."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/invalid-manifest-is-refused#path-as-digest",
        "registry/manifest/invalid-manifest-is-refused#subject-no-size",
    )

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if member != "subject" or not isinstance(descriptor, dict) or "digest" not in descriptor:
            original(member, descriptor)


class EmptyIndexFails(Defect):
    """API Reference, Error Handling: an index of nothing is taken or refused, and is no failure of the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/unusual-manifest-is-no-server-error#empty-docker-list",
        "registry/manifest/unusual-manifest-is-no-server-error#empty-oci-index",
    )

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if b'"manifests":[]' in asked.request.body.replace(b" ", b""):
            raise invalid("index out of range: 0", status=500)
        answer: Answer = await original(asked)
        return answer


class SizesOf32BitsFail(Defect):
    """API Reference, Error Handling: a size is a number of 64 bits, and one beyond 32 of them is no failure."""

    surface = "registry"
    noticed_by = ("registry/manifest/unusual-manifest-is-no-server-error#external-layer",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, descriptor)
        if descriptor["size"] >= 2**31:
            raise invalid("integer out of range", status=500)


class ImageWithoutConfigTaken(Defect):
    """image-spec 1.1, Image Manifest: ``config`` is REQUIRED."""

    surface = "registry"
    noticed_by = ("registry/manifest/invalid-manifest-is-refused#null-config",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        if document.get("config", "") is not None:
            original(media_type, document)

    def check_blobs(self, original: Any, name: str, descriptors: list[Any]) -> None:
        original(name, [each for each in descriptors if each is not None])


class IndexWithLayersTaken(Defect):
    """image-spec 1.1, CVE-2021-41190: an index is not an image at the same time, as an image is no index."""

    surface = "registry"
    noticed_by = ("registry/manifest/invalid-manifest-is-refused#index-with-layers",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        left_out = ("config", "layers") if "manifests" in document and "index" in media_type else ()
        original(media_type, {name: value for name, value in document.items() if name not in left_out})


class IndexOfLayersFails(Defect):
    """API Reference, Error Handling: an index of layers is no failure's cause (buildkit #2761)."""

    surface = "registry"
    noticed_by = ("registry/manifest/index-of-layers-is-no-server-error",)
    shipped = True
    crashes = (KeyError,)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if media_type in INDEXES:
            known = registry_of(original).stored(name)
            for each in document.get("manifests") or []:
                if isinstance(each, dict) and each.get("digest") in known.blobs:
                    raise KeyError("config")
        original(name, media_type, document)


class AnyBytesTakenAsManifest(Defect):
    """distribution-spec 1.1, Error Codes: what is not a manifest is MANIFEST_INVALID."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/malformed-body-is-400#binary",
        "registry/manifest/malformed-body-is-400#cut-off",
        "registry/manifest/malformed-body-is-400#empty",
        "registry/manifest/malformed-body-is-400#list",
        "registry/manifest/malformed-body-is-400#not-a-number",
        "registry/manifest/malformed-body-is-400#null",
        "registry/manifest/malformed-body-is-400#words",
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


class InvalidManifestsTagged(_RefusedManifestsKept):
    """image-spec 1.1, Image Manifest: what is refused for what it says is no manifest, and no tag names it."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/invalid-manifest-is-refused#schema-version-1",
        "registry/manifest/invalid-manifest-is-refused#index-of-schema-version-1",
        "registry/manifest/invalid-manifest-is-refused#schema-version-as-text",
        "registry/manifest/invalid-manifest-is-refused#image-with-manifests",
        "registry/manifest/media-type-is-verified#image-as-docker-list",
        "registry/manifest/malformed-body-is-400#layers-of-a-number",
        "registry/manifest/any-change-is-accepted-or-refused",
        "registry/manifest/any-body-is-accepted-or-refused",
    )
    codes = ("MANIFEST_INVALID",)


class LargeManifestAnswered400(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest beyond the limit is 413 (SHOULD)."""

    surface = "registry"
    noticed_by = ("registry/manifest/too-large-is-413",)

    def check_manifest_size(self, original: Any, content: bytes) -> None:
        try:
            original(content)
        except Refusal:
            raise invalid("too large") from None


class ImageTakenForAList(Defect):
    """distribution-spec 1.1, Pushing Manifests: Content-Type must be the mediaType of the manifest."""

    surface = "registry"
    noticed_by = ("registry/manifest/media-type-is-verified#image-as-docker-list",)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if media_type != DOCKER_LIST or "config" not in document:
            original(name, media_type, document)


class ManifestWithoutTypeFails(Defect):
    """API Reference, Error Handling: a field that the caller left out is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/manifest/unusual-manifest-is-no-server-error#no-content-type",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        untyped = request.method == "PUT" and kind_of(request) == "manifest" and "content-type" not in request.headers
        return Answer(500) if untyped else answer


class WrongSizeFails(Defect):
    """API Reference, Error Handling: a descriptor of another size than its blob's is its pusher's mistake."""

    surface = "registry"
    noticed_by = ("registry/manifest/wrong-size-is-refused",)

    def check_size(self, original: Any, descriptor: dict[str, Any], content: bytes | None) -> None:
        try:
            original(descriptor, content)
        except Refusal:
            raise unsupported_error() from None


class MissingReferenceToldInText(_ToldInText):
    """Docker Registry V2, Pushing an Image Manifest: an error of the list for each blob that is not there."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/missing-reference-error-code#child",
        "registry/manifest/missing-reference-error-code#child-elsewhere",
        "registry/manifest/missing-reference-error-code#config",
        "registry/manifest/missing-reference-error-code#deleted",
        "registry/manifest/missing-reference-error-code#deleted-child",
        "registry/manifest/missing-reference-error-code#docker-child",
        "registry/manifest/missing-reference-error-code#known-elsewhere",
        "registry/manifest/missing-reference-error-code#layer",
        "registry/manifest/missing-reference-error-code#layer-elsewhere",
        "registry/manifest/each-missing-blob-is-reported",
    )
    code = "MANIFEST_BLOB_UNKNOWN"


class RefusedManifestStaysRefused(Defect):
    """Docker Registry V2, Pushing an Image Manifest: it is taken once all of its layers are there."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/accepted-once-references-exist#image",
        "registry/manifest/accepted-once-references-exist#index",
    )

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
