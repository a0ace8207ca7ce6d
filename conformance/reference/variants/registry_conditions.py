"""The registry, correct otherwise, under the conditions of real deployments."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.variants.later import Later


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
