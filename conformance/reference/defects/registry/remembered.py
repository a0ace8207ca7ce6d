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


class HeadOfTagFromCache(Defect):
    """distribution-spec 1.1, Pulling manifests: HEAD tells of a tag what it names now, as GET does."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.told: dict[Place, Answer] = {}

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        return answer if ":" in asked.reference else self.told.setdefault((asked.name, asked.reference), answer)


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


class _TagListFromCache(Defect):
    """Keeps a list that was read until a tag is pushed."""

    surface = "registry"

    def __init__(self) -> None:
        self.lists: dict[str, list[str]] = {}

    def tags_of(self, original: Any, name: str) -> list[str]:
        if name not in self.lists:
            self.lists[name] = original(name)
        return self.lists[name]

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.lists.pop(name, None)
        await original(name, tag, digest)


class TagListFromBeforeTheTagWent(_TagListFromCache):
    """distribution-spec 1.1, Deleting tags: who has read the list finds no tag in it that was deleted since."""

    noticed_by = ("registry/delete/tag-alone",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.lists.pop(name, None)
        await original(name, digest)


class TagListFromBeforeTheImageWent(_TagListFromCache):
    """distribution-spec 1.1, Deleting Manifests: nor one whose image was deleted since."""

    noticed_by = ("registry/delete/manifest-goes-with-its-tags",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.lists.pop(name, None)
        await original(name, tag)


class HeadKnowsNoEntityTag(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is heeded of HEAD as of GET."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull",)

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


class DeletedTagNeverComesBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag that was deleted can be pushed again."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def __init__(self) -> None:
        self.deleted: set[Place] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.add((name, tag))
        await original(name, tag)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        if (name, tag) not in self.deleted:
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


class AbsentImageRememberedForHead(AbsentTagRemembered):
    """distribution-spec 1.1, Checking if content exists: an image that was looked for in vain is there once pushed."""

    def _is_remembered(self, asked: Asked) -> bool:
        return asked.request.method == "HEAD" and ":" in asked.reference


class ReferrersFromCache(Defect):
    """distribution-spec 1.1, Listing Referrers: what was pushed since the last list is in the next."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def __init__(self) -> None:
        self.lists: dict[Place, list[dict[str, Any]]] = {}

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return self.lists.setdefault((name, digest), original(name, digest))

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.lists.clear()
        await original(name, digest)


class ReferrersRememberedByTheDigestAlone(Defect):
    """distribution-spec 1.1, Listing Referrers: of a repository those are told that it has, whatever another has."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-this-repository-only",)

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        if digest not in self.lists:
            self.lists[digest] = original(name, digest)
        return self.lists[digest]

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.lists.clear()
        await original(name, manifest)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.lists.clear()
        await original(name, digest)


class ReferrerListedForEachPush(Defect):
    """distribution-spec 1.1, Listing Referrers: a manifest is one referrer, however often it was pushed."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def __init__(self) -> None:
        self.pushed: list[Place] = []

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.pushed.append((name, manifest.digest))
        await original(name, manifest)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        found = original(name, digest)
        return [each for each in found for _ in range(self.pushed.count((name, each["digest"])))]


class DeletedBlobStillCounts(Defect):
    """Docker Registry V2, Pushing an Image Manifest: a blob that was deleted is unknown, as one never pushed is."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    def __init__(self) -> None:
        self.deleted: set[str] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add(digest)
        await original(name, digest)

    def check_missing(self, original: Any, digests: list[str]) -> None:
        original([each for each in digests if each not in self.deleted])


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


class ManifestKnownElsewhereTaken(Defect):
    """Docker Registry V2, Pushing an Image Manifest: its blobs are looked for here, wherever it is known."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-reference-is-refused",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        registry, digest = registry_of(original), grammar.digest_of(asked.request.body)
        for each in [*registry.repositories.values()]:
            if digest in each.manifests:
                await registry.store_manifest(asked.name, each.manifests[digest])
                return registry.manifest_created(asked, each.manifests[digest])
        answer: Answer = await original(asked)
        return answer
