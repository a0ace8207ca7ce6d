"""Defects that break the promise "Concurrent pushes and pulls do not interfere"."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.support.registry import PAUSE_S, kind_of, registry_of
from tests.defects.support.registry import EveryTwentieth, unsupported_error

OVERLAP_S = 0.05


class Overlaps(Counter[object]):
    """Counts what is done at the same time."""

    async def with_others(self, what: object) -> bool:
        """Wait a moment; return whether another was doing the same already."""
        before = self[what]
        self[what] += 1
        await asyncio.sleep(PAUSE_S)
        self[what] -= 1
        return before > 0


@defect(
    "registry/concurrency/pushes-of-one-blob-succeed",
    "registry/concurrency/pushes-of-one-blob-succeed#mounted",
    state=Overlaps,
)
async def first_concurrent_sessions_fail(overlaps: Overlaps, post_upload: Any, call: Call) -> Answer:
    """API Reference, Error Handling: concurrent first uploads to a new repository are answered 500."""
    if call.name not in registry_of(post_upload).repositories and await overlaps.with_others(call.name):
        raise unsupported_error()
    return await post_upload(call)


@defect("registry/concurrency/pushes-of-one-blob-succeed")
def sessions_named_by_the_clock(upload_answer: Any, status: int, request: Request, upload: Upload) -> Answer:
    """Docker Registry V2, Starting An Upload: two uploads within a quarter of a second get one session id."""
    if request.method == "POST":
        registry, before = registry_of(upload_answer), upload.session
        upload.session = str(uuid.UUID(int=int(time.time() * 4)))
        registry.uploads[upload.session] = registry.uploads.pop(before)
    return upload_answer(status, request, upload)


@defect("registry/concurrency/pushes-of-one-blob-succeed", state=set)
async def second_push_of_same_blob_refused(
    under_way: set[tuple[str, str]], commit_blob: Any, name: str, digest: str, content: bytes
) -> None:
    """A blob may be pushed twice concurrently: the second push is refused (nexus-public #967)."""
    if (name, digest) in under_way:
        raise Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)
    under_way.add((name, digest))
    await asyncio.sleep(PAUSE_S)
    under_way.discard((name, digest))
    await commit_blob(name, digest, content)


class ConcurrentBlobsMixed(Defect):
    """Each blob keeps its own bytes: of two concurrent pushes one stores the bytes of the other."""

    noticed_by = ("registry/concurrency/pushes-of-one-blob-succeed",)
    content = b""

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        self.content = content
        await asyncio.sleep(PAUSE_S)
        await original(name, digest, self.content)


@defect("registry/concurrency/pushes-of-one-image-succeed", state=Overlaps)
async def identical_manifests_removed(overlaps: Overlaps, store_manifest: Any, name: str, manifest: Manifest) -> None:
    """distribution-spec 1.1, Pushing Manifests: concurrent pushes of one manifest are answered 201, and leave none."""
    await store_manifest(name, manifest)
    if await overlaps.with_others((name, manifest.digest)):
        # Tidied up by the name that both have.
        registry_of(store_manifest).stored(name).manifests.pop(manifest.digest, None)


@defect("registry/concurrency/one-of-equal-chunks-is-stored", state=Overlaps)
async def concurrent_chunks_fail(overlaps: Overlaps, patch_upload: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the second of two equal concurrent chunks is answered 500."""
    if await overlaps.with_others(call.reference):
        raise unsupported_error()
    return await patch_upload(call)


@defect("registry/concurrency/one-of-equal-chunks-is-stored")
async def refused_twin_counted(patch_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing a blob in chunks: of two equal concurrent chunks both are stored, one refused."""
    upload = registry_of(patch_upload).find_upload(call)
    before = len(upload.content)
    await asyncio.sleep(PAUSE_S)
    try:
        return await patch_upload(call)
    except Refusal:
        if len(upload.content) > before:
            upload.content += call.request.body
        raise


@defect("registry/concurrency/one-of-equal-chunks-is-stored", state=Overlaps)
async def concurrent_closings_all_fail(overlaps: Overlaps, put_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: of two equal concurrent closing requests both are refused."""
    twice = await overlaps.with_others(call.reference)
    if twice or overlaps[call.reference]:
        raise Refusal("BLOB_UPLOAD_INVALID", {"upload": call.reference}, status=409)
    return await put_upload(call)


@defect("registry/concurrency/one-of-equal-chunks-is-stored")
async def concurrent_closings_store_twice(put_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: two equal concurrent closing requests store the last bytes twice."""
    upload, digest = registry_of(put_upload).find_upload(call), call.request.parameter("digest") or ""
    await asyncio.sleep(PAUSE_S)
    try:
        return await put_upload(call)
    except Refusal:
        blobs = registry_of(put_upload).stored(call.name).blobs
        if digest in blobs and upload.session not in registry_of(put_upload).uploads:
            blobs[digest] += call.request.body
        raise


@defect("registry/concurrency/one-of-equal-chunks-is-stored", state=set)
async def second_closing_fails(closing: set[str], put_upload: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the second of two concurrent closing requests is answered 500."""
    if call.reference in closing:
        raise unsupported_error()
    closing.add(call.reference)
    await asyncio.sleep(PAUSE_S)
    try:
        return await put_upload(call)
    finally:
        closing.discard(call.reference)


@defect("registry/concurrency/one-of-equal-chunks-is-stored")
async def concurrent_chunks_both_appended(append_chunk: Any, request: Request, upload: Upload) -> None:
    """distribution-spec 1.1, Pushing a blob in chunks: two equal concurrent chunks are both stored."""
    registry_of(append_chunk).check_chunk(request, upload)
    await asyncio.sleep(PAUSE_S)
    upload.content += request.body


@defect("registry/concurrency/tag-names-one-of-the-pushed-images", state=Overlaps)
async def concurrent_pushes_of_one_tag_fail(overlaps: Overlaps, set_tag: Any, name: str, tag: str, digest: str) -> None:
    """API Reference, Error Handling: the second of two concurrent pushes to one tag is answered 500."""
    if await overlaps.with_others((name, tag)):
        raise unsupported_error()
    await set_tag(name, tag, digest)


class ImagesOfOneTagMixed(Defect):
    """Each image keeps its own bytes: concurrent pushes to one tag store one's bytes under the other's digest."""

    noticed_by = ("registry/concurrency/tag-names-one-of-the-pushed-images",)
    last: dict[tuple[str, str], Manifest] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        manifests = registry_of(original).stored(name).manifests
        self.last[name, tag] = manifests[digest]
        await asyncio.sleep(PAUSE_S)
        last = self.last[name, tag]
        await original(name, tag, last.digest)
        if last.digest != digest:
            manifests[digest] = last


@defect("registry/concurrency/tag-names-one-of-the-pushed-images", state=set)
async def tag_moved_before_its_manifest(
    stored: set[tuple[str, str]], set_tag: Any, name: str, tag: str, digest: str
) -> None:
    """API Reference, Error Handling: a tag moves before its manifest is stored, so a pull meanwhile is answered 404."""
    manifests = registry_of(set_tag).opened(name).manifests
    late = {} if (name, digest) in stored else {digest: manifests.pop(digest)}
    stored.add((name, digest))
    await set_tag(name, tag, digest)
    await asyncio.sleep(PAUSE_S)
    manifests.update(late)


class PullWhileDeletedFails(Defect):
    """API Reference, Error Handling: a pull during a deletion is answered 500."""

    noticed_by = ("registry/concurrency/pull-during-deletion-is-whole-or-404",)
    deleting: set[str] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleting.add(digest)
        await asyncio.sleep(PAUSE_S)
        await original(name, digest)
        self.deleting.discard(digest)

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        if registry_of(original).manifest_of(call).digest in self.deleting:
            raise unsupported_error()
        return await original(call)


class PulledInPartWhileDeleted(PullWhileDeletedFails):
    """distribution-spec 1.1, Pulling manifests: a pull during a deletion returns only a part of the manifest."""

    noticed_by = ("registry/concurrency/pull-during-deletion-is-whole-or-404",)

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        if registry_of(original).manifest_of(call).digest in self.deleting:
            answer.body = answer.body[:10]
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


@defect("registry/concurrency/pull-during-deletion-is-whole-or-404", state=dict)
async def concurrent_deletion_refused_to_both(
    deletions: dict[str, int], remove_manifest: Any, name: str, digest: str
) -> None:
    """distribution-spec 1.1, Deleting Manifests: of two concurrent deletions of one image both are refused."""
    deletions[digest] = deletions.get(digest, 0) + 1
    await asyncio.sleep(PAUSE_S)
    if deletions[digest] > 1:
        raise Refusal("DENIED", {"digest": digest}, status=409)
    await remove_manifest(name, digest)


@defect("registry/concurrency/pull-during-deletion-is-whole-or-404", state=set)
async def second_deletion_fails(deleting: set[str], remove_manifest: Any, name: str, digest: str) -> None:
    """API Reference, Error Handling: the second of two concurrent deletions of one image is answered 500."""
    if digest in deleting:
        raise unsupported_error()
    deleting.add(digest)
    await asyncio.sleep(PAUSE_S)
    deleting.discard(digest)
    await remove_manifest(name, digest)


@defect("registry/concurrency/pushes-do-not-disturb-pulls#blob,digest,tag", state=EveryTwentieth)
def one_request_in_twenty_fails(twentieth: EveryTwentieth, request: Request) -> Answer | None:
    """API Reference, Error Handling: one pull in twenty is answered 503."""
    if kind_of(request) in ("blob", "manifest") and request.method == "GET" and twentieth.due():
        return Answer.json(503, {"errors": [{"code": "UNAVAILABLE", "message": "service unavailable"}]})
    return None


@defect("registry/concurrency/pushes-do-not-disturb-pulls#blob", state=EveryTwentieth)
def one_session_in_twenty_lost(twentieth: EveryTwentieth, session_opened: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: one session in twenty is unknown to the next request."""
    answer: Answer = session_opened(call)
    if twentieth.due():
        registry_of(session_opened).uploads.popitem()
    return answer


@defect("registry/concurrency/no-deleted-tag-comes-back", state=Overlaps)
async def concurrent_tag_deletions_fail(overlaps: Overlaps, remove_tag: Any, name: str, tag: str) -> None:
    """API Reference, Error Handling: concurrent deletions of several tags are answered 500."""
    if await overlaps.with_others(name):
        raise unsupported_error()
    await remove_tag(name, tag)


@defect("registry/concurrency/no-deleted-tag-comes-back", state=Overlaps)
async def concurrent_tag_deletions_delete_the_image(overlaps: Overlaps, remove_tag: Any, name: str, tag: str) -> None:
    """distribution-spec 1.1, Deleting tags: concurrent deletions of several tags delete their image."""
    named = registry_of(remove_tag).stored(name).tags.get(tag, "")
    others = await overlaps.with_others((name, named))
    await remove_tag(name, tag)
    if others:
        # Two have counted one tag less each, and the second found none left.
        await registry_of(remove_tag).remove_manifest(name, named)


@defect("registry/concurrency/no-deleted-tag-comes-back")
async def concurrently_deleted_tags_come_back(remove_tag: Any, name: str, tag: str) -> None:
    """Deleted tags are gone: concurrent deletions restore each other's tags."""
    stored = registry_of(remove_tag).stored(name)
    left = {each: digest for each, digest in stored.tags.items() if each != tag}
    await asyncio.sleep(PAUSE_S)
    stored.tags = left


@defect("registry/concurrency/no-pushed-referrer-is-lost", state=Overlaps)
async def concurrent_referrers_fail(overlaps: Overlaps, store_manifest: Any, name: str, manifest: Manifest) -> None:
    """API Reference, Error Handling: concurrent pushes of several referrers are answered 500."""
    if manifest.subject and await overlaps.with_others((name, manifest.subject)):
        raise unsupported_error()
    await store_manifest(name, manifest)


class ConcurrentReferrersLost(Defect):
    """Every pushed referrer is listed: of concurrent pushes some are lost."""

    noticed_by = ("registry/concurrency/no-pushed-referrer-is-lost",)
    listed: dict[tuple[str, str | None], list[str]] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        await original(name, manifest)
        listed = self.listed.get((name, manifest.subject), [])
        await asyncio.sleep(PAUSE_S)
        self.listed[name, manifest.subject] = [*listed, manifest.digest]

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        listed = self.listed.get((name, digest), [])
        return [each for each in original(name, digest) if each["digest"] in listed]


@defect("registry/concurrency/no-pushed-tag-is-lost", state=Overlaps)
async def concurrent_tags_fail(overlaps: Overlaps, set_tag: Any, name: str, tag: str, digest: str) -> None:
    """API Reference, Error Handling: concurrent pushes of several tags are answered 500."""
    if await overlaps.with_others(name):
        raise unsupported_error()
    await set_tag(name, tag, digest)


class ConcurrentManifestsMixed(Defect):
    """Each manifest keeps its own bytes: of two concurrent pushes one stores the manifest of the other."""

    noticed_by = ("registry/concurrency/no-pushed-tag-is-lost",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.manifest = manifest
        await asyncio.sleep(PAUSE_S)
        await original(name, self.manifest)


@defect("registry/concurrency/list-during-pushes-has-earlier-tags")
async def tag_list_rewritten_while_read(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """Docker Registry V2, Listing Image Tags: a tag list read during a push lacks the earlier tags."""
    stored = registry_of(set_tag).opened(name)
    stored.tags, tags = {}, stored.tags
    await asyncio.sleep(PAUSE_S)
    stored.tags = {**tags, **stored.tags}
    await set_tag(name, tag, digest)


class PushWhileListedFails(Defect):
    """API Reference, Error Handling: a push during a tag listing is answered 500."""

    noticed_by = ("registry/concurrency/list-during-pushes-has-earlier-tags",)
    lists = Overlaps()

    async def list_tags(self, original: Any, call: Call) -> Answer:
        await self.lists.with_others(call.name)
        return await original(call)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        if self.lists[name]:
            raise unsupported_error()
        await original(name, tag, digest)


@defect("registry/concurrency/list-during-pushes-has-earlier-tags", state=EveryTwentieth)
async def one_tag_in_twenty_not_set(twentieth: EveryTwentieth, set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pushing Manifests: one push in twenty is answered 201, and its tag is not set."""
    if not twentieth.due():
        await set_tag(name, tag, digest)


class TagsReturnWithTheirManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: a manifest that is deleted and pushed again has its old tags."""

    noticed_by = ("registry/model/repository-matches-the-model",)
    # A blob without a manifest may be collected: both are pushed anew.
    shortest = 12
    deleted: dict[tuple[str, str], list[str]] = {}

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted[name, digest] = registry_of(original).tags_naming(name, digest)
        await original(name, digest)

    async def store_manifest(self, original: Any, name: str, manifest: Any) -> None:
        await original(name, manifest)
        for tag in self.deleted.pop((name, manifest.digest), []):
            registry_of(original).opened(name).tags.setdefault(tag, manifest.digest)


class OverlappingPullAnsweredWithAnother(Defect):
    """distribution-spec 1.1, Pulling blobs: one in forty overlapping pulls returns the content of another."""

    noticed_by = ("registry/concurrency/responses-are-not-mixed-up#blob,digest,tag",)

    def __init__(self) -> None:
        self.overlapping = 0
        self.before = ("", "", 0.0, Answer(200))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind = kind_of(request)
        if request.method != "GET" or answer.status != 200 or kind not in ("blob", "manifest"):
            return answer
        (other_kind, path, begun, other), now = self.before, time.monotonic()
        self.before = (str(kind), request.path, now, answer)
        if other_kind != kind or path == request.path or now - begun > OVERLAP_S:
            return answer
        self.overlapping += 1
        return other if self.overlapping % 40 == 0 else answer
