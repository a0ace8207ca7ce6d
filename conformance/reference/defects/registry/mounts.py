"""Defects of mounting blobs from other repositories."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


class MountOfMissingBlobAnswered201(Defect):
    """distribution-spec 1.1, Mounting a blob: what the source has not is not mounted."""

    surface = "registry"
    noticed_by = (
        "registry/mount/absent-blob-is-not-made-up#absent-source",
        "registry/mount/absent-blob-is-not-made-up#source",
    )

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        await original(source, target, digest)
        return True


class MountWithoutBlob(Defect):
    """distribution-spec 1.1, Mounting a blob: 201 says that the blob is in the target."""

    surface = "registry"
    noticed_by = (
        "registry/mount/blob-or-upload",
        "registry/mount/blob-or-upload#new-repository",
        "registry/mount/stays-when-the-source-goes",
    )

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        return digest in registry_of(original).stored(source).blobs


class MountTakesTheBlobAway(Defect):
    """distribution-spec 1.1, Mounting a blob: the source keeps it."""

    surface = "registry"
    noticed_by = ("registry/mount/blob-or-upload",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted = bool(await original(source, target, digest))
        if mounted and source != target:
            registry_of(original).stored(source).blobs.pop(digest)
        return mounted


class MountLocationOfSource(Defect):
    """distribution-spec 1.1, Mounting a blob: Location is the blob in the target."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        source = asked.request.parameter("from")
        if answer.status == 201 and source:
            answer.headers["Location"] = registry_of(original).blob_url(asked.request, source, digest)
        return answer


class MountFailureRefused(Defect):
    """distribution-spec 1.1, Mounting a blob: where it cannot be mounted, an upload is opened with 202."""

    surface = "registry"
    noticed_by = ("registry/mount/absent-blob-opens-an-upload", "registry/mount/without-source-is-answered")

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        if answer.status == 202:
            raise Refusal("BLOB_UNKNOWN", {"digest": digest})
        return answer


class MalformedMountFails(Defect):
    """API Reference, Error Handling: a mount of what is no digest is the caller's fault, not the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/mount/malformed-is-a-callers-fault#digest",
        "registry/mount/malformed-is-a-callers-fault#digest-not-ascii",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        malformed = request.parameter("mount") is not None and b"DIGEST_INVALID" in answer.body
        return Answer(500, b"panic: index out of range") if malformed else answer


class MountFromNoNameFails(Defect):
    """API Reference, Error Handling: a mount from what is no name is the caller's fault, not the platform's."""

    surface = "registry"
    noticed_by = ("registry/mount/malformed-is-a-callers-fault#source",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        source = asked.request.parameter("from")
        if source and not registry_of(original).is_name(source):
            raise Refusal("NAME_UNKNOWN", status=500)
        answer: Answer = await original(asked, digest)
        return answer
