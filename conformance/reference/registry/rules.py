"""Validation of manifests: image-spec 1.1 (descriptor, manifest, index), Docker's schema 2.

A registry may accept a manifest without its blobs (distribution-spec 1.1); Docker's must not, and this one does not.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from conformance.reference.http import refuse_constant
from conformance.reference.registry import grammar
from conformance.reference.registry.base import Base
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.state import IMAGES, INDEXES, OCI_TYPES

LARGEST_MANIFEST = 4 * 1024 * 1024
FOREIGN = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.diff.")
IMAGE_MEMBERS: tuple[str, ...] = ("config", "layers")
INDEX_MEMBERS: tuple[str, ...] = ("manifests",)


def invalid(reason: str, status: int | None = None) -> Refusal:
    """Return MANIFEST_INVALID with the reason as its detail."""
    return Refusal("MANIFEST_INVALID", reason, status=status)


def is_foreign(descriptor: dict[str, Any]) -> bool:
    """Return whether the content may be elsewhere: it has URLs, or a non-distributable type."""
    return bool(descriptor.get("urls")) or descriptor["mediaType"].startswith(FOREIGN)


class ManifestRules(Base):
    """Validates manifests, with a method for each rule."""

    def check_manifest_size(self, content: bytes) -> None:
        """Refuse more than 4 MiB with 413 (distribution-spec 1.1, "Pushing Manifests")."""
        if len(content) > LARGEST_MANIFEST:
            raise invalid(f"larger than {LARGEST_MANIFEST} bytes", status=413)

    def check_supported(self, media_type: str) -> None:
        if media_type not in IMAGES + INDEXES:
            raise invalid(f"unsupported media type {media_type!r}")

    def manifest_digest_matches(self, digest: str, content: bytes) -> bool:
        return self.digest_matches(digest, content)

    def parse_manifest(self, content: bytes) -> dict[str, Any]:
        """Parse the JSON object (RFC 8259)."""
        try:
            document = json.loads(content.decode(), parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise invalid("not JSON") from None
        if not isinstance(document, dict):
            raise invalid("not a JSON object")
        return document

    def check_manifest(self, name: str, media_type: str, document: dict[str, Any]) -> None:
        """Check every rule except those for size and digest."""
        self.check_schema_version(document)
        self.check_media_type(media_type, document)
        self.check_members(media_type, document)
        if media_type in INDEXES:
            self.check_children(name, document["manifests"] or [])
        else:
            self.check_blobs(name, [document["config"], *(document.get("layers") or [])])

    def check_schema_version(self, document: dict[str, Any]) -> None:
        if type(document.get("schemaVersion")) is not int or document["schemaVersion"] != 2:
            raise invalid("schemaVersion is not 2")

    def check_media_type(self, media_type: str, document: dict[str, Any]) -> None:
        """Check that ``mediaType`` equals Content-Type; Docker's types require it."""
        stated = document.get("mediaType")
        if stated != media_type and (stated is not None or media_type not in OCI_TYPES):
            raise invalid("mediaType is not the Content-Type")

    def check_members(self, media_type: str, document: dict[str, Any]) -> None:
        """Check the members and their types; an image is not also an index (CVE-2021-41190)."""
        required, forbidden = IMAGE_MEMBERS, INDEX_MEMBERS
        if media_type in INDEXES:
            required, forbidden = forbidden, required
        if any(member in document for member in forbidden):
            raise invalid(f"{' or '.join(forbidden)} in a manifest of this type")
        for member in required:
            self.check_member(media_type, member, document.get(member))
        if document.get("subject") is not None and media_type in OCI_TYPES:
            self.check_descriptor("subject", document["subject"])
        self.check_artifact_type(document.get("artifactType"))
        self.check_annotations("annotations", document.get("annotations"))

    def check_artifact_type(self, artifact_type: Any) -> None:
        if artifact_type not in (None, "") and not grammar.is_media_type(artifact_type):
            raise invalid("artifactType is not a media type")

    def check_member(self, media_type: str, member: str, value: Any) -> None:
        """Check that ``config`` is a descriptor, ``layers`` and ``manifests`` lists of them (null in OCI's types)."""
        if member == "config":
            self.check_descriptor(member, value)
            return
        if value is None and media_type in OCI_TYPES:
            return
        if not isinstance(value, list):
            raise invalid(f"{member} is not a list")
        for each in value:
            self.check_descriptor(member, each)

    def check_descriptor(self, member: str, descriptor: Any) -> None:
        """Check media type, digest and size of a descriptor (image-spec 1.1, "Content Descriptors")."""
        if not isinstance(descriptor, dict):
            raise invalid(f"{member} is not a descriptor")
        if not grammar.is_media_type(descriptor.get("mediaType")):
            raise invalid(f"{member}: mediaType is not a media type")
        if not grammar.is_any_digest(descriptor.get("digest")):
            raise invalid(f"{member}: digest is malformed")
        if type(descriptor.get("size")) is not int or descriptor["size"] < 0:
            raise invalid(f"{member}: size is not a number of bytes")
        self.check_urls(member, descriptor.get("urls"))
        self.check_annotations(member, descriptor.get("annotations"))
        self.check_data(member, descriptor)

    def check_urls(self, member: str, urls: Any) -> None:
        if urls is not None and not (isinstance(urls, list) and all(isinstance(each, str) for each in urls)):
            raise invalid(f"{member}: urls is not a list of strings")

    def check_annotations(self, member: str, annotations: Any) -> None:
        """Check for a map of strings to strings (image-spec 1.1, "Annotations")."""
        if annotations is None:
            return
        if not isinstance(annotations, dict) or not all(isinstance(each, str) for each in annotations.values()):
            raise invalid(f"{member}: annotations are not strings")

    def check_data(self, member: str, descriptor: dict[str, Any]) -> None:
        """Check that embedded ``data`` has the digest and size of the descriptor."""
        if descriptor.get("data") is None:
            return
        try:
            content = base64.b64decode(descriptor["data"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise invalid(f"{member}: data is not base64") from None
        known = grammar.is_supported_digest(descriptor["digest"])
        if len(content) != descriptor["size"] or (known and not self.digest_matches(descriptor["digest"], content)):
            raise invalid(f"{member}: data is not what digest and size name")

    def check_blobs(self, name: str, descriptors: list[dict[str, Any]]) -> None:
        """Check that config and layers, unless foreign, are in the repository with the sizes of their descriptors."""
        blobs = self.stored(name).blobs
        self.check_references(descriptors, lambda digest: blobs.get(digest))

    def check_children(self, name: str, descriptors: list[dict[str, Any]]) -> None:
        """Check that the manifests of an index are in the repository with the sizes of their descriptors."""
        stored = self.stored(name)
        self.check_references(
            descriptors,
            lambda digest: stored.manifests[digest].content if digest in stored.manifests else stored.blobs.get(digest),
        )

    def check_references(self, descriptors: list[dict[str, Any]], found: Callable[[str], bytes | None]) -> None:
        """Check that the content of each descriptor, unless foreign, exists with the stated size."""
        contents = {digest: found(digest) for digest in (each["digest"] for each in descriptors)}
        self.check_missing(
            [each["digest"] for each in descriptors if contents[each["digest"]] is None and not is_foreign(each)]
        )
        for each in descriptors:
            self.check_size(each, contents[each["digest"]])

    def check_missing(self, digests: list[str]) -> None:
        if digests:
            raise Refusal("MANIFEST_BLOB_UNKNOWN", *({"digest": digest} for digest in dict.fromkeys(digests)))

    def check_size(self, descriptor: dict[str, Any], content: bytes | None) -> None:
        """Check that the stated size is that of the content, if there is any."""
        if content is not None and len(content) != descriptor["size"]:
            raise invalid(f"size of {descriptor['digest']} is not that of the content")
