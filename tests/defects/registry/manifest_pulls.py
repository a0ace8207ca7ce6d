"""Defects that break the promise "A manifest is returned byte for byte, with its media type"."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_MANIFEST, IMAGES, OCI_INDEX, Manifest
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.support.registry import unsupported_error, with_digest_of_other

SEPARATOR = re.compile(r"\s*,\s*")

ROWS = (
    row(
        "unknown-repository-lists-no-tags",
        "distribution-spec 1.1, Listing Tags: a repository that is not there is 404 NAME_UNKNOWN.",
        "registry/pull/absent-repository-is-404#tags,tags-asked-again,tags-behind-a-refusal",
        tags_of=lambda original, name: list(registry_of(original).stored(name).tags),
    ),
)


class ManifestDigestOfTrimmedBytes(Defect):
    """distribution-spec 1.1, Pushing Manifests: a digest is of the exact bytes, a line end behind them among them."""

    noticed_by = ("registry/manifest/bytes-are-preserved#escaped",)
    trimmed: dict[str, str] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if manifest.content.strip() != manifest.content:
            self.trimmed[manifest.digest] = grammar.digest_of(manifest.content.strip())
        await original(name, replace(manifest, digest=self.trimmed.get(manifest.digest, manifest.digest)))

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, self.trimmed.get(digest, digest))


@defect("registry/manifest/bytes-are-preserved#escaped,spaced")
def annotation_of_a_draft_refused(check_annotations: Any, member: str, annotations: Any) -> None:
    """image-spec 1.1, Annotations: a key that nobody knows is no error, whatever it begins with."""
    check_annotations(member, annotations)
    if any(re.match(r"org\.opencontainers\.(?!image\.)", key) for key in annotations or {}):
        raise invalid(f"{member}: an annotation of no standard")


@defect("registry/manifest/bytes-are-preserved#escaped,utf-8")
def created_digest_of_tidied_manifest(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """Docker Registry V2, Content Digests: the digest that a push is answered with is of the bytes that were pushed."""
    answer: Answer = manifest_created(call, manifest)
    tidied = json.dumps(manifest.document, separators=(",", ":"), ensure_ascii=False).encode()
    answer.headers["Docker-Content-Digest"] = grammar.digest_of(tidied)
    return answer


@defect("registry/manifest/created-digest-is-true", "registry/manifest/created-digest-is-true#index")
def created_manifest_digest_of_other(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: the digest that 201 tells is that of the bytes that were pushed."""
    return with_digest_of_other(request, answer, "manifest")


@defect("registry/manifest/created-is-201")
async def manifest_created_with202(put_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: a stored manifest is answered 201."""
    answer: Answer = await put_manifest(call)
    answer.status = 202
    return answer


@defect("registry/manifest/location-can-be-pulled")
def created_manifests_of_the_inside(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: Location is a pullable manifest, for whoever pushed it."""
    answer: Answer = manifest_created(call, manifest)
    answer.headers["Location"] = f"http://registry.internal:5000/v2/{call.name}/manifests/{manifest.digest}"
    return answer


@defect("registry/pull/absent-manifest-is-404#digest-head", "registry/pull/absent-repository-is-404#manifest-head")
async def head_of_missing_manifest_answered200(head_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of a manifest that is not there is 404."""
    try:
        answer: Answer = await head_manifest(call)
    except Refusal:
        return Answer(200)
    return answer


@defect("registry/pull/absent-manifest-is-404#any-sign")
def tag_found_as_a_pattern(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: a tag is no pattern; its ``_`` stands for itself alone."""
    found: Manifest | None = resolve(name, reference)
    if found is None and ":" not in reference:
        pattern = re.escape(reference).replace("_", ".")
        tags = registry_of(resolve).stored(name).tags
        found = next((resolve(name, tag) for tag in tags if re.fullmatch(pattern, tag)), None)
    return found


@defect("registry/pull/absent-manifest-is-404#blob-get,blob-head")
def blob_served_as_manifest(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: what was pushed as a blob is no manifest."""
    found: Manifest | None = resolve(name, reference)
    content = registry_of(resolve).stored(name).blobs.get(reference)
    if found is None and content is not None:
        return Manifest(reference, "application/octet-stream", content, {})
    return found


@defect("registry/pull/absent-manifest-is-404#tag-get,tag-head")
def absent_tag_is_latest(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: a tag that is not there is 404, whatever ``latest`` names."""
    found: Manifest | None = resolve(name, reference if ":" in reference else "latest")
    named: Manifest | None = resolve(name, reference)
    return named or found


@defect("registry/pull/absent-manifest-is-404#latest")
def latest_is_whatever_there_is(resolve: Any, name: str, reference: str) -> Any:
    """distribution-spec 1.1, Pulling manifests: a tag that was not pushed is not there, "latest" neither."""
    tags = registry_of(resolve).stored(name).tags
    return resolve(name, next(iter(tags)) if reference == "latest" and tags and reference not in tags else reference)


@defect("registry/pull/absent-repository-is-404#blob,blob-head")
def blob_of_absent_repository_fails(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a blob of a repository that never was is 404, and no failure."""
    if name not in registry_of(blob_of).repositories:
        raise Refusal("NAME_UNKNOWN", status=500)
    return blob_of(name, digest)


class _AcceptReadInPart(Defect):
    def _read(self, request: Request) -> list[str]:
        """The media types that are taken to be acceptable."""
        raise NotImplementedError

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        if "accept" in request.headers and not {manifest.media_type, "*/*"} & set(self._read(request)):
            raise Refusal("MANIFEST_UNKNOWN", "Accept does not support the type")
        return original(request, manifest)


class FirstAcceptFieldOnly(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the first has not all."""

    noticed_by = ("registry/pull/accept-is-honoured#last-of-several,weighted",)

    def _read(self, request: Request) -> list[str]:
        """The types of the first field."""
        return SEPARATOR.split(request.headers.getlist("accept")[0])


class LastAcceptFieldOnly(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the last has not all."""

    noticed_by = ("registry/pull/accept-is-honoured#first-of-several",)

    def _read(self, request: Request) -> list[str]:
        """The types of the last field."""
        return SEPARATOR.split(request.headers.getlist("accept")[-1])


@defect("registry/pull/accept-is-honoured#asterisks")
def accept_read_literally(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """RFC 9110 section 12.5.1: ``*/*`` is any type, and so is no Accept at all (distribution, OCI manifests)."""
    if manifest.media_type not in request.headers.get("accept", ""):
        raise Refusal("MANIFEST_UNKNOWN", "OCI manifest found, but Accept does not support it")
    return manifest_answer(request, manifest)


@defect("registry/pull/accept-is-honoured#no-accept", shipped=True)
async def head_without_accept_unknown(head_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 12.5.1: who sends no Accept takes any type, of HEAD as of GET (watchtower #728)."""
    if not call.request.headers.get("accept"):
        raise registry_of(head_manifest).unknown_manifest(call)
    return await head_manifest(call)


@defect("registry/pull/manifest-is-never-converted#nonsense")
async def nonsense_accept_fails(get_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: an Accept field that names no type is not the platform's fault."""
    if call.request.headers.get("accept", "").startswith(";"):
        raise unsupported_error()
    return await get_manifest(call)


@defect("registry/pull/manifest-is-never-converted#another-type,html,index")
def manifest_converted(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: a manifest is given as it was pushed, whatever Accept says."""
    media_type = answer.headers.get("content-type", "")
    accepted = request.headers.get("accept", "*/*")
    minded = media_type not in accepted and "*/*" not in accepted
    if request.method == "GET" and kind_of(request) == "manifest" and answer.status == 200 and minded:
        answer.body = json.dumps({**json.loads(answer.body), "mediaType": DOCKER_MANIFEST}).encode()
        answer.headers["Content-Type"] = DOCKER_MANIFEST
        del answer.headers["Content-Length"]
    return answer


@defect(
    "registry/pull/manifest-has-the-pushed-bytes#accepting-another-type,accepting-anything,accepting-html",
    "registry/pull/manifest-has-the-pushed-bytes#accepting-index,accepting-nonsense,digest,tag",
    "registry/manifest/image-kinds-are-accepted#oci-image",
    "registry/manifest/artifacts-are-accepted#no-layers",
    "registry/manifest/push-by-digest-is-accepted",
    "interoperability/registry/pull-for-a-platform",
    "interoperability/registry/images-of-other-programs-are-pulled",
)
def manifest_type_lost(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pulling manifests: Content-Type is what was pushed."""
    answer: Answer = manifest_answer(request, manifest)
    answer.headers["Content-Type"] = "application/json"
    return answer


def manifest_anywhere(registry: Registry, digest: str) -> Manifest | None:
    """The manifest of whichever repository has it."""
    return next((each.manifests[digest] for each in registry.repositories.values() if digest in each.manifests), None)


@defect("registry/pull/manifest-stays-in-its-repository#get,head")
def manifest_of_any_repository(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: a manifest is pulled from the repository that it was pushed to."""
    found: Manifest | None = resolve(name, reference)
    return found or manifest_anywhere(registry_of(resolve), reference)


class TypeOfATagRemembered(Defect):
    """distribution-spec 1.1, Pulling manifests: the type of a tag is that of what it names, not of what it named."""

    noticed_by = ("registry/pull/type-goes-with-the-tag",)
    types: dict[tuple[str, str], str] = {}

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag, digest)
        manifest = registry_of(original).stored(name).manifests[digest]
        self.types.setdefault((name, tag), manifest.media_type)

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        remembered = self.types.get((call.name, call.reference))
        if remembered and answer.status == 200:
            answer.headers["Content-Type"] = remembered
        return answer


class TypeOfTheLastPush(Defect):
    """distribution-spec 1.1, Pulling manifests: the type is the manifest's own, and not a column of its repository."""

    noticed_by = ("registry/pull/type-goes-with-the-tag",)
    types: dict[str, str] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        await original(name, manifest)
        self.types[name] = manifest.media_type

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        if answer.status == 200:
            answer.headers["Content-Type"] = self.types[call.name]
        return answer


@defect("registry/pull/type-goes-with-the-tag")
async def tags_of_images_stay_with_images(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pushing Manifests: a tag that named an image names the index that is pushed under it."""
    stored = registry_of(set_tag).stored(name)
    named = stored.manifests.get(stored.tags.get(tag, ""))
    if not (named and named.media_type in IMAGES and stored.manifests[digest].media_type == OCI_INDEX):
        await set_tag(name, tag, digest)


@defect("registry/manifest/created-digest-is-present")
def index_pushed_without_a_digest_header(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """Docker Registry V2, PUT Manifest: Docker-Content-Digest is returned with every 201, for an index as well."""
    answer: Answer = manifest_created(call, manifest)
    return without(answer, "Docker-Content-Digest") if manifest.media_type not in IMAGES else answer
