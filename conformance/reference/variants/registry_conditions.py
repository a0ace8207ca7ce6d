"""The registry, correct otherwise, under the conditions of real deployments."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.defects.base import Variant


class DeletionsDoneLater(Variant):
    """RFC 9110 section 15.3.3: 202 says that a deletion "has been accepted", and not that it is done already.

    Registries in use hand it to a worker, which does one after the other. It is soon done, and until then all is there.
    """

    surface = "registry"
    later_s = 0.6

    def __init__(self) -> None:
        self.deletions: set[asyncio.Task[None]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self._accept(original, name, digest)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self._accept(original, name, tag)

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self._accept(original, name, digest)

    def _accept(self, original: Any, *what: str) -> None:
        deletion = asyncio.create_task(self._later(original, *what))
        self.deletions.add(deletion)
        deletion.add_done_callback(self.deletions.discard)

    async def _later(self, original: Any, *what: str) -> None:
        await asyncio.sleep(self.later_s)
        await original(*what)
