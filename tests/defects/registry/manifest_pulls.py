"""Defects that break the promise "A manifest is returned byte for byte, with its media type"."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_MANIFEST, IMAGES, OCI_INDEX, Manifest
from conformance.reference.support.registry import kind_of, registry_of
from tests.defects.rows import row
from tests.defects.support.registry import unsupported_error

SEPARATOR = re.compile(r"\s*,\s*")

ROWS = (
    row(
        "unknown-repository-lists-no-tags",
        "distribution-spec 1.1, Listing Tags: a repository that is not there is 404 NAME_UNKNOWN.",
        "registry/pull/absent-repository-is-404#tags",
        "registry/pull/absent-repository-is-404#tags-asked-again",
        "registry/pull/absent-repository-is-404#tags-behind-a-refusal",
        tags_of=lambda original, name: list(registry_of(original).stored(name).tags),
    ),
)


class ManifestDigestOfTrimmedBytes(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest is of the exact bytes, a line end behind them among them."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-preserved#escaped",)

    def __init__(self) -> None:
        self.trimmed: dict[str, str] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if manifest.content.strip() != manifest.content:
            self.trimmed[manifest.digest] = grammar.digest_of(manifest.content.strip())
        await original(name, replace(manifest, digest=self.trimmed.get(manifest.digest, manifest.digest)))

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, self.trimmed.get(digest, digest))


class AnnotationOfADraftRefused(Defect):
    """image-spec 1.1, Annotations: a key that nobody knows is no error, whatever it begins with."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-preserved#escaped", "registry/manifest/bytes-are-preserved#spaced")

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        original(member, annotations)
        if any(re.match(r"org\.opencontainers\.(?!image\.)", key) for key in annotations or {}):
            raise invalid(f"{member}: an annotation of no standard")


class CreatedDigestOfTidiedManifest(Defect):
    """Docker Registry V2, Content Digests: the digest that a push is answered with is of the bytes that were pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-preserved#escaped", "registry/manifest/bytes-are-preserved#utf-8")

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        tidied = json.dumps(manifest.document, separators=(",", ":"), ensure_ascii=False).encode()
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(tidied)
        return answer


class CreatedManifestDigestOfOther(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest that 201 tells is that of the bytes that were pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-digest-is-true", "registry/manifest/created-digest-is-true#index")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "PUT" and kind_of(request) == "manifest" and answer.status == 201:
            other = hashlib.sha256(request.body + b"\n").hexdigest()
            answer.headers["Docker-Content-Digest"] = f"sha256:{other}"
        return answer


class ManifestCreatedWith202(Defect):
    """distribution-spec 1.1, Pushing Manifests: a stored manifest is answered 201."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-is-201",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 202
        return answer


class CreatedManifestsOfTheInside(Defect):
    """distribution-spec 1.1, Pushing Manifests: Location is a pullable manifest, for whoever pushed it."""

    surface = "registry"
    noticed_by = ("registry/manifest/location-can-be-pulled",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        answer.headers["Location"] = f"http://registry.internal:5000/v2/{asked.name}/manifests/{manifest.digest}"
        return answer


class HeadOfMissingManifestAnswered200(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a manifest that is not there is 404."""

    surface = "registry"
    noticed_by = (
        "registry/pull/absent-manifest-is-404#digest-head",
        "registry/pull/absent-repository-is-404#manifest-head",
    )

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            return Answer(200)
        return answer


class TagFoundAsAPattern(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag is no pattern; its ``_`` stands for itself alone."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#any-sign",)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        if found is None and ":" not in reference:
            pattern = re.escape(reference).replace("_", ".")
            tags = registry_of(original).stored(name).tags
            found = next((original(name, tag) for tag in tags if re.fullmatch(pattern, tag)), None)
        return found


class BlobServedAsManifest(Defect):
    """distribution-spec 1.1, Pulling manifests: what was pushed as a blob is no manifest."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#blob-get", "registry/pull/absent-manifest-is-404#blob-head")

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        content = registry_of(original).stored(name).blobs.get(reference)
        if found is None and content is not None:
            return Manifest(reference, "application/octet-stream", content, {})
        return found


class AbsentTagIsLatest(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that is not there is 404, whatever ``latest`` names."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#tag-get", "registry/pull/absent-manifest-is-404#tag-head")

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference if ":" in reference else "latest")
        named: Manifest | None = original(name, reference)
        return named or found


class LatestIsWhateverThereIs(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that was not pushed is not there, "latest" neither."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#latest",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        tags = registry_of(original).stored(name).tags
        return original(
            name, next(iter(tags)) if reference == "latest" and tags and reference not in tags else reference
        )


class BlobOfAbsentRepositoryFails(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob of a repository that never was is 404, and no failure."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-repository-is-404#blob", "registry/pull/absent-repository-is-404#blob-head")

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        if name not in registry_of(original).repositories:
            raise Refusal("NAME_UNKNOWN", status=500)
        content: bytes = original(name, digest)
        return content


class _AcceptReadInPart(Defect):
    def _read(self, request: Request) -> list[str]:
        """The media types that are taken to be acceptable."""
        raise NotImplementedError

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        if "accept" in request.headers and not {manifest.media_type, "*/*"} & set(self._read(request)):
            raise Refusal("MANIFEST_UNKNOWN", "Accept does not support the type")
        answer: Answer = original(request, manifest)
        return answer


class FirstAcceptFieldAlone(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the first has not all."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-honoured#last-of-several", "registry/pull/accept-is-honoured#weighted")

    def _read(self, request: Request) -> list[str]:
        """The types of the first field."""
        return SEPARATOR.split(request.headers.getlist("accept")[0])


class LastAcceptFieldAlone(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the last has not all."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-honoured#first-of-several",)

    def _read(self, request: Request) -> list[str]:
        """The types of the last field."""
        return SEPARATOR.split(request.headers.getlist("accept")[-1])


class AcceptTakenLiterally(Defect):
    """RFC 9110 section 12.5.1: ``*/*`` is any type, and so is no Accept at all (distribution, OCI manifests)."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-honoured#asterisks",)

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        if manifest.media_type not in request.headers.get("accept", ""):
            raise Refusal("MANIFEST_UNKNOWN", "OCI manifest found, but Accept does not support it")
        answer: Answer = original(request, manifest)
        return answer


class HeadWithoutAcceptUnknown(Defect):
    """RFC 9110 section 12.5.1: who sends no Accept takes any type, of HEAD as of GET (watchtower #728)."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-honoured#no-accept",)
    shipped = True

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        if not asked.request.headers.get("accept"):
            raise registry_of(original).unknown_manifest(asked)
        answer: Answer = await original(asked)
        return answer


class NonsenseAcceptFails(Defect):
    """API Reference, Error Handling: an Accept field that names no type is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/pull/manifest-is-never-converted#nonsense",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.headers.get("accept", "").startswith(";"):
            raise unsupported_error()
        answer: Answer = await original(asked)
        return answer


class ManifestConverted(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest is given as it was pushed, whatever Accept says."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-is-never-converted#another-type",
        "registry/pull/manifest-is-never-converted#html",
        "registry/pull/manifest-is-never-converted#index",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        told = answer.headers.get("content-type", "")
        accepted = request.headers.get("accept", "*/*")
        minded = told not in accepted and "*/*" not in accepted
        if request.method == "GET" and kind_of(request) == "manifest" and answer.status == 200 and minded:
            answer.body = json.dumps({**json.loads(answer.body), "mediaType": DOCKER_MANIFEST}).encode()
            answer.headers["Content-Type"] = DOCKER_MANIFEST
            del answer.headers["Content-Length"]
        return answer


class ManifestTypeLost(Defect):
    """distribution-spec 1.1, Pulling manifests: Content-Type is what was pushed."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-is-what-was-pushed#accepting-another-type",
        "registry/pull/manifest-is-what-was-pushed#accepting-anything",
        "registry/pull/manifest-is-what-was-pushed#accepting-html",
        "registry/pull/manifest-is-what-was-pushed#accepting-index",
        "registry/pull/manifest-is-what-was-pushed#accepting-nonsense",
        "registry/pull/manifest-is-what-was-pushed#digest",
        "registry/pull/manifest-is-what-was-pushed#tag",
        "registry/manifest/image-kinds-are-accepted#oci-image",
        "registry/manifest/artifacts-are-accepted#no-layers",
        "registry/manifest/push-by-digest-is-accepted",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/what-one-pushed-others-pull",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.headers["Content-Type"] = "application/json"
        return answer


def manifest_anywhere(registry: Registry, digest: str) -> Manifest | None:
    """The manifest of whichever repository has it."""
    return next((each.manifests[digest] for each in registry.repositories.values() if digest in each.manifests), None)


class ManifestOfAnyRepository(Defect):
    """distribution-spec 1.1, Pulling manifests: a manifest is pulled from the repository that it was pushed to."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-stays-in-its-repository#get",
        "registry/pull/manifest-stays-in-its-repository#head",
    )

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        return found or manifest_anywhere(registry_of(original), reference)


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


class TagsOfImagesStayWithImages(Defect):
    """distribution-spec 1.1, Pushing Manifests: a tag that named an image names the index that is pushed under it."""

    surface = "registry"
    noticed_by = ("registry/pull/type-goes-with-the-tag",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        named = stored.manifests.get(stored.tags.get(tag, ""))
        if not (named and named.media_type in IMAGES and stored.manifests[digest].media_type == OCI_INDEX):
            await original(name, tag, digest)
