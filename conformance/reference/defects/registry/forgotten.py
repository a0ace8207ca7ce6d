"""Defects of a rule that is kept nearly everywhere: one method, form, kind or algorithm of several was forgotten."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller


class _PullIsEnough(Defect):
    """One request of an upload that needs no more than the right to pull."""

    method = ""

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        if kind == "upload" and request.method == self.method and registry_of(original).bearer_token(request):
            return [Access("repository", name, ("pull",))]
        wanted: list[Access] = original(kind, name, request)
        return wanted


class ChunkNeedsPullAlone(_PullIsEnough):
    """Docker token scopes: a chunk needs push, as the beginning of its upload does."""

    surface = "registry"
    noticed_by = ("registry/token/session-needs-push#patch",)
    method = "PATCH"


class ClosingNeedsPullAlone(_PullIsEnough):
    """Docker token scopes: the end of an upload needs push, as its beginning does."""

    surface = "registry"
    noticed_by = ("registry/token/session-needs-push#put",)
    method = "PUT"


class CancellingNeedsPullAlone(_PullIsEnough):
    """Docker token scopes: giving an upload up needs more than the right to pull."""

    surface = "registry"
    noticed_by = ("registry/token/session-needs-push#delete",)
    method = "DELETE"


class AnonymousLearnsHowFar(Defect):
    """Docker token scopes: who asks how far an upload has come shows who it is, as who sends a chunk does."""

    surface = "registry"
    noticed_by = ("registry/rights/session-is-its-openers#anonymous",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        upload = registry.uploads.get(request.path.rpartition("/")[2]) if kind == "upload" else None
        if upload and request.method == "GET" and registry.bearer_token(request) is None:
            return Caller(upload.subject)
        caller: Caller = original(kind, name, request)
        return caller


class CatalogChallengeWithoutScope(Defect):
    """Docker token scopes: the challenge names ``registry:catalog:*`` where that is what is wanted."""

    surface = "registry"
    noticed_by = ("registry/login/catalog-challenge-names-the-scope",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        parameters: list[tuple[str, str]] = original([each for each in wanted if each.kind == "repository"], error)
        return parameters


class ReferrersChallengeWithoutScope(Defect):
    """Docker token scopes: the challenge names the repository to who asks for referrers as well."""

    surface = "registry"
    noticed_by = ("registry/login/referrers-challenge-names-the-scope",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        if kind == "referrers" and registry.bearer_token(request) is None:
            raise registry.unauthorized([], None)
        caller: Caller = original(kind, name, request)
        return caller


class MountFindsItAnywhere(Defect):
    """distribution-spec 1.1, Mounting a blob: it is looked for in the source that is named, and nowhere else."""

    surface = "registry"
    noticed_by = (
        "registry/rights/mount-needs-pull-on-the-source#last-of-two",
        "registry/rights/mount-needs-pull-on-the-source#ours",
    )

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        repositories = registry_of(original).repositories
        holder = next((name for name, each in repositories.items() if digest in each.blobs), source)
        mounted: bool = await original(holder, target, digest)
        return mounted


class FilterOfOwnTypesAlone(Defect):
    """distribution-spec 1.1, Listing Referrers: the type that is filtered by is the type that is listed."""

    surface = "registry"
    noticed_by = ("registry/referrers/filter-knows-the-configs-type",)

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        stored = (each.manifests.get(descriptor["digest"]) for each in registry_of(original).repositories.values())
        return any(each is not None and each.document.get("artifactType") == artifact_type for each in stored)


class KnownWhateverIsKnown(Defect):
    """RFC 9110 section 13.1.2: 304 is for who has this content, and not for who has another."""

    surface = "registry"
    noticed_by = ("registry/pull/if-none-match-of-another-is-the-whole",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        known = "if-none-match" in request.headers and kind_of(request) == "blob"
        return known or bool(original(request, digest))


class Sha512ManifestUnverified(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest is verified whichever algorithm it is of."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return digest.startswith("sha512:") or bool(original(digest, content))


class DigestsInCapitals(Defect):
    """image-spec, Digests: the hexadecimal digits of a digest are small letters."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-is-400#capitals",)

    def is_digest(self, original: Any, text: str) -> bool:
        return bool(original(text.lower()))

    def digest_matches(self, original: Any, digest: str, content: bytes | bytearray) -> bool:
        return bool(original(digest.lower(), content))


class MediaTypeWanted(Defect):
    """image-spec 1.1, Image Manifest: ``mediaType`` should be there, and need not."""

    surface = "registry"
    noticed_by = ("registry/manifest/without-media-type-is-taken",)

    def check_media_type(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        original(media_type, {"mediaType": "", **document})


class IndexWithLayersTaken(Defect):
    """image-spec 1.1, CVE-2021-41190: an index is not an image at the same time, as an image is no index."""

    surface = "registry"
    noticed_by = ("registry/manifest/index-has-no-layers",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        left_out = ("config", "layers") if "manifests" in document and "index" in media_type else ()
        original(media_type, {name: value for name, value in document.items() if name not in left_out})


class ImageWithoutConfigTaken(Defect):
    """image-spec 1.1, Image Manifest: ``config`` is REQUIRED."""

    surface = "registry"
    noticed_by = ("registry/manifest/image-has-a-config",)

    def check_members(self, original: Any, media_type: str, document: dict[str, Any]) -> None:
        if document.get("config", "") is not None:
            original(media_type, document)

    def check_blobs(self, original: Any, name: str, descriptors: list[Any]) -> None:
        original(name, [each for each in descriptors if each is not None])


class ListedDescriptorUnchecked(Defect):
    """image-spec 1.1, Content Descriptors: each has a media type, those in an index, too."""

    surface = "registry"
    noticed_by = ("registry/manifest/descriptors-are-whole#listed-no-type",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, {"mediaType": "a/b", **descriptor} if member == "manifests" else descriptor)


class PostToldASession(Defect):
    """distribution-spec 1.1, Single POST: the Location of 201 is where the blob can be pulled."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "POST" and kind_of(request) == "uploads" and request.parameter("digest"):
            location = answer.headers.get("location", "")
            answer.headers["Location"] = location.replace("/blobs/sha256:", "/blobs/uploads/")
        return answer
