"""Defects of mounts.

They break these promises:

- Mounting a blob requires pull access to its source repository.
- A cross-repository mount yields the blob or an upload session.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.registry import _DeletedBlobs, unsupported_error


@defect(
    "registry/rights/mount-needs-pull-on-the-source#first-of-two,named", "registry/token/mount-needs-pull-on-the-source"
)
async def mounts_linked_after_the_upload(post_mount: Any, call: Call, digest: str) -> Answer:
    """Docker Registry V2, Cross Repository Blob Mount: an upload opened instead of a mount links the blob as well."""
    answer: Answer = await post_mount(call, digest)
    if source := call.request.parameter("from"):
        await registry_of(post_mount).mount_blob(source, call.name, digest)
    return answer


@defect("registry/token/mount-needs-pull-on-the-source")
def mount_within_one_organization(may_mount: Any, caller: Caller, source: str) -> bool:
    """Docker token scopes: a mount within an organization needs no pull on the source."""
    own = {organization_of(name) for _, name, _ in caller.grants}
    return organization_of(source) in own or bool(may_mount(caller, source))


@defect("registry/mount/absent-blob-is-not-mounted#absent-source,source")
async def mount_of_missing_blob_answered201(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount of an absent blob is answered 201."""
    await mount_blob(source, target, digest)
    return True


@defect("registry/mount/absent-blob-is-not-mounted#no-source", "registry/mount/deleted-blob-is-not-mounted")
async def mounts_linked_before_they_are_found(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: an upload opened instead of a mount creates an empty blob."""
    answer: Answer = await post_mount(call, digest)
    if answer.status == 202:
        registry_of(post_mount).opened(call.name).blobs.setdefault(digest, b"")
    return answer


@defect(
    "registry/mount/absent-blob-opens-an-upload",
    "registry/mount/blob-or-upload",
    "registry/mount/blob-or-upload#new-repository",
    "registry/mount/without-source-succeeds",
)
async def mount_opens_no_upload(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: the 202 to a mount opens no upload."""
    return registry_of(post_mount).upload_answer(202, call.request, Upload(call.name, call.caller.subject))


@defect("registry/mount/absent-blob-opens-an-upload", "registry/mount/without-source-succeeds")
async def mount_failure_refused(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: a mount of an absent blob is refused instead of opening an upload."""
    answer: Answer = await post_mount(call, digest)
    if answer.status == 202:
        raise Refusal("BLOB_UNKNOWN", {"digest": digest})
    return answer


@defect("registry/mount/absent-blob-opens-an-upload#by-sha512")
async def mount_by_sha512_refused(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: a mount by a sha512 digest is refused instead of opening an upload."""
    if digest.startswith("sha512:"):
        raise Refusal("DIGEST_INVALID", {"digest": digest})
    return await post_mount(call, digest)


@defect(
    "registry/mount/blob-or-upload",
    "registry/mount/blob-or-upload#new-repository",
    "registry/mount/outlives-its-source",
)
async def mount_without_blob(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount is answered 201, and not done."""
    return digest in registry_of(mount_blob).stored(source).blobs


@defect("registry/mount/blob-or-upload")
async def mount_moves_the_blob(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount removes the blob from its source."""
    mounted = bool(await mount_blob(source, target, digest))
    if mounted and source != target:
        registry_of(mount_blob).stored(source).blobs.pop(digest)
    return mounted


@defect("registry/mount/by-sha512-is-there")
async def sha512_mounts_fail(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """API Reference, Error Handling: a mount by a sha512 digest is answered 500."""
    if digest.startswith("sha512:"):
        raise unsupported_error()
    return bool(await mount_blob(source, target, digest))


@defect("registry/mount/by-sha512-is-there")
async def sha512_mounted_empty(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount by a sha512 digest is answered 201, and not done."""
    return digest.startswith("sha512:") or bool(await mount_blob(source, target, digest))


class DeletedBlobStillMounts(_DeletedBlobs):
    """distribution-spec 1.1, Mounting a blob: a blob deleted from its source is mounted."""

    noticed_by = ("registry/mount/deleted-blob-is-not-mounted",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if content := self.deleted.get((source, digest)):
            await registry_of(original).store_blob(target, digest, content)
            return True
        return bool(await original(source, target, digest))


class MountedBackIsNotThere(Defect):
    """distribution-spec 1.1, Pulling blobs: a deleted blob that is mounted again is answered 201, and absent."""

    noticed_by = ("registry/mount/deleted-can-be-mounted-again",)
    deleted_from: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted_from.add((name, digest))
        await original(name, digest)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if (target, digest) in self.deleted_from:
            return digest in registry_of(original).stored(source).blobs
        return bool(await original(source, target, digest))


@defect("registry/mount/location-is-in-the-target")
async def mounted_without_location(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: the 201 to a mount has no Location."""
    answer: Answer = await post_mount(call, digest)
    return without(answer, "Location") if answer.status == 201 else answer


class MountedUnknownToHead(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD does not find a mounted blob."""

    noticed_by = ("registry/mount/location-is-in-the-target",)
    mounted: set[tuple[str, str]] = set()

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted: bool = await original(source, target, digest)
        if mounted and source != target:
            self.mounted.add((target, digest))
        return mounted

    async def head_blob(self, original: Any, call: Call) -> Answer:
        if (call.name, call.reference) in self.mounted:
            raise Refusal("BLOB_UNKNOWN", {"digest": call.reference})
        return await original(call)


@defect("registry/mount/location-is-in-the-target")
async def mounted_digest_of_other(post_mount: Any, call: Call, digest: str) -> Answer:
    """Docker Registry V2, Digest Header: the response to a mount has the digest of other bytes."""
    answer: Answer = await post_mount(call, digest)
    if answer.status == 201:
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(digest.encode())
    return answer


@defect("registry/mount/location-is-in-the-target")
async def mount_location_of_source(post_mount: Any, call: Call, digest: str) -> Answer:
    """distribution-spec 1.1, Mounting a blob: the Location of a mounted blob is in the source."""
    answer: Answer = await post_mount(call, digest)
    source = call.request.parameter("from")
    if answer.status == 201 and source:
        answer.headers["Location"] = registry_of(post_mount).blob_url(call.request, source, digest)
    return answer


class MountedBlobOfItsLinksLength(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the length of a link (serverless-registry #134)."""

    noticed_by = ("registry/mount/location-is-in-the-target",)
    shipped = True
    mounted: dict[tuple[str, str], str] = {}

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted: bool = await original(source, target, digest)
        if mounted:
            self.mounted[target, digest] = f"{source}/blobs/{digest}"
        return mounted

    async def head_blob(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        link = self.mounted.get((call.name, call.reference))
        if link is not None:
            answer.headers["Content-Length"] = str(len(link))
        return answer


@defect("registry/mount/malformed-is-handled#digest,digest-not-ascii")
def malformed_mount_fails(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: a mount of a malformed digest is answered 500."""
    malformed = request.parameter("mount") is not None and b"DIGEST_INVALID" in answer.body
    return Answer(500, b"panic: index out of range") if malformed else answer


@defect("registry/mount/malformed-is-handled#source")
async def mount_from_no_name_fails(post_mount: Any, call: Call, digest: str) -> Answer:
    """API Reference, Error Handling: a mount from an invalid name is answered 500."""
    source = call.request.parameter("from")
    if source and not registry_of(post_mount).is_name(source):
        raise Refusal("NAME_UNKNOWN", status=500)
    return await post_mount(call, digest)


@defect("registry/mount/of-an-existing-blob-succeeds#again")
async def mount_of_what_is_there_refused(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount of an existing blob is answered 409."""
    if digest in registry_of(mount_blob).stored(target).blobs:
        raise Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=409)
    return bool(await mount_blob(source, target, digest))


@defect("registry/mount/of-an-existing-blob-succeeds#itself")
async def mount_from_itself_deletes_the_blob(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """distribution-spec 1.1, Mounting a blob: a mount from the target itself deletes the blob."""
    mounted = bool(await mount_blob(source, target, digest))
    if source == target:
        await registry_of(mount_blob).remove_blob(source, digest)
    return mounted
