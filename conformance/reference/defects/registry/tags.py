"""Defects of tags and of repository names."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import PAUSE_S, EveryTwentieth, registry_of
from conformance.reference.http import Answer
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest


class TagGrammarUnchecked(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag is of its grammar, at most 128 characters."""

    surface = "registry"
    noticed_by = ("registry/name/no-other-tag-is-taken",)

    def is_tag(self, original: Any, text: str) -> bool:
        return True


class TagWithALineEndTaken(Defect):
    """distribution-spec 1.1, Pulling manifests: the grammar ends where the tag does, and not before a line end."""

    surface = "registry"
    noticed_by = ("registry/name/no-other-tag-is-taken",)

    def is_tag(self, original: Any, text: str) -> bool:
        return bool(original(text.removesuffix("\n")))


class LongTagRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may have 128 characters, not only 63."""

    surface = "registry"
    noticed_by = ("registry/name/every-tag-of-the-grammar-is-taken", "registry/referrers/tag-schema-works")

    def is_tag(self, original: Any, text: str) -> bool:
        return len(text) < 64 and bool(original(text))


class TagCaseFolded(Defect):
    """distribution-spec 1.1, Pulling manifests: two tags that differ in case are two tags."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).lower()


class TagFoundInOtherCase(Defect):
    """distribution-spec 1.1, Pulling manifests: nor does one answer for the other, where that is not there."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        alike = [tag for tag in registry_of(original).stored(name).tags if tag.lower() == reference.lower()]
        return original(name, reference if reference in alike or not alike else alike[0])


class LatestIsWhateverThereIs(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that was not pushed is not there, "latest" neither."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        tags = registry_of(original).stored(name).tags
        return original(
            name, next(iter(tags)) if reference == "latest" and tags and reference not in tags else reference
        )


class TagWithoutItsLastDot(Defect):
    """distribution-spec 1.1, Pulling manifests: two tags that differ by a dot at their end are two tags."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).rstrip(".")


class TagWithoutItsLastDash(Defect):
    """distribution-spec 1.1, Pulling manifests: nor is it another for a dash at its end."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).rstrip("-")


class TagDoesNotMove(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag pushed again names the new manifest."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        if tag not in registry_of(original).opened(name).tags:
            await original(name, tag, digest)


class TagServedFromCache(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that was moved names the new manifest at once."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.cache: dict[tuple[str, str], Manifest] = {}

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        registry, key = registry_of(original), (asked.name, asked.reference)
        if key not in self.cache:
            self.cache[key] = registry.manifest_of(asked)
        return registry.manifest_answer(asked.request, self.cache[key])


class TagsAtOnceLost(Defect):
    """Tags may be pushed by many at once; each is there afterwards."""

    surface = "registry"
    noticed_by = ("registry/at-once/several-tags",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        repository = registry_of(original).opened(name)
        tags = dict(repository.tags)
        await asyncio.sleep(PAUSE_S)
        repository.tags = {**tags, tag: digest}


class RetagDisturbsReaders(Defect):
    """A tag that is there stays readable while it is pushed again (distribution #3731 of buildx)."""

    surface = "registry"
    noticed_by = ("registry/at-once/pulled-while-pushed-again",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        registry_of(original).opened(name).tags.pop(tag, None)
        await asyncio.sleep(PAUSE_S)
        await original(name, tag, digest)


class TagSetBeforeTheManifest(Defect):
    """A tag names a whole manifest at every moment: the manifest is stored before the tag is set."""

    surface = "registry"
    noticed_by = ("registry/at-once/pulled-while-pushed-again",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        registry_of(original).opened(name).manifests.pop(manifest.digest, None)
        await asyncio.sleep(PAUSE_S)
        await original(name, manifest)


class TagMovedBeforeItsManifest(Defect):
    """API Reference, Error Handling: a tag that moves is there at every moment, so the new manifest is stored first."""

    surface = "registry"
    noticed_by = ("registry/at-once/one-tag",)

    def __init__(self) -> None:
        self.stored: set[tuple[str, str]] = set()

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        manifests = registry_of(original).opened(name).manifests
        late = {} if (name, digest) in self.stored else {digest: manifests.pop(digest)}
        self.stored.add((name, digest))
        await original(name, tag, digest)
        await asyncio.sleep(PAUSE_S)
        manifests.update(late)


class OneTagInTwentyNotSet(Defect):
    """distribution-spec 1.1, Pushing Manifests: 201 says that the tag is set, every time."""

    surface = "registry"
    noticed_by = ("registry/at-once/tags-listed-while-pushed",)

    def __init__(self) -> None:
        self.twentieth = EveryTwentieth()

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        if not self.twentieth.due():
            await original(name, tag, digest)


class TagStaysAfterItsManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: a manifest deleted by digest is gone by its tags, too."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-goes-with-its-tags", "registry/at-once/pulled-while-deleted")

    def __init__(self) -> None:
        self.kept: dict[str, Manifest] = {}

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.kept[digest] = registry_of(original).stored(name).manifests.pop(digest)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        return found or self.kept.get(registry_of(original).stored(name).tags.get(reference, ""))


class DeletedManifestStaysInTagList(Defect):
    """distribution-spec 1.1, Deleting Manifests: the tags of a deleted manifest are not listed."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-goes-with-its-tags",)

    def tags_naming(self, original: Any, name: str, digest: str) -> list[str]:
        return []


class TagDeletionTakesTheManifest(Defect):
    """distribution-spec 1.1, Deleting tags: the manifest stays, by digest and by its other tags."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        registry = registry_of(original)
        await registry.remove_manifest(name, registry.stored(name).tags[tag])


class DeletionTakesTagsThatBeginSo(Defect):
    """distribution-spec 1.1, Deleting tags: a tag goes alone, and none whose name it begins."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        for each in [each for each in registry_of(original).stored(name).tags if each.startswith(tag)]:
            await original(name, each)


class DeletionOfATagTakesOtherCases(Defect):
    """distribution-spec 1.1, Deleting tags: nor one that is the same in other letters, as many a database compares."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        tags = registry_of(original).stored(name).tags
        for each in [each for each in tags if each.casefold() == tag.casefold()]:
            await original(name, each)


class TagsOfArtifactsNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: nor is a tag left out since it names no image but an artifact."""

    surface = "registry"
    noticed_by = ("registry/tags/of-indexes-are-listed",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        found = {tag: registry_of(original).resolve(name, tag) for tag in original(name)}
        return [tag for tag, named in found.items() if named is None or "artifactType" not in named.document]


class SignaturesNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: all tags are listed, those of signatures among them."""

    surface = "registry"
    noticed_by = ("registry/tags/are-listed",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if not tag.startswith("sha256-")]


class TagsWithAnUnderscoreNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: a tag that begins with "_" is listed, and no file of the registry's own."""

    surface = "registry"
    noticed_by = ("registry/tags/listed-once-when-pushed-twice",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if not tag.startswith("_")]


class LongTagsNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: a tag of 128 letters is listed, as every other is."""

    surface = "registry"
    noticed_by = ("registry/tags/listed-once-when-pushed-twice",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if len(tag) < 128]


class DeletedTagStillServed(Defect):
    """distribution-spec 1.1, Deleting tags: a tag whose deletion was accepted is gone."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        """Forgets to."""


class MovedTagTakesItsImageAlong(Defect):
    """distribution-spec 1.1, Pulling manifests: an image stays while a tag names it, though another tag left it."""

    surface = "registry"
    noticed_by = ("registry/manifest/tags-move-alone",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        left = stored.tags.get(tag, digest)
        await original(name, tag, digest)
        if left != digest and left in stored.tags.values():
            del stored.manifests[left]


class RefusedTagMovesAllTheSame(Defect):
    """API Reference, Error Handling: what is refused (409) is not done; the tag names what it did."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        named = registry_of(original).stored(asked.name).tags.get(asked.reference)
        answer: Answer = await original(asked)
        if named not in (None, grammar.digest_of(asked.request.body)):
            raise Refusal("DENIED", {"tag": asked.reference}, status=409)
        return answer


class LatestBeforeAll(Defect):
    """distribution-spec 1.1, Listing Tags: the order is of all tags, ``latest`` among them."""

    surface = "registry"
    noticed_by = ("registry/tags/are-sorted",)

    def in_order(self, original: Any, names: list[str]) -> list[str]:
        listed: list[str] = original(names)
        return sorted(listed, key=lambda name: name != "latest")
