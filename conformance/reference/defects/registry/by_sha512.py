"""Defects with digests of another algorithm than sha256, which a registry need not take, and then takes in earnest."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.registry import grammar


class Sha512BlobsFail(Defect):
    """API Reference, Error Handling: a digest of another algorithm is taken or refused, and is no failure."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified",)

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, digest, content)
        if digest.startswith("sha512:"):
            raise failed()


class Sha512BlobsKeptUnderAnother(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob is there by the digest that it was pushed with."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified",)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        await original(name, grammar.digest_of(content), content)


class Sha512MountsFail(Defect):
    """API Reference, Error Handling: a mount by a digest of another algorithm is no failure."""

    surface = "registry"
    noticed_by = ("registry/mount/by-sha512-is-there",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if digest.startswith("sha512:"):
            raise failed()
        return bool(await original(source, target, digest))


class Sha512ManifestNotDeleted(Defect):
    """distribution-spec 1.1, Deleting Manifests: what was deleted by its sha512 digest, and answered 202, is gone."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-comes-back",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        if not digest.startswith("sha512:"):
            await original(name, digest)
