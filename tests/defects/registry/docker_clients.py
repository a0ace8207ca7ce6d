"""Defects that break the promise "`docker push` and compatible clients work"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.support.registry import registry_of


class MountedBlobsUnknownToManifests(Defect):
    """Docker Registry V2, Cross Repository Blob Mount: a manifest that names a mounted blob is refused."""

    noticed_by = ("registry/mount/serves-an-image",)
    mounted: set[tuple[str, str]] = set()

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        done = bool(await original(source, target, digest))
        if done and source != target:
            self.mounted.add((target, digest))
        return done

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        named = [each["digest"] for each in descriptors]
        registry_of(original).check_missing([digest for digest in named if (name, digest) in self.mounted])
        original(name, descriptors)
