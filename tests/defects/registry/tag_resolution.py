"""Defects that break the promise "A tag resolves to the manifest pushed under it last"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest
from conformance.reference.support.registry import kind_of, registry_of

Place = tuple[str, str]


class _PreviousReported(Defect):
    """Notes the previous image of a tag."""

    former = ""

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.former = registry_of(original).stored(name).tags.get(tag, "")
        await original(name, tag, digest)


class DigestOfThePreviousReported(_PreviousReported):
    """distribution-spec 1.1, Pushing Manifests: the response to a push has the digest of the tag's previous image."""

    noticed_by = ("registry/manifest/tag-moves",)

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        answer: Answer = original(call, manifest)
        if self.former and ":" not in call.reference:
            answer.headers["Docker-Content-Digest"] = self.former
        return answer


class LocationOfThePreviousReported(_PreviousReported):
    """distribution-spec 1.1, Pushing Manifests: the Location of a push is the tag's previous image."""

    noticed_by = ("registry/manifest/tag-moves",)

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        answer: Answer = original(call, manifest)
        if self.former and ":" not in call.reference:
            answer.headers["Location"] = answer.headers["Location"].replace(manifest.digest, self.former)
        return answer


@defect("registry/manifest/tag-moves")
def entity_tag_of_the_tag(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.8.1: the entity tag is the tag, so it stays when the tag moves."""
    reference = request.path.rpartition("/")[2]
    if answer.status == 200 and kind_of(request) == "manifest" and ":" not in reference:
        answer.headers["ETag"] = f'"{reference}"'
    return answer


class AbsentDigestNeverComes(Defect):
    """distribution-spec 1.1, Pulling manifests: a digest requested before its push by tag stays 404."""

    noticed_by = ("registry/manifest/tag-moves",)
    absent: set[tuple[str, str]] = set()

    def manifest_of(self, original: Any, call: Call) -> Manifest:
        registry, place = registry_of(original), (call.name, call.reference)
        if place in self.absent:
            raise registry.unknown_manifest(call)
        if ":" in call.reference and registry.resolve(call.name, call.reference) is None:
            self.absent.add(place)
        return original(call)

    def manifest_created(self, original: Any, call: Call, manifest: Manifest) -> Answer:
        self.absent.discard((call.name, call.reference))
        return original(call, manifest)


@defect("registry/manifest/tag-moves", state=dict)
async def tag_digest_from_cache(first_digests: dict[Place, str], get_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pulling manifests: the digest of a moved tag is that of its first image."""
    answer: Answer = await get_manifest(call)
    if ":" not in call.reference and answer.status == 200:
        first = first_digests.setdefault((call.name, call.reference), answer.headers["Docker-Content-Digest"])
        answer.headers["Docker-Content-Digest"] = first
    return answer


@defect("registry/manifest/tag-moves")
async def entity_tag_of_the_tags_name(get_manifest: Any, call: Call) -> Answer:
    """RFC 9110 section 8.8.3: the entity tag is the tag, so a moved tag is answered 304."""
    answer: Answer = await get_manifest(call)
    if ":" not in call.reference:
        entity_tag = f'"{call.reference}"'
        if grammar.entity_tag_matches(call.request.headers.get("if-none-match", ""), entity_tag):
            answer = Answer(304)
        answer.headers["ETag"] = entity_tag
    return answer


class DateOfTheImageForItsTag(Defect):
    """RFC 9110 section 8.8.2: a tag that moves back to an older image is answered 304."""

    noticed_by = ("registry/manifest/tag-moves",)
    stored: list[str] = []

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.stored += [manifest.digest] if manifest.digest not in self.stored else []
        await original(name, manifest)

    async def get_manifest(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        if answer.status != 200:
            return answer
        # One is pushed each second.
        age = len(self.stored) - self.stored.index(answer.headers["Docker-Content-Digest"])
        modified = datetime.now(UTC) - timedelta(seconds=age)
        since = call.request.headers.get("if-modified-since")
        if since and "if-none-match" not in call.request.headers and modified <= parsedate_to_datetime(since):
            answer = Answer(304)
        answer.headers["Last-Modified"] = format_datetime(modified, usegmt=True)
        return answer


@defect("registry/manifest/tag-moves", state=set)
async def tag_never_goes_back(named: set[tuple[str, str, str]], set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pushing Manifests: a tag does not move back to an image that it named before."""
    known = (name, tag, digest) in named and tag in registry_of(set_tag).stored(name).tags
    named.add((name, tag, digest))
    if not known:
        await set_tag(name, tag, digest)


@defect("registry/manifest/tag-moves", state=dict)
def absent_tag_remembered(absent: dict[Place, Refusal], manifest_of: Any, call: Call) -> Manifest:
    """distribution-spec 1.1, Pulling manifests: a tag requested before its push stays 404."""
    place = call.name, call.reference
    if place in absent:
        raise absent[place]
    try:
        return manifest_of(call)
    except Refusal as refusal:
        absent[place] = refusal
        raise


@defect("registry/manifest/tag-moves")
async def refused_tag_moves_all_the_same(put_manifest: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a push refused with 409 moves the tag."""
    named = registry_of(put_manifest).stored(call.name).tags.get(call.reference)
    answer: Answer = await put_manifest(call)
    if named not in (None, grammar.digest_of(call.request.body)):
        raise Refusal("DENIED", {"tag": call.reference}, status=409)
    return answer


@defect("registry/manifest/moving-a-tag-affects-no-other")
async def push_by_digest_moves_tags(put_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pulling manifests: a push by digest deletes the tags of its image."""
    answer: Answer = await put_manifest(call)
    registry = registry_of(put_manifest)
    for tag in registry.tags_naming(call.name, call.reference):
        await registry.remove_tag(call.name, tag)
    return answer


class PushByDigestMovesTagsBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: a push by digest moves back tags that named it earlier."""

    noticed_by = ("registry/manifest/moving-a-tag-affects-no-other",)
    named: set[tuple[str, str, str]] = set()

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.named.add((name, tag, digest))
        await original(name, tag, digest)

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        tags = registry_of(original).stored(call.name).tags
        tags.update({tag: digest for name, tag, digest in self.named if (name, digest) == (call.name, call.reference)})
        return answer


@defect("registry/manifest/moving-a-tag-affects-no-other")
async def moved_tag_deletes_its_image(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Pulling manifests: a tag that moves deletes its old image, which another tag names."""
    stored = registry_of(set_tag).stored(name)
    left = stored.tags.get(tag, digest)
    await set_tag(name, tag, digest)
    if left != digest and left in stored.tags.values():
        del stored.manifests[left]
