"""The registry, correct otherwise, under the conditions of real deployments."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


class DeletionsDoneLater(Variant):
    """RFC 9110 section 15.3.3: 202 says that a deletion "has been accepted", and not that it is done already.

    Registries in use hand it to a worker, which does one after the other. It is soon done, and until then all is there.
    """

    surface = "registry"
    later_s = 0.6

    def __init__(self) -> None:
        self.deletions: set[asyncio.Task[None]] = set()

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        registry_of(original).manifest_of(asked)
        return self._accepted(original, asked)

    async def delete_blob(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        registry.blob_of(asked.name, registry.check_digest(asked.reference))
        return self._accepted(original, asked)

    def _accepted(self, original: Any, asked: Asked) -> Answer:
        deletion = asyncio.create_task(self._later(original, asked))
        self.deletions.add(deletion)
        deletion.add_done_callback(self.deletions.discard)
        return registry_of(original).deleted()

    async def _later(self, original: Any, asked: Asked) -> None:
        await asyncio.sleep(self.later_s)
        with contextlib.suppress(Refusal):
            await original(asked)
