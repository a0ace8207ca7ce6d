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
from conformance.reference.one_method import defect, row
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_MANIFEST, IMAGES, INDEXES, OCI_INDEX, OCI_MANIFEST, Manifest
from conformance.reference.support.registry import _RefusedManifestsStored, kind_of, registry_of
from tests.defects.support.common import server_error_page
from tests.defects.support.registry import _RefusalAsText

MEBIBYTE = 1024 * 1024
KNOWN = ("application/vnd.oci.", "application/vnd.docker.")

ROWS = (
    row(
        "media-type-compared-with-parameters",
        "RFC 9110 section 8.3.1: a media type with parameters is treated as another one.",
        "registry/manifest/type-parameters-are-ignored",
        media_type_of=lambda original, request: request.headers.get("content-type", ""),
    ),
    row(
        "unknown-manifest-type-accepted",
        "distribution-spec 1.1, Error Codes: an unknown manifest type is accepted.",
        "registry/manifest/media-type-is-verified#layer,plain-json",
        check_supported=lambda original, media_type: None,
    ),
    row(
        "manifest-media-type-unchecked",
        "distribution-spec 1.1, Pushing Manifests: a Content-Type that differs from mediaType is accepted.",
        "registry/manifest/media-type-is-verified#docker-as-oci-image,oci-as-docker-image",
        check_media_type=lambda original, media_type, document: None,
    ),
)


@defect("registry/manifest/artifacts-are-accepted#artifact", "interoperability/registry/signature-is-stored")
def layer_of_other_type_refused(check_member: Any, media_type: str, member: str, value: Any) -> None:
    """image-spec 1.1, Image Manifest: a layer of an unknown media type is refused."""
    check_member(media_type, member, value)
    described = value if isinstance(value, list) else [value]
    types = [each.get("mediaType", "") for each in described if isinstance(each, dict)]
    if member == "layers" and not all(str(each).startswith(KNOWN) for each in types):
        raise invalid("unsupported media type of a layer")


@defect("registry/manifest/image-kinds-are-accepted#docker-image")
async def head_of_a_reserialized_manifest(head_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.2: HEAD states the length of the reserialized manifest."""
    answer: Answer = await head_manifest(call)
    manifest = registry_of(head_manifest).resolve(call.name, call.reference)
    if answer.status == 200 and manifest:
        answer.headers["Content-Length"] = str(len(json.dumps(manifest.document, separators=(",", ":"))))
    return answer


@defect("registry/manifest/optional-forms-are-accepted#embedded-data")
def embedded_data_refused(check_data: Any, member: str, descriptor: dict[str, Any]) -> None:
    """image-spec 1.1, Content Descriptors: a descriptor with ``data`` is refused."""
    if "data" in descriptor:
        raise Refusal("MANIFEST_INVALID", f"{member}: data")


@defect("registry/manifest/four-megabytes-are-accepted")
def large_manifest_cut_short(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: a manifest is cut at one mebibyte."""
    answer: Answer = manifest_answer(request, manifest)
    answer.body = answer.body[:MEBIBYTE]
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("registry/manifest/four-megabytes-are-accepted")
def manifest_limit_too_low(check_manifest_size: Any, content: bytes) -> None:
    """distribution-spec 1.1, Pushing Manifests: a manifest beyond 64 KiB is refused; 4 MiB SHOULD be accepted."""
    check_manifest_size(content)
    if len(content) > 65536:
        raise invalid("larger than 65536 bytes", status=413)


@defect("registry/manifest/push-by-digest-is-accepted")
async def push_by_digest_refused(put_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: an image cannot be pushed by digest."""
    if ":" in call.reference and registry_of(put_manifest).media_type_of(call.request) in IMAGES:
        raise Refusal("TAG_INVALID", {"tag": call.reference})
    return await put_manifest(call)


@defect("registry/manifest/missing-subject-is-accepted")
def subject_must_exist(check_manifest: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
    """distribution-spec 1.1, Pushing Manifests with Subject: a manifest with an absent subject is refused."""
    check_manifest(name, media_type, document)
    subject = document.get("subject")
    if subject and subject["digest"] not in registry_of(check_manifest).stored(name).manifests:
        raise Refusal("MANIFEST_UNKNOWN", {"digest": subject["digest"]})


@defect("registry/manifest/optional-forms-are-accepted#mixed-index")
def docker_image_in_an_index_refused(check_children: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """image-spec 1.1, Image Index: an index with OCI and Docker images is refused."""
    check_children(name, descriptors)
    if {OCI_MANIFEST, DOCKER_MANIFEST} <= {each["mediaType"] for each in descriptors}:
        raise invalid("mixed media types")


@defect("registry/manifest/optional-forms-are-accepted#nested-index")
def index_with_an_image_refused(check_children: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """image-spec 1.1, Image Index: an index with an image and an index is refused."""
    check_children(name, descriptors)
    if {OCI_INDEX, OCI_MANIFEST} <= {each["mediaType"] for each in descriptors}:
        raise invalid("an index and an image")


@defect("registry/manifest/image-kinds-are-accepted#again", shipped=True)
async def index_pushed_again_refused(store_manifest: Any, name: str, manifest: Manifest) -> None:
    """distribution-spec 1.1, Pushing Manifests: an existing index cannot be pushed again (buildah #2594)."""
    if manifest.media_type in INDEXES and manifest.digest in registry_of(store_manifest).stored(name).manifests:
        raise Refusal("MANIFEST_INVALID", {"digest": manifest.digest})
    await store_manifest(name, manifest)


@defect("registry/manifest/image-kinds-are-accepted#oci-index,docker-list")
async def head_type_is_always_image(head_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of an index states the type of an image."""
    answer: Answer = await head_manifest(call)
    answer.headers["Content-Type"] = OCI_MANIFEST
    return answer


@defect("registry/manifest/artifacts-are-accepted#custom-config")
def config_of_other_type_refused(check_member: Any, media_type: str, member: str, value: Any) -> None:
    """image-spec 1.1, Image Manifest: a config of an unknown media type is refused."""
    check_member(media_type, member, value)
    if member == "config" and not value["mediaType"].startswith(("application/vnd.oci.", "application/vnd.docker.")):
        raise invalid("unsupported media type of the config")


@defect("registry/manifest/invalid-manifest-is-refused#number-in-annotations")
def annotations_checked_in_part(check_annotations: Any, member: str, annotations: Any) -> None:
    """image-spec 1.1, Annotations: only the first annotation is checked to be a string."""
    first = dict(list(annotations.items())[:1]) if isinstance(annotations, dict) else annotations
    check_annotations(member, first)


@defect("registry/manifest/any-body-is-accepted-or-refused", shortest=1)
def deep_manifest_fails(request: Request) -> Answer | None:
    """API Reference, Error Handling: a deeply nested manifest is answered 500."""
    deep = kind_of(request) == "manifest" and request.body.count(b'{"a":') > 30
    return server_error_page() if deep else None


@defect("registry/manifest/any-change-is-accepted-or-refused", shortest=5)
def escaped_manifest_refused(parse_manifest: Any, content: bytes) -> Any:
    """RFC 8259 section 7: a manifest with several escaped characters is refused."""
    if content.count(b"\\u00") > 3:
        raise invalid("escapes")
    return parse_manifest(content)


@defect("registry/manifest/invalid-manifest-is-refused#listed-no-type")
def listed_descriptor_unchecked(check_descriptor: Any, member: str, descriptor: Any) -> None:
    """image-spec 1.1, Content Descriptors: a descriptor in an index may lack its media type."""
    check_descriptor(member, {"mediaType": "a/b", **descriptor} if member == "manifests" else descriptor)


@defect("registry/manifest/invalid-manifest-is-refused#config-size-as-text", shipped=True, crashes=(TypeError,))
def size_in_words_fails(check_descriptor: Any, member: str, descriptor: Any) -> None:
    """API Reference, Error Handling: a size that is a text is answered 500."""
    if isinstance(descriptor, dict) and isinstance(descriptor.get("size"), str):
        raise TypeError(descriptor["size"])
    check_descriptor(member, descriptor)


@defect("registry/manifest/invalid-manifest-is-refused#path-as-digest,subject-no-size")
def malformed_descriptor_accepted(check_descriptor: Any, member: str, descriptor: Any) -> None:
    """image-spec 1.1, Content Descriptors: a malformed subject is accepted."""
    if member != "subject" or not isinstance(descriptor, dict) or "digest" not in descriptor:
        check_descriptor(member, descriptor)


@defect("registry/manifest/unusual-manifest-is-no-server-error#empty-docker-list,empty-oci-index")
async def empty_index_fails(put_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: an empty index is answered 500."""
    if b'"manifests":[]' in call.request.body.replace(b" ", b""):
        raise invalid("index out of range: 0", status=500)
    return await put_manifest(call)


@defect("registry/manifest/unusual-manifest-is-no-server-error#external-layer")
def sizes_of32_bits_fail(check_descriptor: Any, member: str, descriptor: Any) -> None:
    """API Reference, Error Handling: a size beyond 32 bits is answered 500."""
    check_descriptor(member, descriptor)
    if descriptor["size"] >= 2**31:
        raise invalid("integer out of range", status=500)


class ImageWithoutConfigAccepted(Defect):
    """image-spec 1.1, Image Manifest: an image whose ``config`` is null is accepted."""

    noticed_by = ("registry/manifest/invalid-manifest-is-refused#null-config",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        if document.get("config", "") is not None:
            original(media_type, document)

    def check_blobs(self, original: Any, name: str, descriptors: list[Any]) -> None:
        original(name, [each for each in descriptors if each is not None])


@defect("registry/manifest/invalid-manifest-is-refused#index-with-layers")
def index_with_layers_accepted(check_members: Any, media_type: str, document: dict[str, Any]) -> None:
    """image-spec 1.1, CVE-2021-41190: an index that has layers is accepted."""
    left_out = ("config", "layers") if "manifests" in document and "index" in media_type else ()
    check_members(media_type, {name: value for name, value in document.items() if name not in left_out})


@defect("registry/manifest/index-of-layers-is-no-server-error", shipped=True, crashes=(KeyError,))
def index_of_layers_fails(check_manifest: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
    """API Reference, Error Handling: an index that lists a layer is answered 500 (buildkit #2761)."""
    if media_type in INDEXES:
        known = registry_of(check_manifest).stored(name)
        for each in document.get("manifests") or []:
            if isinstance(each, dict) and each.get("digest") in known.blobs:
                raise KeyError("config")
    check_manifest(name, media_type, document)


class AnyBytesTreatedAsManifest(Defect):
    """distribution-spec 1.1, Error Codes: bytes that are no JSON are accepted as a manifest."""

    noticed_by = ("registry/manifest/malformed-body-is-400#binary,cut-off,empty,list,not-a-number,null,words",)

    def parse_manifest(self, original: Any, content: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = original(content)
        except Refusal:
            document = {}
        return document

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if document:
            original(name, media_type, document)


class InvalidManifestsTagged(_RefusedManifestsStored):
    """image-spec 1.1, Image Manifest: an invalid manifest is refused, stored and tagged."""

    noticed_by = (
        "registry/manifest/invalid-manifest-is-refused#schema-version-1,index-of-schema-version-1",
        "registry/manifest/invalid-manifest-is-refused#schema-version-as-text,image-with-manifests",
        "registry/manifest/media-type-is-verified#image-as-docker-list",
        "registry/manifest/malformed-body-is-400#layers-of-a-number",
        "registry/manifest/any-change-is-accepted-or-refused",
        "registry/manifest/any-body-is-accepted-or-refused",
    )
    codes = ("MANIFEST_INVALID",)


@defect("registry/manifest/too-large-is-413")
def large_manifest_answered400(check_manifest_size: Any, content: bytes) -> None:
    """distribution-spec 1.1, Pushing Manifests: a manifest beyond the limit is answered 400; it SHOULD be 413."""
    try:
        check_manifest_size(content)
    except Refusal:
        raise invalid("too large") from None


@defect("registry/manifest/unusual-manifest-is-no-server-error#no-content-type")
def manifest_without_type_fails(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: a manifest without a Content-Type is answered 500."""
    untyped = request.method == "PUT" and kind_of(request) == "manifest" and "content-type" not in request.headers
    return Answer(500) if untyped else answer


class MissingReferenceReportedAsText(_RefusalAsText):
    """Docker Registry V2, Pushing an Image Manifest: the error for absent blobs is plain text."""

    noticed_by = (
        "registry/manifest/missing-reference-error-code#child,child-elsewhere,config,deleted,deleted-child",
        "registry/manifest/missing-reference-error-code#docker-child,known-elsewhere,layer,layer-elsewhere",
        "registry/manifest/each-missing-blob-is-reported",
    )
    code = "MANIFEST_BLOB_UNKNOWN"


@defect("registry/manifest/accepted-once-references-exist#image,index", state=dict)
async def refused_manifest_stays_refused(
    refused: dict[tuple[str, str], Refusal], put_manifest: Any, call: Call
) -> Answer:
    """Docker Registry V2, Pushing an Image Manifest: a manifest stays refused after its absent layer is pushed."""
    key = call.name, grammar.digest_of(call.request.body)
    if key in refused:
        raise refused[key]
    try:
        return await put_manifest(call)
    except Refusal as refusal:
        if refusal.code == "MANIFEST_BLOB_UNKNOWN":
            refused[key] = refusal
        raise
