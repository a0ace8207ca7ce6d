"""Defects of a registry that refuses, and has done or does all the same what it refused."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, find_route
from conformance.reference.registry.state import OCI_MANIFEST, Manifest

ASKED_FOR_A_LOGIN = ("registry/login/anonymous-cannot-push", "registry/login/bad-login-opens-nothing")
ASKED_FOR_RIGHTS = ("registry/rights/puller-cannot-push", "registry/rights/other-organization-cannot-push")


class _DoneBeforeTheRights(Defect):
    """Does what it refuses for want of a login or of rights; ``done`` is which kind of endpoint, by which method."""

    done: ClassVar[tuple[str, str]] = ("", "")

    async def answer(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Refusal as refusal:
            found = find_route(request.path)
            if refusal.status == 401 and found and (found[0].kind, request.method) == self.done:
                await self._do(registry_of(original), Asked(request, *found[1:], Caller("", frozenset())))
            raise
        return answer

    async def _do(self, registry: Registry, asked: Asked) -> None:
        """What was refused, as far as it can be done."""
        raise NotImplementedError


class ManifestsStoredBeforeTheRights(_DoneBeforeTheRights):
    """API Reference, Error Handling: what is answered 401 for want of a login or rights has put no manifest there."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-push#put-manifest",
        "registry/login/anonymous-cannot-push#put-manifest-by-digest",
        "registry/login/bad-login-opens-nothing#put-manifest",
        "registry/login/bad-login-opens-nothing#put-manifest-by-digest",
        "registry/rights/puller-cannot-push#put-manifest",
        "registry/rights/other-organization-cannot-push#put-manifest",
        "registry/rights/other-organization-cannot-push#put-manifest-by-digest",
    )
    done = ("manifest", "PUT")

    async def _do(self, registry: Registry, asked: Asked) -> None:
        await registry.put_manifest(asked)


class ManifestsDeletedBeforeTheRights(_DoneBeforeTheRights):
    """API Reference, Error Handling: what is answered 401 for want of a login or rights has deleted no manifest."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-push#delete-manifest",
        "registry/login/anonymous-cannot-push#delete-tag",
        "registry/login/bad-login-opens-nothing#delete-manifest",
        "registry/login/bad-login-opens-nothing#delete-tag",
        "registry/rights/puller-cannot-push#delete-manifest",
        "registry/rights/puller-cannot-push#delete-tag",
        "registry/rights/other-organization-cannot-push#delete-manifest",
        "registry/rights/other-organization-cannot-push#delete-tag",
        "registry/token/push-does-not-delete#delete-manifest",
    )
    done = ("manifest", "DELETE")

    async def _do(self, registry: Registry, asked: Asked) -> None:
        await registry.delete_manifest(asked)


class BlobsDeletedBeforeTheRights(_DoneBeforeTheRights):
    """API Reference, Error Handling: what is answered 401 for want of a login or rights has deleted no blob."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-push#delete-blob",
        "registry/login/bad-login-opens-nothing#delete-blob",
        "registry/rights/puller-cannot-push#delete-blob",
        "registry/rights/other-organization-cannot-push#delete-blob",
        "registry/token/push-does-not-delete#delete-blob",
    )
    done = ("blob", "DELETE")

    async def _do(self, registry: Registry, asked: Asked) -> None:
        await registry.remove_blob(asked.name, asked.reference)


class UploadsClosedBeforeTheRights(_DoneBeforeTheRights):
    """API Reference, Error Handling: a closing request that is answered 401 leaves no blob behind."""

    surface = "registry"
    noticed_by = (
        "registry/rights/session-is-its-openers#anonymous",
        "registry/rights/session-is-its-openers#other-organization",
    )
    done = ("upload", "PUT")

    async def _do(self, registry: Registry, asked: Asked) -> None:
        if digest := asked.request.parameter("digest"):
            await registry.store_blob(asked.name, digest, asked.request.body)


class _ClosedAllTheSame(Defect):
    """Stores the bytes of a closing request under their own digest, though it refuses it by one of these codes."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        registry, upload = registry_of(original), registry_of(original).uploads.get(asked.reference)
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            if refusal.code in self.codes:
                content = bytes(upload.content if upload else b"") + asked.request.body
                await registry.store_blob(asked.name, grammar.digest_of(content), content)
            raise
        return answer


class BlobsStoredWithoutADigest(_ClosedAllTheSame):
    """distribution-spec 1.1, POST then PUT: the digest is required, and what is refused for want of it is no blob."""

    surface = "registry"
    noticed_by = ("registry/digest/missing-is-400#empty", "registry/upload/any-closing-digest-is-judged")
    codes = ("DIGEST_INVALID",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        # One that is the digest of other bytes is verified before anything is stored.
        return Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400)


class LastChunksStoredOutOfOrder(_ClosedAllTheSame):
    """distribution-spec 1.1, Pushing a blob in chunks: what is refused for the order of its chunks is no blob."""

    surface = "registry"
    noticed_by = ("registry/upload/last-chunk-out-of-order-is-refused",)
    codes = ("RANGE_INVALID",)


class BlobsOfNoSessionStored(_ClosedAllTheSame):
    """Docker Registry V2, Canceling an Upload: a session that is over, or another repository's, leaves no blob."""

    surface = "registry"
    noticed_by = ("registry/upload/cancelled-session-is-gone#put", "registry/upload/session-belongs-to-its-repository")
    codes = ("BLOB_UPLOAD_UNKNOWN",)


class _RefusedManifestsKept(Defect):
    """Keeps manifests that it refuses by one of these codes, under the digest of their bytes and the tag."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            if refusal.code in self.codes:
                self._keep(registry_of(original), asked)
            raise
        return answer

    def _keep(self, registry: Registry, asked: Asked) -> None:
        content = asked.request.body
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = {}
        digest = grammar.digest_of(content)
        kept = Manifest(digest, OCI_MANIFEST, content, document if isinstance(document, dict) else {})
        registry.opened(asked.name).manifests[digest] = kept
        if ":" not in asked.reference:
            registry.opened(asked.name).tags[asked.reference] = digest

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        """None: what they refer to nobody has read."""
        return []


class IncompleteManifestsKept(_RefusedManifestsKept):
    """Docker Registry V2, Pushing an Image Manifest: what is refused for a blob that is not there is not there."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/missing-reference-is-refused#config",
        "registry/manifest/missing-reference-is-refused#deleted",
        "registry/manifest/missing-reference-is-refused#layer",
        "registry/manifest/missing-child-is-refused#child",
        "registry/manifest/missing-child-is-refused#child-elsewhere",
        "registry/manifest/missing-child-is-refused#deleted-child",
        "registry/manifest/missing-child-is-refused#docker-child",
    )
    codes = ("MANIFEST_BLOB_UNKNOWN",)


class InvalidManifestsTagged(_RefusedManifestsKept):
    """image-spec 1.1, Image Manifest: what is refused for what it says is no manifest, and no tag names it."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/schema-version-is-2",
        "registry/manifest/schema-version-is-2#of-an-index",
        "registry/manifest/schema-version-is-2#text",
        "registry/manifest/one-kind-at-a-time",
        "registry/manifest/type-is-compared",
        "registry/manifest/nonsense-is-400#layers-of-a-number",
        "registry/manifest/any-change-is-taken-or-refused",
        "registry/manifest/any-body-is-taken-or-refused",
    )
    codes = ("MANIFEST_INVALID",)


class ManifestsOfWrongDigestsKept(_RefusedManifestsKept):
    """Docker Registry V2, Content Digests: what is refused for its digest is not stored under any."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)
    codes = ("DIGEST_INVALID",)


class BadTagsSetAllTheSame(_RefusedManifestsKept):
    """distribution-spec 1.1, Pulling manifests: what is refused as no tag names nothing."""

    surface = "registry"
    noticed_by = (
        "registry/name/no-other-tag-is-taken#129-letters",
        "registry/name/no-other-tag-is-taken#at",
        "registry/name/no-other-tag-is-taken#dash-first",
        "registry/name/no-other-tag-is-taken#line-end",
        "registry/name/no-other-tag-is-taken#nul",
    )
    codes = ("TAG_INVALID",)

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        registry = registry_of(original)
        manifest: Manifest = registry.resolve(asked.name, asked.reference) or original(asked)
        return manifest


class MountsLinkedBehindTheUpload(Defect):
    """Docker Registry V2, Cross Repository Blob Mount: an upload is opened where the source may not be read, alone."""

    surface = "registry"
    noticed_by = (
        "registry/rights/mount-needs-pull-on-the-source#first-of-two",
        "registry/rights/mount-needs-pull-on-the-source#named",
        "registry/token/mount-needs-pull-on-the-source",
    )

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        if source := asked.request.parameter("from"):
            await registry_of(original).mount_blob(source, asked.name, digest)
        return answer


class MountsLinkedBeforeTheyAreFound(Defect):
    """distribution-spec 1.1, Mounting a blob: a blob that the source has not is not there behind the upload either."""

    surface = "registry"
    noticed_by = ("registry/mount/absent-blob-is-not-made-up#no-source", "registry/mount/deleted-blob-is-not-mounted")

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        if answer.status == 202:
            registry_of(original).opened(asked.name).blobs.setdefault(digest, b"")
        return answer


class PostOfNothingLinksWhatIsKnown(Defect):
    """Docker Registry V2, Completed Upload: who names a digest and sends no bytes gets none, refused or not."""

    surface = "registry"
    noticed_by = ("registry/digest/known-elsewhere-is-verified#nothing-in-a-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry = registry_of(original)
        if not asked.request.body:
            for each in [*registry.repositories]:
                await registry.mount_blob(each, asked.name, digest)
        answer: Answer = await original(asked, digest)
        return answer
