"""Defects that break the promise "A manifest is returned byte for byte, with its media type"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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


def _accept_field_only(place: int) -> Callable[[Any, Request, Manifest], Answer]:
    """Return a ``manifest_answer`` that reads one Accept field only."""

    def manifest_answer(original: Any, request: Request, manifest: Manifest) -> Answer:
        accepted = request.headers.getlist("accept")
        if accepted and not {manifest.media_type, "*/*"} & set(SEPARATOR.split(accepted[place])):
            raise Refusal("MANIFEST_UNKNOWN", "Accept does not support the type")
        return original(request, manifest)

    return manifest_answer


ROWS = (
    row(
        "unknown-repository-lists-no-tags",
        "distribution-spec 1.1, Listing Tags: the tag list of an absent repository is empty instead of 404.",
        "registry/pull/absent-repository-is-404#tags,tags-asked-again,tags-behind-a-refusal",
        tags_of=lambda original, name: list(registry_of(original).stored(name).tags),
    ),
    row(
        "first-accept-field-only",
        "RFC 9110 section 5.2: of several Accept fields only the first counts.",
        "registry/pull/accept-is-honoured#last-of-several,weighted",
        manifest_answer=_accept_field_only(0),
    ),
    row(
        "last-accept-field-only",
        "RFC 9110 section 5.2: of several Accept fields only the last counts.",
        "registry/pull/accept-is-honoured#first-of-several",
        manifest_answer=_accept_field_only(-1),
    ),
)


class ManifestDigestOfTrimmedBytes(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest of a manifest ignores a line end after it."""

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
    """image-spec 1.1, Annotations: an unknown annotation key is refused."""
    check_annotations(member, annotations)
    if any(re.match(r"org\.opencontainers\.(?!image\.)", key) for key in annotations or {}):
        raise invalid(f"{member}: an annotation of no standard")


@defect("registry/manifest/bytes-are-preserved#escaped,utf-8")
def created_digest_of_tidied_manifest(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """Docker Registry V2, Content Digests: the response to a push has the digest of the reserialized manifest."""
    answer: Answer = manifest_created(call, manifest)
    tidied = json.dumps(manifest.document, separators=(",", ":"), ensure_ascii=False).encode()
    answer.headers["Docker-Content-Digest"] = grammar.digest_of(tidied)
    return answer


@defect("registry/manifest/created-digest-is-true", "registry/manifest/created-digest-is-true#index")
def created_manifest_digest_of_other(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: the response to a push has the digest of other bytes."""
    return with_digest_of_other(request, answer, "manifest")


@defect("registry/manifest/created-is-201")
async def manifest_created_with202(put_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: a stored manifest is answered 202 instead of 201."""
    answer: Answer = await put_manifest(call)
    answer.status = 202
    return answer


@defect("registry/manifest/location-can-be-pulled")
def created_manifests_of_the_inside(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: the Location of a pushed manifest names an internal host."""
    answer: Answer = manifest_created(call, manifest)
    answer.headers["Location"] = f"http://registry.internal:5000/v2/{call.name}/manifests/{manifest.digest}"
    return answer


@defect("registry/pull/absent-manifest-is-404#digest-head", "registry/pull/absent-repository-is-404#manifest-head")
async def head_of_missing_manifest_answered200(head_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Checking if content exists: HEAD of an absent manifest is answered 200."""
    try:
        return await head_manifest(call)
    except Refusal:
        return Answer(200)


@defect("registry/pull/absent-manifest-is-404#any-sign")
def tag_found_as_a_pattern(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: an underscore in a tag matches any character, as in SQL."""
    found: Manifest | None = resolve(name, reference)
    if found is None and ":" not in reference:
        pattern = re.escape(reference).replace("_", ".")
        tags = registry_of(resolve).stored(name).tags
        found = next((resolve(name, tag) for tag in tags if re.fullmatch(pattern, tag)), None)
    return found


@defect("registry/pull/absent-manifest-is-404#blob-get,blob-head")
def blob_served_as_manifest(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: a blob is served as a manifest."""
    found: Manifest | None = resolve(name, reference)
    content = registry_of(resolve).stored(name).blobs.get(reference)
    if found is None and content is not None:
        return Manifest(reference, "application/octet-stream", content, {})
    return found


@defect("registry/pull/absent-manifest-is-404#tag-get,tag-head")
def absent_tag_is_latest(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: an absent tag returns the image of ``latest``."""
    found: Manifest | None = resolve(name, reference if ":" in reference else "latest")
    named: Manifest | None = resolve(name, reference)
    return named or found


@defect("registry/pull/absent-manifest-is-404#latest")
def latest_is_whatever_there_is(resolve: Any, name: str, reference: str) -> Any:
    """distribution-spec 1.1, Pulling manifests: an absent ``latest`` returns the image of another tag."""
    tags = registry_of(resolve).stored(name).tags
    return resolve(name, next(iter(tags)) if reference == "latest" and tags and reference not in tags else reference)


@defect("registry/pull/absent-repository-is-404#blob,blob-head")
def blob_of_absent_repository_fails(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a blob of an absent repository is answered 500."""
    if name not in registry_of(blob_of).repositories:
        raise Refusal("NAME_UNKNOWN", status=500)
    return blob_of(name, digest)


@defect("registry/pull/accept-is-honoured#asterisks")
def accept_read_literally(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """RFC 9110 section 12.5.1: ``*/*`` and a missing Accept do not accept every type (distribution, OCI manifests)."""
    if manifest.media_type not in request.headers.get("accept", ""):
        raise Refusal("MANIFEST_UNKNOWN", "OCI manifest found, but Accept does not support it")
    return manifest_answer(request, manifest)


@defect("registry/pull/accept-is-honoured#no-accept", shipped=True)
async def head_without_accept_unknown(head_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 12.5.1: HEAD without Accept is answered 404 (watchtower #728)."""
    if not call.request.headers.get("accept"):
        raise registry_of(head_manifest).unknown_manifest(call)
    return await head_manifest(call)


@defect("registry/pull/manifest-is-never-converted#nonsense")
async def nonsense_accept_fails(get_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a malformed Accept is answered 500."""
    if call.request.headers.get("accept", "").startswith(";"):
        raise unsupported_error()
    return await get_manifest(call)


@defect("registry/pull/manifest-is-never-converted#another-type,html,index")
def manifest_converted(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Pushing Manifests: a manifest is converted if Accept does not name its type."""
    media_type = answer.headers.get("content-type", "")
    accepted = request.headers.get("accept", "*/*")
    converts = media_type not in accepted and "*/*" not in accepted
    if request.method == "GET" and kind_of(request) == "manifest" and answer.status == 200 and converts:
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
    """distribution-spec 1.1, Pulling manifests: a manifest is application/json instead of its own type."""
    answer: Answer = manifest_answer(request, manifest)
    answer.headers["Content-Type"] = "application/json"
    return answer


def manifest_anywhere(registry: Registry, digest: str) -> Manifest | None:
    """Return the manifest from any repository that has it."""
    return next((each.manifests[digest] for each in registry.repositories.values() if digest in each.manifests), None)


@defect("registry/pull/manifest-stays-in-its-repository#get,head")
def manifest_of_any_repository(resolve: Any, name: str, reference: str) -> Manifest | None:
    """distribution-spec 1.1, Pulling manifests: a manifest of another repository is pulled."""
    found: Manifest | None = resolve(name, reference)
    return found or manifest_anywhere(registry_of(resolve), reference)


class TypeOfATagRemembered(Defect):
    """distribution-spec 1.1, Pulling manifests: the type of a moved tag is that of its first manifest."""

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
    """distribution-spec 1.1, Pulling manifests: each manifest has the type of the last one pushed to its repository."""

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
    """distribution-spec 1.1, Pushing Manifests: a tag of an image does not move to an index."""
    stored = registry_of(set_tag).stored(name)
    named = stored.manifests.get(stored.tags.get(tag, ""))
    if not (named and named.media_type in IMAGES and stored.manifests[digest].media_type == OCI_INDEX):
        await set_tag(name, tag, digest)


@defect("registry/manifest/created-digest-is-present")
def index_pushed_without_a_digest_header(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """Docker Registry V2, PUT Manifest: the 201 to an index has no Docker-Content-Digest."""
    answer: Answer = manifest_created(call, manifest)
    return without(answer, "Docker-Content-Digest") if manifest.media_type not in IMAGES else answer
