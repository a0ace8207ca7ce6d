"""Defects that show with what is unusual and allowed: manifests of every form, repositories that never were."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import OCI_INDEX, OCI_TYPES

Descriptor = dict[str, Any]


def failed() -> Refusal:
    """What a registry answers that has failed over a request."""
    return Refusal("UNSUPPORTED", status=500)


class ReferrersOfIndexesNotListed(Defect):
    """distribution-spec 1.1, Listing Referrers: a subject may be an index, such as an image of several platforms."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[Descriptor]:
        subject = registry_of(original).stored(name).manifests.get(digest)
        return [] if subject and subject.media_type == OCI_INDEX else list(original(name, digest))


class ReferrersInAnAbsentRepositoryFail(Defect):
    """API Reference, Error Handling: who asks for referrers where nothing is meets no failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        if asked.name not in registry_of(original).repositories:
            raise failed()
        answer: Answer = await original(asked)
        return answer


class DeletionInAnAbsentRepositoryFails(Defect):
    """API Reference, Error Handling: who deletes where nothing is does not meet a failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/delete/absent-is-404#manifest-nowhere",)

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.name not in registry_of(original).repositories:
            raise failed()
        answer: Answer = await original(asked)
        return answer


class DockerImagesNotDeleted(Defect):
    """distribution-spec 1.1, Deleting Manifests: 202 is for what was deleted, an image of Docker's type as well."""

    surface = "registry"
    noticed_by = ("registry/delete/image-stays-elsewhere#digest",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        manifest = registry_of(original).stored(name).manifests.get(digest)
        if manifest is None or manifest.media_type in OCI_TYPES:
            await original(name, digest)


class IndexDigestUnverified(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest of an index is verified as that of an image is."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-manifest-is-refused",)

    def manifest_digest_matches(self, original: Any, digest: str, content: bytes) -> bool:
        return b'"manifests"' in content or bool(original(digest, content))


class PartOfNoBytesFails(Defect):
    """API Reference, Error Handling: who asks for a part of a blob of no bytes meets no failure of the platform's."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200#of-no-bytes",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        if not size:
            raise failed()
        part: tuple[int, int] | None = original(header, size)
        return part


class CatalogTypedAsText(Defect):
    """Docker Registry V2, Listing Repositories: the catalog is application/json, and says so."""

    surface = "registry"
    noticed_by = ("registry/catalog/is-json",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = "text/plain"
        return answer


class CatalogOfNoneFails(Defect):
    """API Reference, Error Handling: to ask for no repositories is odd, and no reason for a 5xx."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error#nought",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("n") == "0":
            raise failed()
        answer: Answer = await original(asked)
        return answer


class CatalogBehindNoNameFails(Defect):
    """API Reference, Error Handling: ``last`` need not be a repository; it is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("last") not in {None, *registry_of(original).repositories}:
            raise failed()
        answer: Answer = await original(asked)
        return answer
