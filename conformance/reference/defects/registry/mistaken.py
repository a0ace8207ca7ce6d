"""Defects that give one thing for another: a tag for one that begins so, a blob for a manifest, a part of a list."""

from __future__ import annotations

import json
import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Repository

SEPARATOR = re.compile(r"\s*,\s*")


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
    noticed_by = ("registry/pull/accept-is-read-whole#last-of-several", "registry/pull/accept-is-read-whole#weighted")

    def _read(self, request: Request) -> list[str]:
        """The types of the first field."""
        return SEPARATOR.split(request.headers.getlist("accept")[0])


class LastAcceptFieldAlone(_AcceptReadInPart):
    """RFC 9110 section 5.2: Accept fields are one list, of which the last has not all."""

    surface = "registry"
    noticed_by = ("registry/pull/accept-is-read-whole#first-of-several",)

    def _read(self, request: Request) -> list[str]:
        """The types of the last field."""
        return SEPARATOR.split(request.headers.getlist("accept")[-1])


class RefusedBlobTakesTheOther(Defect):
    """distribution-spec 1.1, Pulling blobs: a push that is refused for its digest leaves the blob that has it."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#blob",)

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
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#manifest",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.manifests.pop(reference, None)


class RefusedManifestTakesItsTag(_RefusedManifestTakesTheOther):
    """distribution-spec 1.1, Pulling manifests: a push that is refused leaves the tag where it was."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#tag",)

    def _take(self, repository: Repository, reference: str) -> None:
        repository.tags.pop(reference, None)


class TokenGoesByTheAppAlone(Defect):
    """Docker token scopes: a resource's name is compared whole, with the organization whose app it is."""

    surface = "registry"
    noticed_by = ("registry/token/prefix-is-another-repository#same-app",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        alike = {(kind, access.name, action) for kind, name, action in caller.grants if _app(name) == _app(access.name)}
        return bool(original(Caller(caller.subject, caller.grants | alike), access))


def _app(name: str) -> str:
    """The last word of a repository's name."""
    return name.rpartition("/")[2]
