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
    noticed_by = (
        "registry/name/no-other-tag-is-taken#129-letters",
        "registry/name/no-other-tag-is-taken#blank",
        "registry/name/no-other-tag-is-taken#dot-first",
        "registry/name/no-other-tag-is-taken#not-ascii",
        "registry/name/no-other-tag-is-taken#plus",
    )

    def is_tag(self, original: Any, text: str) -> bool:
        return True


class LongTagRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may have 128 characters, not only 63."""

    surface = "registry"
    noticed_by = (
        "registry/name/every-tag-of-the-grammar-is-taken#128-letters",
        "registry/name/every-tag-of-the-grammar-is-taken#hexadecimal",
        "registry/referrers/tag-schema-works",
    )

    def is_tag(self, original: Any, text: str) -> bool:
        return len(text) < 64 and bool(original(text))


class TagCaseFolded(Defect):
    """distribution-spec 1.1, Pulling manifests: two tags that differ in case are two tags."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).lower()


class LatestIsWhateverThereIs(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that was not pushed is not there, "latest" neither."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#latest",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        tags = registry_of(original).stored(name).tags
        return original(
            name, next(iter(tags)) if reference == "latest" and tags and reference not in tags else reference
        )


class TagWithoutItsLastDash(Defect):
    """distribution-spec 1.1, Pulling manifests: nor is it another for a dash at its end."""

    surface = "registry"
    noticed_by = ("registry/name/tags-differ-in-case#or-at-their-end",)

    def check_reference(self, original: Any, text: str) -> str:
        return str(original(text)).rstrip("-")


class TagsAtOnceLost(Defect):
    """Tags may be pushed by many at once; each is there afterwards."""

    surface = "registry"
    noticed_by = ("registry/at-once/several-tags",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        repository = registry_of(original).opened(name)
        tags = dict(repository.tags)
        await asyncio.sleep(PAUSE_S)
        repository.tags = {**tags, tag: digest}


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


class LongTagsNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: a tag of 128 letters is listed, as every other is."""

    surface = "registry"
    noticed_by = ("registry/tags/listed-once-when-pushed-twice",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if len(tag) < 128]


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
