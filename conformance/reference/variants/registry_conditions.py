"""The registry, correct otherwise, under the conditions of real deployments."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.routing import Asked
from conformance.reference.variants.later import Later
from conformance.reference.variants.registry_servers import ManifestsRedirected


class DeletionsDoneLater(Variant):
    """RFC 9110 section 15.3.3: 202 says that a deletion "has been accepted", and not that it is done already.

    Registries in use hand it to a worker, which does one after the other. It is soon done, and until then all is there.
    """

    surface = "registry"

    def __init__(self) -> None:
        self.later = Later(0.6)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.later.do(lambda: original(name, digest))

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.later.do(lambda: original(name, tag))

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.later.do(lambda: original(name, digest))


class PullsOfManifestsAloneLedElsewhere(ManifestsRedirected):
    """RFC 9110 section 8.8.3: where GET leads is another resource, with another entity tag than HEAD tells here."""

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        answer = await super().get_manifest(original, asked)
        if "etag" in answer.headers:
            answer.headers["ETag"] = f'"there-{answer.headers["docker-content-digest"]}"'
        return answer

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        manifest = registry.manifest_of(asked)
        if registry.not_modified(asked.request, manifest.digest):
            return registry.unchanged(manifest.digest)
        return registry.manifest_answer(asked.request, manifest)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return bool(original(request, f"there-{digest}" if request.parameter("here") else digest))


class DeletionsOfListedImagesDisallowed(DeletionsDoneLater):
    """RFC 9110 section 15.3.3: what was accepted "might be disallowed when processing actually takes place".

    Here that is the deletion of an image that an index lists, which is there until the index goes.
    """

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        async def processed() -> None:
            manifests = registry_of(original).stored(name).manifests
            if not any(digest.encode() in each.content for each in manifests.values()):
                await original(name, digest)

        self.later.do(processed)
