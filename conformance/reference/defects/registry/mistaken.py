"""Defects that give one thing for another: a tag for one that begins so, a blob for a manifest, a part of a list."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import INDEXES, Manifest, Repository

HEX = re.compile(r"[0-9a-f]{64}")
SEPARATOR = re.compile(r"\s*,\s*")
SHORT_DIGEST = re.compile(r"sha256:[0-9a-f]{8,63}")
SUFFIX = re.compile(r"bytes=-([0-9]{1,9})")


class TagFoundByItsBeginning(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag is compared whole; ``v1`` is not ``v1.0.0``."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404",)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        if found is None and ":" not in reference:
            tags = registry_of(original).stored(name).tags
            found = next((original(name, tag) for tag in tags if tag.startswith(reference)), None)
        return found


class TagFoundAsAPattern(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag is no pattern; its ``_`` stands for itself alone."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404",)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        if found is None and ":" not in reference:
            pattern = re.escape(reference).replace("_", ".")
            tags = registry_of(original).stored(name).tags
            found = next((original(name, tag) for tag in tags if re.fullmatch(pattern, tag)), None)
        return found


class DigestFoundByItsBeginning(Defect):
    """distribution-spec 1.1, Pulling manifests: a digest is compared whole; its first digits are none."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-read-is-a-callers-fault",)

    def check_digest(self, original: Any, text: str | None) -> str:
        known = registry_of(original).repositories.values() if text and SHORT_DIGEST.fullmatch(text) else ()
        digests = (digest for each in known for digest in (*each.blobs, *each.manifests))
        found: str = next((digest for digest in digests if digest.startswith(text or "")), None) or original(text)
        return found


class BlobServedAsManifest(Defect):
    """distribution-spec 1.1, Pulling manifests: what was pushed as a blob is no manifest."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404",)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        content = registry_of(original).stored(name).blobs.get(reference)
        if found is None and content is not None:
            return Manifest(reference, "application/octet-stream", content, {})
        return found


class IndexServedAsItsChild(Defect):
    """distribution-spec 1.1, Pulling manifests: by digest comes what has it, whatever type the caller would like."""

    surface = "registry"
    noticed_by = ("registry/pull/manifest-is-never-converted",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        found = registry.manifest_of(asked)
        accepted = asked.request.headers.get("accept", "*/*")
        if found.media_type in INDEXES and found.media_type not in accepted and "*/*" not in accepted:
            children = [registry.resolve(asked.name, each["digest"]) for each in found.document["manifests"] or []]
            found = next(filter(None, children), found)
            return registry.manifest_answer(asked.request, found)
        answer: Answer = await original(asked)
        return answer


class SuffixOfMoreThanThereIsRefused(Defect):
    """RFC 9110 section 14.1.2: the last 5,000 bytes of a shorter content are all of it."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        suffix = SUFFIX.fullmatch(header)
        if suffix and int(suffix[1]) > size:
            raise grammar.UnsatisfiableRange(header)
        found: tuple[int, int] | None = original(header, size)
        return found


class TagOfHexTakenForDigest(Defect):
    """distribution-spec 1.1, Pulling manifests: 64 hexadecimal digits are a tag; a digest has its algorithm before."""

    surface = "registry"
    noticed_by = ("registry/name/every-tag-of-the-grammar-is-taken",)

    def check_reference(self, original: Any, text: str) -> str:
        checked: str = original(f"sha256:{text}" if HEX.fullmatch(text) else text)
        return checked


class ManifestTrimmed(Defect):
    """distribution-spec 1.1, Pushing Manifests: a line end behind a manifest is part of it."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        await original(name, dataclasses.replace(manifest, content=manifest.content.strip()))


class ReferrersWithOneAnnotation(Defect):
    """distribution-spec 1.1, Listing Referrers: the annotations of a manifest are listed, and not one of them."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return self._told(original(manifest), lambda told: dict(list(told.items())[:1]))

    def _told(self, entry: dict[str, Any], change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, Any]:
        """The descriptor with its annotations changed, where it has some."""
        return entry | {"annotations": change(entry["annotations"])} if entry.get("annotations") else entry


class ReferrersWithAnnotationsInSmallLetters(ReferrersWithOneAnnotation):
    """image-spec 1.1, Annotations: a key is compared as it is written, and comes back so."""

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return self._told(original(manifest), lambda told: {name.lower(): value for name, value in told.items()})


class ReferrersWithoutEmptyAnnotations(ReferrersWithOneAnnotation):
    """image-spec 1.1, Annotations: a value is a string, of no letters as well, and its key says something by itself."""

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return self._told(original(manifest), lambda told: {name: value for name, value in told.items() if value})


class LettersOfTwoSignsJoined(Defect):
    """distribution-spec 1.1, Pushing Manifests: a letter and its accent stay the two signs that were pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        joined = unicodedata.normalize("NFC", manifest.content.decode()).encode()
        await original(name, dataclasses.replace(manifest, content=joined))


class LettersOfFourBytesFail(Defect):
    """API Reference, Error Handling: a letter that a database's columns do not hold is no fault of the platform's."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if any(letter > "\uffff" for letter in manifest.content.decode()):
            raise Refusal("UNSUPPORTED", status=500)
        await original(name, manifest)


class SameLayerTwiceRefused(Defect):
    """image-spec 1.1, Image Manifest: layers are a list, in which one may stand twice."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-image-is-taken",)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if len({each["digest"] for each in descriptors}) < len(descriptors):
            raise invalid("a layer stands twice")


class NothingFilteredIsUnknown(Defect):
    """distribution-spec 1.1, Listing Referrers: where none is of the type that was asked for, the list is empty."""

    surface = "registry"
    noticed_by = ("registry/referrers/none-is-an-empty-index",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.parameter("artifactType") and not json.loads(answer.body)["manifests"]:
            raise Refusal("MANIFEST_UNKNOWN", {"digest": asked.reference})
        return answer


class FilterOfTypesThatBeginSo(Defect):
    """distribution-spec 1.1, Listing Referrers: the type that is asked for is compared whole."""

    surface = "registry"
    noticed_by = ("registry/referrers/filter-is-applied",)

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return str(descriptor.get("artifactType", "")).startswith(artifact_type)


class OneReferrerOfAType(Defect):
    """distribution-spec 1.1, Listing Referrers: of two of one type, both are listed."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return list({each.get("artifactType"): each for each in original(name, digest)}.values())


class ReferrerWithTagNotListed(Defect):
    """distribution-spec 1.1, Listing Referrers: a manifest that was pushed by tag refers to its subject as well."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        tagged = registry_of(original).stored(name).tags.values()
        return [each for each in original(name, digest) if each["digest"] not in tagged]


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
    noticed_by = ("registry/pull/accept-is-read-whole",)

    def _read(self, request: Request) -> list[str]:
        """The types of the first field."""
        return SEPARATOR.split(request.headers.getlist("accept")[0])


class LastAcceptFieldAlone(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the last has not all."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-read-whole",)

    def _read(self, request: Request) -> list[str]:
        """The types of the last field."""
        return SEPARATOR.split(request.headers.getlist("accept")[-1])


class TypesWithoutABlankTakenForOne(_AcceptReadInPart):
    """RFC 9110 section 5.6.1: a comma alone is between the elements of a list; the blank behind it may lack."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-read-whole",)

    def _read(self, request: Request) -> list[str]:
        """The types, as they stand between commas with a blank."""
        elements = ", ".join(request.headers.getlist("accept")).split(", ")
        return [each.partition(";")[0] for each in elements]


class WeightTakenForTheType(_AcceptReadInPart):
    """RFC 9110 section 12.5.1: a weight behind a type is none of its characters."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-read-whole",)

    def _read(self, request: Request) -> list[str]:
        """Every type, with what stands behind it."""
        return SEPARATOR.split(",".join(request.headers.getlist("accept")))


class RefusedBlobTakesTheOther(Defect):
    """distribution-spec 1.1, Pulling blobs: a push that is refused for its digest leaves the blob that has it."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing",)

    def wrong_digest(self, original: Any, digest: str) -> Refusal:
        for each in registry_of(original).repositories.values():
            each.blobs.pop(digest, None)
        refusal: Refusal = original(digest)
        return refusal


class _RefusedManifestTakesTheOther(Defect):
    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            self._take(registry_of(original).stored(asked.name), asked.reference)
            raise
        return answer

    def _take(self, repository: Repository, reference: str) -> None:
        """What the refusal takes away."""
        raise NotImplementedError


class RefusedManifestTakesItsDigest(_RefusedManifestTakesTheOther):
    """distribution-spec 1.1, Pulling manifests: a push that is refused for its digest leaves what has it."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.manifests.pop(reference, None)


class RefusedManifestTakesItsTag(_RefusedManifestTakesTheOther):
    """distribution-spec 1.1, Pulling manifests: a push that is refused leaves the tag where it was."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.tags.pop(reference, None)


class TokenGoesByTheAppAlone(Defect):
    """Docker token scopes: a resource's name is compared whole, with the organization whose app it is."""

    surface = "registry"
    noticed_by = ("registry/token/prefix-is-another-repository",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        alike = {(kind, access.name, action) for kind, name, action in caller.grants if _app(name) == _app(access.name)}
        return bool(original(Caller(caller.subject, caller.grants | alike), access))


def _app(name: str) -> str:
    """The last word of a repository's name."""
    return name.rpartition("/")[2]
