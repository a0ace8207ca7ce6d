"""Variants of manifests."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import INDEXES, Manifest
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.common import Later

WORKED_ON_S = 0.02


class ReferrersNotFiltered(Variant):
    """distribution-spec 1.1, Listing Referrers: a registry may leave filtering to the client."""

    misses = ("registry/referrers/filter-is-applied",)

    async def list_referrers(self, original: Any, call: Call) -> Answer:
        return without(await original(call), "OCI-Filters-Applied")

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return True


class ReferrersMissing(Variant):
    """distribution-spec 1.1, Referrers Tag Schema: a registry of version 1.0 has no referrers."""

    without = ("registry.referrers",)

    async def list_referrers(self, original: Any, call: Call) -> Answer:
        raise Refusal("UNSUPPORTED", status=404)

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        return without(original(call, manifest), "OCI-Subject")


@variant()
def foreign_layers_refused(check_blobs: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """distribution-spec 1.1, Push: a manifest may be refused for layers that are not stored, even with urls."""
    check_blobs(name, [{**each, "urls": None, "mediaType": "application/octet-stream"} for each in descriptors])


@variant()
async def listed_image_is_not_deleted(remove_manifest: Any, name: str, digest: str) -> None:
    """API Reference, Error Handling: 409 for deleting an image that an index lists."""
    for each in registry_of(remove_manifest).stored(name).manifests.values():
        if any(child.get("digest") == digest for child in each.document.get("manifests") or []):
            raise Refusal("DENIED", {"digest": digest}, status=409)
    await remove_manifest(name, digest)


@variant(without=("registry.validation-index",))
def sparse_index_accepted(check_children: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """distribution-spec 1.1, Push: a registry may require an image's blobs, but accept an index before its images."""


class UntaggedImagesCollected(Variant):
    """distribution-spec 1.1: an image whose last tag was moved or deleted may be removed."""

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        registry = registry_of(original)
        left = registry.stored(name).tags.get(tag)
        await original(name, tag, digest)
        if left is not None and not registry.tags_naming(name, left) and not self._needed(registry, name, left):
            await registry.remove_manifest(name, left)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        registry = registry_of(original)
        left = registry.stored(name).tags.get(tag, "")
        await original(name, tag)
        if not registry.tags_naming(name, left) and not self._needed(registry, name, left):
            await registry.remove_manifest(name, left)

    def _needed(self, registry: Any, name: str, digest: str) -> bool:
        manifests = registry.stored(name).manifests.values()
        return any(digest.encode() in each.content for each in manifests if each.digest != digest)


class UnnamedBlobsCollected(Variant):
    """distribution-spec 1.1: a blob that no manifest names any more may be removed."""

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        gone = stored.manifests.get(digest)
        await original(name, digest)
        left = [each.content for each in stored.manifests.values()]
        for blob in [each for each in stored.blobs if gone and each.encode() in gone.content]:
            if not any(blob.encode() in content for content in left):
                del stored.blobs[blob]


@variant()
async def referrers_go_with_their_subject(remove_manifest: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Content Management: the referrers of an image may be deleted with it."""
    for each in registry_of(remove_manifest).referrers_of(name, digest):
        await remove_manifest(name, each["digest"])
    await remove_manifest(name, digest)


class BlobsGoWithTheirImage(UnnamedBlobsCollected):
    """distribution-spec 1.1: a blob may be removed with the last manifest that names it."""

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        if any(digest.encode() in each.content for each in registry_of(original).stored(name).manifests.values()):
            raise Refusal("DENIED", {"digest": digest})
        await original(name, digest)


@variant()
def empty_indexes_refused(check_manifest: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
    """Docker Registry V2, Pushing an Image Manifest: an empty index may be refused."""
    check_manifest(name, media_type, document)
    if media_type in INDEXES and not document["manifests"]:
        raise invalid("an index of nothing")


@variant()
def missing_blobs_reported_as_blobs(check_blobs: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
    """Docker Registry V2, PUT Manifest, On Failure: each missing layer is reported as BLOB_UNKNOWN."""
    try:
        check_blobs(name, descriptors)
    except Refusal as refusal:
        if refusal.code == "MANIFEST_BLOB_UNKNOWN":
            raise Refusal("BLOB_UNKNOWN", *refusal.details, status=400) from None
        raise


@variant()
async def malformed_digests_lead_nowhere(put_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Endpoints: a malformed reference is answered with 404."""
    if ":" in call.reference and not registry_of(put_manifest).is_digest(call.reference):
        raise Refusal("DIGEST_INVALID", status=404)
    return await put_manifest(call)


class DeletionsDoneLater(Variant):
    """RFC 9110 section 15.3.3: 202 says that a deletion was accepted, not that it is done.

    A worker does the deletions one after the other; until then the content stays.
    """

    def __init__(self) -> None:
        self.later = Later(0.6)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.later.do(lambda: original(name, digest))

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.later.do(lambda: original(name, tag))

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.later.do(lambda: original(name, digest))


class ManifestsRedirected(Variant):
    """RFC 9110 section 15.4: a registry may redirect to the manifest."""

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        if call.request.parameter("here"):
            return await original(call)
        registry_of(original).manifest_of(call)
        answer = Answer(307)
        answer.headers["Location"] = f"{call.request.raw_path}?here=1"
        return answer


class ManifestPullsOnlyRedirected(ManifestsRedirected):
    """RFC 9110 section 8.8.3: GET is redirected to a resource with another entity tag than HEAD returns."""

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        answer = await super().get_manifest(original, call)
        if "etag" in answer.headers:
            answer.headers["ETag"] = f'"there-{answer.headers["docker-content-digest"]}"'
        return answer

    async def head_manifest(self, original: Any, call: Call) -> Answer:
        registry = registry_of(original)
        manifest = registry.manifest_of(call)
        if registry.not_modified(call.request, manifest.digest):
            return registry.unchanged(manifest.digest)
        return registry.manifest_answer(call.request, manifest)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return bool(original(request, f"there-{digest}" if request.parameter("here") else digest))


class DeletionsOfListedImagesDisallowed(DeletionsDoneLater):
    """RFC 9110 section 15.3.3: an accepted request "might be disallowed when processing actually takes place".

    Here an image that an index lists stays until the index is deleted.
    """

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        async def processed() -> None:
            manifests = registry_of(original).stored(name).manifests
            if not any(digest.encode() in each.content for each in manifests.values()):
                await original(name, digest)

        self.later.do(processed)


@variant(state=set)
async def concurrent_pushes_conflict(under_way: set[str], put_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: 409 for a concurrent update, here of a repository's tags."""
    if call.name in under_way:
        raise Refusal("DENIED", {"name": call.name}, status=409)
    under_way.add(call.name)
    try:
        await asyncio.sleep(WORKED_ON_S)
        return await put_manifest(call)
    finally:
        under_way.discard(call.name)


@variant()
async def tagged_image_is_not_deleted(remove_manifest: Any, name: str, digest: str) -> None:
    """API Reference, Error Handling: 409 for deleting an image that has tags."""
    if registry_of(remove_manifest).tags_naming(name, digest):
        raise Refusal("DENIED", {"digest": digest}, status=409)
    await remove_manifest(name, digest)


@variant()
def referrers_reported_more(entry_of: Any, manifest: Manifest) -> dict[str, Any]:
    """distribution-spec 1.1, Listing Referrers: descriptors include annotations, and may have further members."""
    entry: dict[str, Any] = entry_of(manifest)
    annotations = {"org.example.pushed-at": "2026-11-29T00:00:00Z"} | (entry.get("annotations") or {})
    return {"urls": [], **entry, "annotations": annotations}


@variant()
def manifest_located_by_its_tag(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: Location is a pullable manifest, by tag or digest."""
    answer: Answer = manifest_created(call, manifest)
    answer.headers["Location"] = call.request.raw_path
    return answer


class TagsCannotMove(Variant):
    """distribution-spec 1.1, Pushing Manifests: no sentence promises that an existing tag may be pushed again.

    Some registries have immutable tags: pushing a tag with another manifest is refused, and with the same one accepted.
    """

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        named = registry_of(original).stored(call.name).tags.get(call.reference)
        if named not in (None, grammar.digest_of(call.request.body)):
            raise Refusal("DENIED", {"tag": call.reference}, status=409)
        return await original(call)


class TagsStay(TagsCannotMove):
    """distribution-spec 1.1, Pushing Manifests: an existing tag may not be pushed again, even unchanged."""

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        if call.reference in registry_of(original).stored(call.name).tags:
            raise Refusal("UNSUPPORTED", {"tag": call.reference}, status=412)
        return await original(call)
