"""Defects of the registry that no written example meets."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import failed
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.grammar import digest_of
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import IMAGES


class ClosingAlgorithmUnread(Defect):
    """distribution-spec 1.1, Pushing blobs: a digest is its algorithm and its digits, and both are compared."""

    surface = "registry"
    noticed_by = ("registry/upload/any-closing-digest-is-judged",)
    shortest = 2

    def closing_digest(self, original: Any, request: Any, upload: Any) -> str:
        algorithm, _, digits = (request.parameter("digest") or "").partition(":")
        own = digest_of(bytes(upload.content) + request.body)
        return own if algorithm and own == f"sha256:{digits}" else str(original(request, upload))


class ContentRangeOfAnotherUnitFails(Defect):
    """API Reference, Error Handling: a Content-Range that cannot be read is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/upload/any-content-range-is-a-callers-affair",)
    shortest = 3

    def intercept(self, request: Request) -> Answer | None:
        return failed() if "=" in request.headers.get("content-range", "") else None


class TagEndingInASeparatorRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may end in ``.``, ``-`` and ``_``."""

    surface = "registry"
    noticed_by = ("registry/name/any-tag-names-its-manifest",)
    shortest = 5

    def is_tag(self, original: Any, text: str) -> bool:
        return bool(original(text)) and text[-1] not in ".-_"


class EscapedManifestRefused(Defect):
    """RFC 8259 section 7: any character of a text may be written as an escape."""

    surface = "registry"
    noticed_by = ("registry/manifest/any-change-is-taken-or-refused",)
    shortest = 5

    def parse_manifest(self, original: Any, content: bytes) -> Any:
        if content.count(b"\\u00") > 3:
            raise invalid("escapes")
        return original(content)


class DeepManifestFails(Defect):
    """API Reference, Error Handling: a manifest nested deeply is not the platform's fault, whatever its type."""

    surface = "registry"
    noticed_by = ("registry/manifest/any-body-is-taken-or-refused",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        deep = kind_of(request) == "manifest" and request.body.count(b'{"a":') > 30
        return failed() if deep else None


class BytesInReferenceFail(Defect):
    """API Reference, Error Handling: a reference that is no UTF-8 is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/name/any-reference-is-a-callers-affair",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        return failed() if request.method == "GET" and "\ufffd" in request.path else None


class LastThatIsNoTagFails(Defect):
    """distribution-spec 1.1, Listing Tags: ``last`` need not be a tag; it is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/tags/any-query-is-a-callers-affair",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        last = request.parameter("last") or "" if kind_of(request) == "tags" else ""
        return failed() if re.search("[^A-Za-z0-9-]", last) else None


class RangeBeyondEveryNumberFails(Defect):
    """API Reference, Error Handling: a Range with a number of forty digits is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/pull/any-range-is-a-callers-affair",)
    shortest = 3

    def intercept(self, request: Request) -> Answer | None:
        return failed() if re.search("[0-9]{20}", request.headers.get("range", "")) else None


class TagsReturnWithTheirManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: the tags of a deleted manifest are gone, whatever is pushed later."""

    surface = "registry"
    noticed_by = ("registry/model/repository-is-as-its-model",)
    # A blob without a manifest may be collected: both are pushed anew.
    shortest = 12

    def __init__(self) -> None:
        self.buried: dict[tuple[str, str], list[str]] = {}

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.buried[name, digest] = registry_of(original).tags_naming(name, digest)
        await original(name, digest)

    async def store_manifest(self, original: Any, name: str, manifest: Any) -> None:
        await original(name, manifest)
        for tag in self.buried.pop((name, manifest.digest), []):
            registry_of(original).opened(name).tags.setdefault(tag, manifest.digest)


class DeletionMovesTagsBack(Defect):
    """distribution-spec 1.1, Deleting Manifests: a tag of a deleted image is gone, whatever it named before."""

    surface = "registry"
    noticed_by = ("registry/model/repository-is-as-its-model",)
    shortest = 10

    def __init__(self) -> None:
        self.before: dict[tuple[str, str], str] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        earlier = registry_of(original).opened(name).tags.get(tag, digest)
        if earlier != digest:
            self.before[name, tag] = earlier
        await original(name, tag, digest)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        registry = registry_of(original)
        stored = registry.stored(name)
        image = digest in stored.manifests and stored.manifests[digest].media_type in IMAGES
        tags = registry.tags_naming(name, digest) if image else []
        await original(name, digest)
        stored.tags |= {tag: earlier for tag in tags if (earlier := self.before.get((name, tag))) in stored.manifests}
