"""Defects of what is kept once and counted, in lists beside the manifests, or under a name that is not its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest


class ReferrersForgottenWithTheirSubject(Defect):
    """distribution-spec 1.1, Listing Referrers: what is still there and names the subject is listed."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def __init__(self) -> None:
        self.forgotten: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.forgotten.add((name, digest))

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [] if (name, digest) in self.forgotten else original(name, digest)


class ManifestDigestOfTrimmedBytes(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest is of the exact bytes, a line end behind them among them."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept#escaped",)

    def __init__(self) -> None:
        self.trimmed: dict[str, str] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if manifest.content.strip() != manifest.content:
            self.trimmed[manifest.digest] = grammar.digest_of(manifest.content.strip())
        await original(name, replace(manifest, digest=self.trimmed.get(manifest.digest, manifest.digest)))

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, self.trimmed.get(digest, digest))


class EntityTagOfTheTag(Defect):
    """RFC 9110 section 8.8.1: what is told to be the same is the same, also where a tag moves."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        reference = request.path.rpartition("/")[2]
        if answer.status == 200 and kind_of(request) == "manifest" and ":" not in reference:
            answer.headers["ETag"] = f'"{reference}"'
        return answer


class AbsentDigestNeverComes(Defect):
    """distribution-spec 1.1, Pulling manifests: what was asked for too early is there once it was pushed by a tag."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def __init__(self) -> None:
        self.absent: set[tuple[str, str]] = set()

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        registry, place = registry_of(original), (asked.name, asked.reference)
        if place in self.absent:
            raise registry.unknown_manifest(asked)
        if ":" in asked.reference and registry.resolve(asked.name, asked.reference) is None:
            self.absent.add(place)
        manifest: Manifest = original(asked)
        return manifest

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        self.absent.discard((asked.name, asked.reference))
        answer: Answer = original(asked, manifest)
        return answer


class DeletionSweepsUnnamedBlobs(Defect):
    """Docker Registry V2, Pushing an Image: blobs come before their manifest, and are there when that comes."""

    surface = "registry"
    noticed_by = ("registry/delete/others-stay",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        stored = registry_of(original).stored(name)
        named = b"".join(each.content for each in stored.manifests.values())
        for blob in [each for each in stored.blobs if each.encode() not in named]:
            del stored.blobs[blob]


class NoSessionFails(Defect):
    """API Reference, Error Handling: a chunk for no session is its caller's mistake, and none of the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/upload/unknown-session-is-404#none-in-a-patch",
        "registry/upload/unknown-session-is-404#none-in-a-put",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        nowhere = request.method in ("PUT", "PATCH") and request.path.endswith("/blobs/uploads/")
        return Answer.json(500, {"errors": [{"code": "UNKNOWN"}]}) if nowhere else answer


class TypeOfTheLastPush(Defect):
    """distribution-spec 1.1, Pulling manifests: the type is the manifest's own, and not a column of its repository."""

    surface = "registry"
    noticed_by = ("registry/pull/type-goes-with-the-tag",)

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        await original(name, manifest)
        self.types[name] = manifest.media_type

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.status == 200:
            answer.headers["Content-Type"] = self.types[asked.name]
        return answer
