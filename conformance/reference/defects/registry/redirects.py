"""Defects of blobs that the registry leads to a storage for."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry
from conformance.reference.registry.routing import Asked


class PullsLeadNowhere(Defect):
    """Docker Registry V2, Pulling a Layer: a redirect leads to where clients are, not to the storage's own network."""

    surface = "registry"
    noticed_by = ("registry/pull/redirect-can-be-reached",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        registry_of(original).blob_of(asked.name, asked.reference)
        answer = Answer(307)
        answer.headers["Location"] = f"http://storage.invalid:9000/registry/{asked.reference}"
        return answer


class StorageLooksAtNoSignature(Defect):
    """Docker Registry V2, Pulling a Layer: a blob is gated by its repository also in the storage that one is led to."""

    surface = "registry"
    noticed_by = ("registry/rights/redirect-opens-no-other",)

    def __init__(self) -> None:
        self.registry: Registry | None = None

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        self.registry = registry_of(original)
        self.registry.blob_of(asked.name, self.registry.check_digest(asked.reference))
        answer = Answer(307)
        path = f"/storage/{asked.name}/-/{asked.reference}?signature=31f7a65e315586ac"
        answer.headers["Location"] = self.registry.url(asked.request, path)
        return answer

    def intercept(self, request: Request) -> Answer | None:
        name, _, digest = request.path.removeprefix("/storage/").partition("/-/")
        if self.registry is None or not request.path.startswith("/storage/") or name not in self.registry.repositories:
            return None
        return self.registry.blob_answer(200, digest, self.registry.stored(name).blobs[digest])
