"""Defects of blobs that the registry leads to a storage for."""

from __future__ import annotations

import hashlib
import secrets
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


class _Led(Defect):
    """Pulls are led to a storage that all repositories have, with a signature in the address."""

    def __init__(self) -> None:
        self.registry: Registry | None = None
        self.salt = secrets.token_hex(8)

    def _signature(self, name: str, digest: str) -> str:
        return hashlib.sha256(f"{self.salt} {name} {digest}".encode()).hexdigest()

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        self.registry = registry_of(original)
        self.registry.blob_of(asked.name, self.registry.check_digest(asked.reference))
        answer = Answer(307)
        path = f"/signed/{asked.name}/-/{asked.reference}?signature={self._signature(asked.name, asked.reference)}"
        answer.headers["Location"] = self.registry.url(asked.request, path)
        return answer

    def intercept(self, request: Request) -> Answer | None:
        name, _, digest = request.path.removeprefix("/signed/").partition("/-/")
        if self.registry is None or not request.path.startswith("/signed/"):
            return None
        kept = {key: content for each in self.registry.repositories.values() for key, content in each.blobs.items()}
        if request.parameter("signature") != self._signature(name, digest) or digest not in kept:
            return Answer(403)
        return self.registry.blob_answer(200, digest, kept[digest])


class StorageLooksAtNoSignature(_Led):
    """Docker Registry V2, Pulling a Layer: a blob is gated by its repository also in the storage that one is led to."""

    surface = "registry"
    noticed_by = ("registry/rights/redirect-opens-no-other",)

    def _signature(self, name: str, digest: str) -> str:
        return "31f7a65e315586ac"


class PullsLedThereByCaches(_Led):
    """RFC 9111 section 3.5: ``public`` lets a shared cache give to everybody the address that a login was led to."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches#redirect",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer = await super().get_blob(original, asked)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer
