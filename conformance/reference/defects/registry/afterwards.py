"""Defects that show after something else has happened: a tag beside a tag that moves, a deletion, a refusal."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import OCI_INDEX, Manifest, Upload


class PushByDigestTakesTags(Defect):
    """distribution-spec 1.1, Pulling manifests: an image that is pushed again by digest keeps its tags."""

    surface = "registry"
    noticed_by = ("registry/manifest/tags-move-alone",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        registry = registry_of(original)
        for tag in registry.tags_naming(asked.name, asked.reference):
            await registry.remove_tag(asked.name, tag)
        return answer


class LatestFollowsEveryPush(Defect):
    """distribution-spec 1.1, Pulling manifests: ``latest`` is a tag like others, and no other push moves it."""

    surface = "registry"
    noticed_by = ("registry/manifest/tags-move-alone",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, digest)
        tags = registry_of(original).opened(name).tags
        if "latest" in tags:
            tags["latest"] = digest


class IndexTagsNotListed(Defect):
    """Docker Registry V2, Listing Image Tags: the tags are listed, those of manifest lists among them."""

    surface = "registry"
    noticed_by = ("registry/tags/of-indexes-are-listed",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        registry = registry_of(original)
        found = {tag: registry.resolve(name, tag) for tag in tags}
        return [tag for tag, named in found.items() if named is None or named.media_type != OCI_INDEX]


class TypeOfATagRemembered(Defect):
    """distribution-spec 1.1, Pulling manifests: the type of a tag is that of what it names, not of what it named."""

    surface = "registry"
    noticed_by = ("registry/pull/type-goes-with-the-tag",)

    def __init__(self) -> None:
        self.types: dict[tuple[str, str], str] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, digest)
        manifest = registry_of(original).stored(name).manifests[digest]
        self.types.setdefault((name, tag), manifest.media_type)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        remembered = self.types.get((asked.name, asked.reference))
        if remembered and answer.status == 200:
            answer.headers["Content-Type"] = remembered
        return answer


class DeletedIndexStillServed(Defect):
    """distribution-spec 1.1, Deleting Manifests: an index whose deletion was accepted is gone, as an image is."""

    surface = "registry"
    noticed_by = ("registry/delete/index-goes-with-its-tags",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        manifest = registry_of(original).stored(name).manifests.get(digest)
        if manifest is None or manifest.media_type != OCI_INDEX:
            await original(name, digest)


class TagsOfADeletedIndexStay(Defect):
    """distribution-spec 1.1, Deleting Manifests: the tags of a deleted index go with it."""

    surface = "registry"
    noticed_by = ("registry/delete/index-goes-with-its-tags",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        manifest, tags = stored.manifests.get(digest), dict(stored.tags)
        await original(name, digest)
        if manifest and manifest.media_type == OCI_INDEX:
            stored.tags.update(tags)


class DeletedReferrerNeverComesBack(Defect):
    """distribution-spec 1.1, Listing Referrers: what was deleted and pushed again is listed again."""

    surface = "registry"
    noticed_by = ("registry/referrers/pushed-again-is-listed",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.deleted.add((name, digest))

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [each for each in original(name, digest) if (name, each["digest"]) not in self.deleted]


class RefusedManifestRefers(Defect):
    """distribution-spec 1.1, Listing Referrers: what was refused for what it lacks refers to nothing."""

    surface = "registry"
    noticed_by = ("registry/referrers/refused-is-not-listed",)

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str | None], list[dict[str, Any]]] = {}

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            if refusal.code == "MANIFEST_BLOB_UNKNOWN":
                self._note(registry_of(original).media_type_of(asked.request), asked)
            raise
        return answer

    def _note(self, media_type: str, asked: Asked) -> None:
        content = asked.request.body
        manifest = Manifest(grammar.digest_of(content), media_type, content, json.loads(content))
        self.refused.setdefault((asked.name, manifest.subject), []).append(manifest.descriptor)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [*original(name, digest), *self.refused.get((name, digest), [])]


class _DeletedBlobs(Defect):
    """Keeps what was deleted."""

    def __init__(self) -> None:
        self.deleted: dict[tuple[str, str], bytes] = {}

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted[name, digest] = registry_of(original).stored(name).blobs[digest]
        await original(name, digest)


class DeletedBlobGivenInParts(_DeletedBlobs):
    """distribution-spec 1.1, Deleting Blobs: of a deleted blob nothing is given, no part either."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-is-gone",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        content = self.deleted.get((asked.name, asked.reference))
        if content is None or "range" not in asked.request.headers:
            answer: Answer = await original(asked)
            return answer
        return registry_of(original).part_answer(asked.reference, content, 0, 10)


class DeletedBlobStillMounts(_DeletedBlobs):
    """distribution-spec 1.1, Mounting a blob: what was deleted from the source is not mounted from there."""

    surface = "registry"
    noticed_by = ("registry/mount/deleted-blob-is-not-mounted",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if content := self.deleted.get((source, digest)):
            await registry_of(original).store_blob(target, digest, content)
            return True
        return bool(await original(source, target, digest))


class MountOfWhatIsThereRefused(Defect):
    """distribution-spec 1.1, Mounting a blob: a blob that the target has already is mounted, and no conflict."""

    surface = "registry"
    noticed_by = ("registry/mount/of-what-is-there-is-answered#again",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if digest in registry_of(original).stored(target).blobs:
            raise Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=409)
        return bool(await original(source, target, digest))


class MountFromItselfTakesTheBlob(Defect):
    """distribution-spec 1.1, Mounting a blob: the source keeps it, though it is the target."""

    surface = "registry"
    noticed_by = ("registry/mount/of-what-is-there-is-answered#itself",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted = bool(await original(source, target, digest))
        if source == target:
            await registry_of(original).remove_blob(source, digest)
        return mounted


class MountedBlobsUnknownToManifests(Defect):
    """Docker Registry V2, Cross Repository Blob Mount: a mounted blob is there for manifests as a pushed one is."""

    surface = "registry"
    noticed_by = ("registry/mount/serves-an-image",)

    def __init__(self) -> None:
        self.mounted: set[tuple[str, str]] = set()

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        done = bool(await original(source, target, digest))
        if done and source != target:
            self.mounted.add((target, digest))
        return done

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        named = [each["digest"] for each in descriptors]
        registry_of(original).check_missing([digest for digest in named if (name, digest) in self.mounted])
        original(name, descriptors)


class EndedUploadTakesItsBlob(Defect):
    """Docker Registry V2, Canceling an Upload: who cancels an upload that has ended takes nothing back."""

    surface = "registry"
    noticed_by = ("registry/upload/finished-session-is-gone#delete",)

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        self.ended[upload.session] = digest

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        if digest := self.ended.pop(asked.reference, ""):
            await registry_of(original).remove_blob(asked.name, digest)
        answer: Answer = await original(asked)
        return answer


class EmptyChunkFails(Defect):
    """API Reference, Error Handling: a chunk of no bytes is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/upload/empty-chunk-is-no-server-error",)
    crashes = (ZeroDivisionError,)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if not request.body:
            raise ZeroDivisionError
        await original(request, upload)


class ChunkOfOneByteRefused(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a range that ends where it begins is one byte."""

    surface = "registry"
    noticed_by = ("registry/upload/one-byte-is-a-chunk", "registry/upload/last-chunk-by-put#behind-chunks")

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        first, _, last = request.headers.get("content-range", "").partition("-")
        if first and first == last:
            raise registry_of(original).out_of_order(request, upload)
        original(request, upload)


class OneByteToldAsTwo(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: Range ends with the last byte that was taken, the first of all
    bytes too."""

    surface = "registry"
    noticed_by = ("registry/upload/one-byte-is-a-chunk",)

    def upload_range(self, original: Any, upload: Upload) -> str:
        return "0-1" if len(upload.content) == 1 else str(original(upload))


class SecondTryBelieved(Defect):
    """Docker Registry V2, Digest Parameter: what is sent after a refusal is verified and kept as well."""

    surface = "registry"
    noticed_by = ("registry/digest/second-try-is-judged-too",)

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        registry = registry_of(original)
        if upload.session in self.refused:
            registry.close_session(upload)
            await registry.store_blob(upload.repository, digest, b"")
        elif registry.digest_matches(digest, content):
            await original(upload, digest, content)
        else:
            self.refused.add(upload.session)
            raise registry.wrong_digest(digest)
