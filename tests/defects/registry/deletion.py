"""Defects that break the promise "Deleting removes exactly what was named"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import OCI_INDEX, OCI_TYPES, Manifest, Upload
from conformance.reference.support.registry import kind_of, registry_of
from tests.defects.support.registry import _AnotherStatus, _DeletedBlobs, unsupported_error

Place = tuple[str, str]

COUNTED = re.compile(r"\+(\d+)")

ROWS = (
    row(
        "deletion-answered200",
        "distribution-spec 1.1, Content Management: a deletion is answered 200 instead of 202.",
        "registry/delete/manifest-is-answered-202",
        "registry/delete/manifest-is-answered-202#without-its-subject,without-its-tag",
        deleted=lambda original: Answer(200),
    ),
)


@defect("registry/delete/absent-is-404#tag")
async def deletion_of_missing_tag_accepted(delete_manifest: Any, call: Call) -> Answer:
    """Docker Registry V2, Deleting an Image: the deletion of an absent tag is answered 202."""
    registry = registry_of(delete_manifest)
    if ":" not in call.reference and call.reference not in registry.stored(call.name).tags:
        return registry.deleted()
    return await delete_manifest(call)


@defect("registry/delete/absent-is-404#blob-as-manifest")
async def blob_deleted_as_manifest(delete_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Deleting Manifests: a blob is deleted as a manifest."""
    registry = registry_of(delete_manifest)
    try:
        return await delete_manifest(call)
    except Refusal:
        if call.reference not in registry.stored(call.name).blobs:
            raise
        await registry.remove_blob(call.name, call.reference)
        return registry.deleted()


@defect("registry/delete/absent-is-404#manifest-nowhere")
async def deletion_in_an_absent_repository_fails(delete_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a deletion in an absent repository is answered 500."""
    if call.name not in registry_of(delete_manifest).repositories:
        raise unsupported_error()
    return await delete_manifest(call)


@defect("registry/delete/blob-deletion-keeps-manifests")
async def blob_deletion_deletes_manifests(remove_blob: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Blobs: the deletion of a blob deletes the manifests that name it."""
    await remove_blob(name, digest)
    stored = registry_of(remove_blob).stored(name)
    for manifest in list(stored.manifests.values()):
        if digest.encode() in manifest.content:
            stored.manifests.pop(manifest.digest)


@defect("registry/delete/blob-deletion-keeps-manifests")
async def deleting_a_blob_in_use_fails(remove_blob: Any, name: str, digest: str) -> None:
    """API Reference, Error Handling: the deletion of a blob that an image names is answered 500."""
    if any(digest.encode() in each.content for each in registry_of(remove_blob).stored(name).manifests.values()):
        raise Refusal("DENIED", {"digest": digest}, status=500)
    await remove_blob(name, digest)


class DeletedBlobGivenInParts(_DeletedBlobs):
    """distribution-spec 1.1, Deleting Blobs: a Range request returns a part of a deleted blob."""

    noticed_by = ("registry/delete/blob-is-gone",)

    async def get_blob(self, original: Any, call: Call) -> Answer:
        content = self.deleted.get((call.name, call.reference))
        if content is None or "range" not in call.request.headers:
            return await original(call)
        return registry_of(original).part_answer(call.reference, content, 0, 10)


@defect("registry/delete/blob-is-gone", "registry/delete/blob-is-gone#sha512")
async def deleted_blob_still_served(remove_blob: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Blobs: a deleted blob is still there."""


class BlobDeletionAnswered204(_AnotherStatus):
    """distribution-spec 1.1, Deleting Blobs: a deletion is answered 204 instead of 202."""

    noticed_by = ("registry/delete/blob-is-gone", "registry/delete/blob-is-gone#sha512")
    status_change = ("blob", "DELETE", 202, 204)


@defect("registry/delete/blob-stays-in-other-repositories", "registry/delete/blob-stays-in-other-repositories#pushed")
async def blob_deleted_everywhere(remove_blob: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Blobs: a blob is deleted from all repositories."""
    for repository in registry_of(remove_blob).repositories.values():
        repository.blobs.pop(digest, None)


class BlobKnownSinceTheSessionOpened(Defect):
    """distribution-spec 1.1, Pushing a blob: a blob deleted during its upload is answered 201, and absent."""

    noticed_by = ("registry/delete/can-be-pushed-again",)
    known: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        open_ones = registry_of(original).uploads.values()
        self.known |= {(each.session, digest) for each in open_ones if each.repository == name}
        await original(name, digest)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        if (upload.session, digest) in self.known:
            del registry_of(original).stored(upload.repository).blobs[digest]


class DeletedImagesTagNeverListedAgain(Defect):
    """distribution-spec 1.1, Listing Tags: a tag whose image was deleted and pushed again is not listed."""

    noticed_by = ("registry/delete/can-be-pushed-again",)
    deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted |= {(name, tag) for tag in registry_of(original).tags_naming(name, digest)}
        await original(name, digest)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if (name, tag) not in self.deleted]


class DeletedBlobNeverServedAgain(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob that was deleted and pushed again is answered 404."""

    noticed_by = ("registry/delete/can-be-pushed-again",)
    deleted: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add((name, digest))
        await original(name, digest)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        content: bytes = original(name, digest)
        if (name, digest) in self.deleted and digest == grammar.digest_of(content):
            raise Refusal("BLOB_UNKNOWN", {"digest": digest})
        return content


class DeletedDigestNeverComesBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest that was deleted and pushed again is not found by digest."""

    noticed_by = ("registry/delete/can-be-pushed-again",)
    deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add((name, digest))
        await original(name, digest)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        return None if (name, reference) in self.deleted else original(name, reference)


@defect("registry/delete/image-stays-in-other-repositories#digest")
async def docker_images_not_deleted(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: deleting an image of Docker's type is answered 202, and not done."""
    manifest = registry_of(remove_manifest).stored(name).manifests.get(digest)
    if manifest is None or manifest.media_type in OCI_TYPES:
        await remove_manifest(name, digest)


@defect("registry/delete/index-goes-with-its-tags")
async def deleted_index_still_served(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: the deletion of an index is answered 202, and not done."""
    manifest = registry_of(remove_manifest).stored(name).manifests.get(digest)
    if manifest is None or manifest.media_type != OCI_INDEX:
        await remove_manifest(name, digest)


@defect("registry/delete/index-goes-with-its-tags")
async def tags_of_a_deleted_index_stay(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: the tags of a deleted index stay."""
    stored = registry_of(remove_manifest).stored(name)
    manifest, tags = stored.manifests.get(digest), dict(stored.tags)
    await remove_manifest(name, digest)
    if manifest and manifest.media_type == OCI_INDEX:
        stored.tags.update(tags)


@defect("registry/delete/index-goes-with-its-tags")
async def index_deletion_answered200(delete_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Deleting Manifests: the deletion of an index is answered 200 instead of 202."""
    manifest = registry_of(delete_manifest).manifest_of(call)
    answer: Answer = await delete_manifest(call)
    answer.status = 200 if manifest.media_type == OCI_INDEX else answer.status
    return answer


def tag_of(digest: str) -> str:
    """Return an entity tag that is not the digest."""
    return f'"{digest[7:23]}"'


def tagged(answer: Answer) -> Answer:
    """Set such an entity tag on the response, and return it."""
    answer.headers["ETag"] = tag_of(answer.headers["Docker-Content-Digest"])
    return answer


class DeletedIsAsItWas(Defect):
    """RFC 9110 section 13.2.1: a conditional pull of deleted content is answered 304 instead of 404."""

    noticed_by = ("registry/delete/conditional-pull-is-404#blob,manifest",)
    sent: set[tuple[str, str]] = set()

    async def head_blob(self, original: Any, call: Call) -> Answer:
        return tagged(await original(call))

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return grammar.entity_tag_matches(request.headers.get("if-none-match", ""), tag_of(digest))

    async def get_blob(self, original: Any, call: Call) -> Answer:
        return await self._got(original, call)

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        return await self._got(original, call)

    async def _got(self, original: Any, call: Call) -> Answer:
        given = call.request.headers.get("if-none-match", "")
        if (call.request.path, given) in self.sent and ":" in call.reference:
            return tagged(registry_of(original).unchanged(call.reference))
        answer = tagged(await original(call))
        self.sent.add((call.request.path, answer.headers["ETag"]))
        return answer


@defect("registry/delete/listed-images-stay")
async def index_deletion_deletes_its_images(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: the deletion of an index deletes the images that it lists."""
    deleted = registry_of(remove_manifest).stored(name).manifests[digest]
    await remove_manifest(name, digest)
    for child in deleted.document.get("manifests") or []:
        await remove_manifest(name, child["digest"])


class DeletionDeletesTagsThatMovedAway(Defect):
    """distribution-spec 1.1, Deleting Manifests: the deletion of a manifest deletes tags that named it earlier."""

    noticed_by = ("registry/delete/manifest-goes-with-its-tags", "registry/delete/others-stay")
    named: dict[Place, set[str]] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.named.setdefault((name, digest), set()).add(tag)
        await original(name, tag, digest)

    def tags_naming(self, original: Any, name: str, digest: str) -> list[str]:
        return [*self.named.get((name, digest), ())]


class TagStaysAfterItsManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: a manifest deleted by digest is still found by its tags."""

    noticed_by = (
        "registry/delete/manifest-goes-with-its-tags",
        "registry/concurrency/pull-during-deletion-is-whole-or-404",
    )
    deleted: dict[str, Manifest] = {}

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted[digest] = registry_of(original).stored(name).manifests.pop(digest)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        return found or self.deleted.get(registry_of(original).stored(name).tags.get(reference, ""))


@defect("registry/delete/others-stay")
async def deletion_sweeps_unnamed_blobs(remove_manifest: Any, name: str, digest: str) -> None:
    """Docker Registry V2, Pushing an Image: deleting a manifest deletes blobs that no manifest names yet."""
    await remove_manifest(name, digest)
    stored = registry_of(remove_manifest).stored(name)
    named = b"".join(each.content for each in stored.manifests.values())
    for blob in [each for each in stored.blobs if each.encode() not in named]:
        del stored.blobs[blob]


@defect("registry/delete/others-stay#index-of-it")
async def index_goes_with_its_image(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: the deletion of an image deletes the indexes that list it."""
    await remove_manifest(name, digest)
    for each in list(registry_of(remove_manifest).stored(name).manifests.values()):
        if any(listed["digest"] == digest for listed in each.document.get("manifests") or []):
            await remove_manifest(name, each.digest)


@defect("registry/delete/deleting-a-referrer-keeps-its-subject")
async def deleted_referrer_deletes_its_subject(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Manifests: the deletion of a referrer deletes its subject."""
    manifest = registry_of(remove_manifest).stored(name).manifests.get(digest)
    await remove_manifest(name, digest)
    if manifest and manifest.subject:
        await remove_manifest(name, manifest.subject)


class LinkCounts(Defect):
    """distribution-spec 1.1, Listing Tags: a Link counts tags, so a page skips tags after a deletion."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        before = COUNTED.fullmatch(request.parameter("last") or "")
        return str(original(request, size, f"+{size + int(before[1] if before else 0)}", rest))

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        counted = COUNTED.fullmatch(last or "")
        return names[int(counted[1]) :] if counted else list(original(names, last))


class DeletedTagPushedAgainNotListed(Defect):
    """distribution-spec 1.1, Listing Tags: a tag that was deleted and pushed again is not listed."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    deleted: set[tuple[str, str]] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.add((name, tag))
        await original(name, tag)

    def tags_of(self, original: Any, name: str) -> list[str]:
        return [tag for tag in original(name) if (name, tag) not in self.deleted]


class DeletedTagNamesWhatItDid(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag that was deleted and pushed again names its old image."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    named: dict[tuple[str, str], str] = {}

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.named[name, tag] = registry_of(original).stored(name).tags.get(tag, "")
        await original(name, tag)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, self.named.pop((name, tag), digest))


@defect("registry/delete/tag-deletion-keeps-its-image")
async def deleted_tag_deletes_its_digest(remove_tag: Any, name: str, tag: str) -> None:
    """distribution-spec 1.1, Deleting tags: the deletion of a tag deletes its image, which other tags name."""
    stored = registry_of(remove_tag).stored(name)
    digest = stored.tags.get(tag, "")
    await remove_tag(name, tag)
    stored.manifests.pop(digest, None)


class DeletedTagsInPages(Defect):
    """distribution-spec 1.1, Deleting tags: a paginated list contains deleted tags."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    deleted: dict[str, list[str]] = {}

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.setdefault(name, []).append(tag)
        await original(name, tag)

    async def list_tags(self, original: Any, call: Call) -> Answer:
        registry, deleted = registry_of(original), self.deleted.get(call.name, [])
        if call.request.parameter("n") is None or not deleted:
            return await original(call)
        tags = registry.in_order([*registry.tags_of(call.name), *deleted])
        return registry.page_answer(call.request, {"name": call.name}, "tags", tags)


class DeletedTagRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: a push to a deleted tag is refused."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    deleted: set[tuple[str, str]] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.deleted.add((name, tag))
        await original(name, tag)

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        if (call.name, call.reference) in self.deleted:
            raise Refusal("TAG_INVALID", {"tag": call.reference})
        return await original(call)


class DeletedTagFromCache(Defect):
    """distribution-spec 1.1, Deleting tags: a deleted tag that was read before is served from a cache."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    read: dict[Place, Manifest] = {}

    def manifest_of(self, original: Any, call: Call) -> Manifest:
        place = call.name, call.reference
        if call.request.method == "DELETE" or ":" in call.reference:
            return original(call)
        if place not in self.read:
            self.read[place] = original(call)
        return self.read[place]

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.read.pop((name, tag), None)
        await original(name, tag, digest)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.read = {place: each for place, each in self.read.items() if each.digest != digest}
        await original(name, digest)


class TagDeletionAnswered204(_AnotherStatus):
    """distribution-spec 1.1, Deleting tags: a deletion is answered 204 instead of 202."""

    noticed_by = ("registry/delete/tag-deletion-keeps-its-image",)
    status_change = ("manifest", "DELETE", 202, 204)

    def _meant(self, request: Request) -> bool:
        return ":" not in request.path


@defect("registry/delete/absent-is-404#deleted-blob,blob,blob-nowhere")
async def deletion_of_missing_blob_accepted(delete_blob: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Deleting Blobs: the deletion of an absent blob is answered 202."""
    registry = registry_of(delete_blob)
    await registry.remove_blob(call.name, registry.check_digest(call.reference))
    return registry.deleted()


@defect("registry/delete/absent-is-404#deleted-manifest")
def manifest_deletion_gets_no_answer(request: Request) -> Answer | None:
    """OCI 1.1, Deleting Manifests: the deletion of a manifest gets no response."""
    return Answer.none() if request.method == "DELETE" and kind_of(request) == "manifest" else None


class FortiethDeletionNotDone(Defect):
    """distribution-spec 1.1, Content Management: each 40th deletion is answered 202, and not done."""

    noticed_by = ("registry/delete/acknowledged-deletions-are-done#blob,manifest,tag",)
    deletions = 0

    async def _done(self, remove: Any, name: str, what: str) -> None:
        self.deletions += 1
        if self.deletions % 40:
            await remove(name, what)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        await self._done(original, name, tag)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await self._done(original, name, digest)

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        await self._done(original, name, digest)
