"""Defects of a rule that is kept nearly everywhere: one method, form, kind or algorithm of several was forgotten."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload


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
    noticed_by = ("registry/token/session-needs-push",)
    method = "PATCH"


class ClosingNeedsPullAlone(_PullIsEnough):
    """Docker token scopes: the end of an upload needs push, as its beginning does."""

    surface = "registry"
    noticed_by = ("registry/token/session-needs-push",)
    method = "PUT"


class CancellingNeedsPullAlone(_PullIsEnough):
    """Docker token scopes: giving an upload up needs more than the right to pull."""

    surface = "registry"
    noticed_by = ("registry/token/session-needs-push",)
    method = "DELETE"


class SessionOfNamesThatBeginSo(Defect):
    """distribution-spec 1.1, Pushing blobs: a session of ``app`` is none of ``app-two``."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    def is_of(self, original: Any, upload: Upload, name: str) -> bool:
        return name.startswith(upload.repository)


class AnonymousLearnsHowFar(Defect):
    """Docker token scopes: who asks how far an upload has come shows who it is, as who sends a chunk does."""

    surface = "registry"
    noticed_by = ("registry/rights/session-is-its-openers",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        upload = registry.uploads.get(request.path.rpartition("/")[2]) if kind == "upload" else None
        if upload and request.method == "GET" and registry.bearer_token(request) is None:
            return Caller(upload.subject)
        caller: Caller = original(kind, name, request)
        return caller


class AnonymousCatalog(Defect):
    """API Reference, Error Handling: a list of repositories, too, is for those who log in."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-list-repositories",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        if kind == "catalog" and registry.bearer_token(request) is None:
            return Caller(registry.seeds.accounts[0].username)
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
    noticed_by = ("registry/rights/mount-needs-pull-on-the-source",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        repositories = registry_of(original).repositories
        holder = next((name for name, each in repositories.items() if digest in each.blobs), source)
        mounted: bool = await original(holder, target, digest)
        return mounted


class SubjectToldOfDigestsAlone(Defect):
    """distribution-spec 1.1, Pushing Manifests with Subject: OCI-Subject is told by tag as by digest."""

    surface = "registry"
    noticed_by = ("registry/referrers/subject-is-acknowledged",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        return answer if ":" in asked.reference else without(answer, "OCI-Subject")


class ReferrersOfReferrers(Defect):
    """distribution-spec 1.1, Listing Referrers: what is listed has this subject, and not one that has it."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        direct: list[dict[str, Any]] = original(name, digest)
        return direct + [further for each in direct for further in original(name, each["digest"])]


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
    noticed_by = ("registry/digest/malformed-is-400",)

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
    noticed_by = ("registry/manifest/descriptors-are-whole",)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        original(member, {"mediaType": "a/b", **descriptor} if member == "manifests" else descriptor)


class ListedImagesOfAnyRepository(Defect):
    """Docker Registry V2, Manifest lists: what is listed must be there, and not in another repository."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-child-is-refused",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        listed = {each["digest"] for each in descriptors}
        repositories = registry_of(original).repositories
        holder = next((each for each in repositories if listed <= set(repositories[each].manifests)), name)
        original(holder, descriptors)


class PostToldASession(Defect):
    """distribution-spec 1.1, Single POST: the Location of 201 is where the blob can be pulled."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "POST" and kind_of(request) == "uploads" and request.parameter("digest"):
            location = answer.headers.get("location", "")
            answer.headers["Location"] = location.replace("/blobs/sha256:", "/blobs/uploads/")
        return answer


class FirstListedAlone(Defect):
    """Docker Registry V2, Manifest lists: each that is listed must be there, and not the first alone."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-child-is-refused",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors[:1])


class FirstMissingTold(Defect):
    """Docker Registry V2, Pushing an Image Manifest: an error is returned for each unknown blob."""

    surface = "registry"
    noticed_by = ("registry/manifest/each-missing-blob-is-told",)

    def check_missing(self, original: Any, digests: list[str]) -> None:
        original(digests[:1])


class CatalogWithoutLink(Defect):
    """Docker Registry V2, Pagination: where there is no Link, all have been received, of the catalog, too."""

    surface = "registry"
    noticed_by = ("registry/catalog/links-leave-nothing-out",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Link") if kind_of(request) == "catalog" else answer


class TagsBehindLastWithoutCase(Defect):
    """distribution-spec 1.1, Listing Tags: what comes behind ``last`` does so in the order of the list."""

    surface = "registry"
    noticed_by = ("registry/tags/links-lead-to-the-end",)

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        return names if last is None else [name for name in names if name.lower() > last.lower()]
