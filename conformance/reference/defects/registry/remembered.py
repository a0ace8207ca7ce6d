"""Defects of what is remembered: what was so once is told or done as if it still were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest

Place = tuple[str, str]


class TagDigestFromCache(Defect):
    """distribution-spec 1.1, Pulling manifests: the digest that is told of a tag is that of the bytes that come."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.told: dict[Place, str] = {}

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if ":" not in asked.reference and answer.status == 200:
            first = self.told.setdefault((asked.name, asked.reference), answer.headers["Docker-Content-Digest"])
            answer.headers["Docker-Content-Digest"] = first
        return answer


class EntityTagOfTheTagsName(Defect):
    """RFC 9110 section 8.8.3: an entity tag is of what comes, and another one when something else does."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if ":" not in asked.reference:
            entity_tag = f'"{asked.reference}"'
            if grammar.entity_tag_matches(asked.request.headers.get("if-none-match", ""), entity_tag):
                answer = Answer(304)
            answer.headers["ETag"] = entity_tag
        return answer


class DateOfTheImageForItsTag(Defect):
    """RFC 9110 section 8.8.2: a tag that goes back to an older image was modified then, and is sent to who had it."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.stored: list[str] = []

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.stored += [manifest.digest] if manifest.digest not in self.stored else []
        await original(name, manifest)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.status != 200:
            return answer
        # One is pushed each second.
        age = len(self.stored) - self.stored.index(answer.headers["Docker-Content-Digest"])
        modified = datetime.now(UTC) - timedelta(seconds=age)
        since = asked.request.headers.get("if-modified-since")
        if since and "if-none-match" not in asked.request.headers and modified <= parsedate_to_datetime(since):
            answer = Answer(304)
        answer.headers["Last-Modified"] = format_datetime(modified, usegmt=True)
        return answer


class DeletedTagFromCache(Defect):
    """distribution-spec 1.1, Deleting tags: a deleted tag is gone for those, too, who have read it before."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.read: dict[Place, Manifest] = {}

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        place = asked.name, asked.reference
        if asked.request.method == "DELETE" or ":" in asked.reference:
            other: Manifest = original(asked)
            return other
        if place not in self.read:
            self.read[place] = original(asked)
        return self.read[place]

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.read.pop((name, tag), None)
        await original(name, tag, digest)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.read = {place: each for place, each in self.read.items() if each.digest != digest}
        await original(name, digest)


class HeadKnowsNoEntityTag(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is heeded of HEAD as of GET."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull#manifest-head",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        await original(asked)
        registry = registry_of(original)
        answer: Answer = registry.manifest_answer(asked.request, registry.manifest_of(asked))
        return answer


class TagNeverGoesBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag names what was pushed last, though it has named it before."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.named: set[tuple[str, str, str]] = set()

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        known = (name, tag, digest) in self.named and tag in registry_of(original).stored(name).tags
        self.named.add((name, tag, digest))
        if not known:
            await original(name, tag, digest)


class AbsentBlobRemembered(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob that was asked for in vain is there when it was pushed."""

    surface = "registry"
    noticed_by = ("registry/upload/streamed",)

    def __init__(self) -> None:
        self.absent: dict[Place, Refusal] = {}

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        if (name, digest) in self.absent:
            raise self.absent[name, digest]
        try:
            content: bytes = original(name, digest)
        except Refusal as refusal:
            self.absent[name, digest] = refusal
            raise
        return content


class AbsentTagRemembered(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that was asked for in vain is there when it was pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.absent: dict[Place, Refusal] = {}

    def _is_remembered(self, asked: Asked) -> bool:
        """Whether who asks again is told what was told before."""
        return True

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        place = asked.name, asked.reference
        if self._is_remembered(asked) and place in self.absent:
            raise self.absent[place]
        try:
            found: Manifest = original(asked)
        except Refusal as refusal:
            self.absent[place] = refusal
            raise
        return found


class DeletionTakesTagsThatMovedAway(Defect):
    """distribution-spec 1.1, Deleting Manifests: a tag that names another manifest by now stays."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-goes-with-its-tags", "registry/delete/others-stay")

    def __init__(self) -> None:
        self.named: dict[Place, set[str]] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.named.setdefault((name, digest), set()).add(tag)
        await original(name, tag, digest)

    def tags_naming(self, original: Any, name: str, digest: str) -> list[str]:
        return [*self.named.get((name, digest), ())]


class CatalogRememberedForEverybody(Defect):
    """API Reference, Error Handling: a catalog is of what its caller may see, whoever asked before."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        query = asked.request.query_string
        if query not in self.pages:
            self.pages[query] = await original(asked)
        return self.pages[query]
