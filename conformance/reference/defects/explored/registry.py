"""Defects of the registry that no written example meets."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.registry.grammar import digest_of


class ClosingDigestCutToLength(Defect):
    """distribution-spec 1.1, Pushing blobs: the digest is the content's, whole; nothing behind it is overlooked."""

    surface = "registry"
    noticed_by = ("registry/upload/any-closing-digest-is-judged",)
    shortest = 2

    def closing_digest(self, original: Any, request: Any, upload: Any) -> str:
        digest = request.parameter("digest") or ""
        return digest[:71] if registry_of(original).is_digest(digest[:71]) else str(original(request, upload))


class ClosingAlgorithmUnread(Defect):
    """distribution-spec 1.1, Pushing blobs: a digest is its algorithm and its digits, and both are compared."""

    surface = "registry"
    noticed_by = ("registry/upload/any-closing-digest-is-judged",)
    shortest = 2

    def closing_digest(self, original: Any, request: Any, upload: Any) -> str:
        algorithm, _, digits = (request.parameter("digest") or "").partition(":")
        own = digest_of(bytes(upload.content) + request.body)
        return own if algorithm and own == f"sha256:{digits}" else str(original(request, upload))


class TagEndingInASeparatorRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may end in ``.``, ``-`` and ``_``."""

    surface = "registry"
    noticed_by = ("registry/name/any-tag-names-its-manifest",)
    shortest = 1

    def is_tag(self, original: Any, text: str) -> bool:
        return bool(original(text)) and text[-1] not in ".-_"


class TagsReturnWithTheirManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: the tags of a deleted manifest are gone, whatever is pushed later."""

    surface = "registry"
    noticed_by = ("registry/model/repository-is-as-its-model",)
    shortest = 9

    def __init__(self) -> None:
        self.buried: dict[tuple[str, str], list[str]] = {}

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.buried[name, digest] = registry_of(original).tags_naming(name, digest)
        await original(name, digest)

    async def store_manifest(self, original: Any, name: str, manifest: Any) -> None:
        await original(name, manifest)
        for tag in self.buried.pop((name, manifest.digest), []):
            registry_of(original).opened(name).tags.setdefault(tag, manifest.digest)


class SharedLayerGoesWithAManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: a blob that another manifest refers to stays."""

    surface = "registry"
    noticed_by = ("registry/model/repository-is-as-its-model",)
    shortest = 10

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        document = stored.manifests[digest].document
        await original(name, digest)
        for layer in document.get("layers") or []:
            stored.blobs.pop(layer["digest"], None)
