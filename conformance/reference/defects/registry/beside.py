"""Defects of what several do at once, and of what strangers learn by asking for what is nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import PAUSE_S, registry_of
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.http import Answer
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest


class ManifestsAtOnceMixed(Defect):
    """Of several manifests that are pushed at once, each keeps its own bytes."""

    surface = "registry"
    noticed_by = ("registry/at-once/several-tags",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.manifest = manifest
        await asyncio.sleep(PAUSE_S)
        await original(name, self.manifest)


class ReferrersAtOnceLost(Defect):
    """Referrers may be pushed by many at once; each is listed afterwards, though the list is one document."""

    surface = "registry"
    noticed_by = ("registry/at-once/several-referrers",)

    def __init__(self) -> None:
        self.listed: dict[tuple[str, str | None], list[str]] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        await original(name, manifest)
        listed = self.listed.get((name, manifest.subject), [])
        await asyncio.sleep(PAUSE_S)
        self.listed[name, manifest.subject] = [*listed, manifest.digest]

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        listed = self.listed.get((name, digest), [])
        return [each for each in original(name, digest) if each["digest"] in listed]


class SecondClosingFails(Defect):
    """API Reference, Error Handling: a closing request that is sent twice is no reason for a 5xx."""

    surface = "registry"
    noticed_by = ("registry/at-once/one-session",)

    def __init__(self) -> None:
        self.closing: set[str] = set()

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if asked.reference in self.closing:
            raise failed()
        self.closing.add(asked.reference)
        await asyncio.sleep(PAUSE_S)
        try:
            answer: Answer = await original(asked)
        finally:
            self.closing.discard(asked.reference)
        return answer


class TagsDeletedAtOnceComeBack(Defect):
    """Tags may be deleted by many at once; each is gone afterwards, though the list is one document."""

    surface = "registry"
    noticed_by = ("registry/at-once/several-deletions",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        stored = registry_of(original).stored(name)
        left = {each: digest for each, digest in stored.tags.items() if each != tag}
        await asyncio.sleep(PAUSE_S)
        stored.tags = left


class SecondDeletionFails(Defect):
    """API Reference, Error Handling: two who delete one image at once are no reason for a 5xx; one was later."""

    surface = "registry"
    noticed_by = ("registry/at-once/pulled-while-deleted",)

    def __init__(self) -> None:
        self.going: set[str] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        if digest in self.going:
            raise failed()
        self.going.add(digest)
        await asyncio.sleep(PAUSE_S)
        self.going.discard(digest)
        await original(name, digest)
