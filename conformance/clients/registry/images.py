"""Images made from nothing: blobs, manifests and indexes whose every byte follows from a seed.

A layer is a real one (a gzip of a tar with one file), so that what the registry checks push is what an engine
can run its own pull on.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
MOST_AT_RANDOM = 32 * 1024
PERIOD = 4093
"""A prime number, so that blocks of a server's that change places, or stand twice, are other bytes."""
PLATFORM = {"architecture": "amd64", "os": "linux"}


def random_bytes(seed: str, size: int) -> bytes:
    """Bytes that follow from the seed alone; many of them repeat themselves, so that the evidence can tell them."""
    made = random.Random(seed)
    if size <= MOST_AT_RANDOM:
        return made.randbytes(size)
    return (made.randbytes(PERIOD) * (size // PERIOD + 1))[:size]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of some content (image-spec, "Digests")."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@dataclass(frozen=True, repr=False)
class Blob:
    """Some content with its media type, and the name of the file that it is, where it is one."""

    content: bytes
    media_type: str = "application/octet-stream"
    title: str = field(default="", kw_only=True)

    @property
    def digest(self) -> str:
        """Its sha256 digest."""
        return digest_of(self.content)

    @property
    def descriptor(self) -> dict[str, Any]:
        """What a manifest says of it (image-spec, "Content Descriptors")."""
        annotations = {"annotations": {"org.opencontainers.image.title": self.title}} if self.title else {}
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content), **annotations}

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.digest[:19]}, {len(self.content)} bytes>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How a smallest example shows it: its bytes would hide all else."""
        printer.text(repr(self))


NewBlob = Callable[..., Blob]
"""Makes a blob that no one has pushed, of a size (256 bytes unless given)."""


@dataclass(frozen=True, repr=False)
class Manifest(Blob):
    """A manifest or an index as bytes, with the blobs and manifests that it refers to."""

    blobs: tuple[Blob, ...] = field(default=())
    children: tuple[Manifest, ...] = field(default=())

    @property
    def document(self) -> dict[str, Any]:
        """What the bytes say."""
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed


NewImage = Callable[[], Manifest]
"""Makes an image that no one has pushed, of blobs that are there."""


def layer(seed: str, docker: bool = False) -> tuple[Blob, str]:
    """A layer with one file, and the digest of its uncompressed form (``diff_id``)."""
    content = f"{seed}\n".encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("conformance.txt")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    packed = gzip.compress(archive.getvalue(), mtime=0)
    return Blob(packed, DOCKER_LAYER if docker else OCI_LAYER), digest_of(archive.getvalue())


def encoded(document: dict[str, Any]) -> bytes:
    """A document as the bytes that are pushed."""
    return json.dumps(document, separators=(",", ":")).encode()


def image(seed: str, layers: int = 1, docker: bool = False, architecture: str = "amd64", **members: Any) -> Manifest:
    """An image manifest (OCI, or Docker schema 2) with its config and layers; ``members`` are added to it."""
    made = [layer(f"{seed} layer {number}", docker) for number in range(layers)]
    platform = {**PLATFORM, "architecture": architecture}
    rootfs = {"type": "layers", "diff_ids": [diff_id for _, diff_id in made]}
    config = Blob(
        encoded({**platform, "config": {"Labels": {"seed": seed}}, "rootfs": rootfs, "history": []}),
        DOCKER_CONFIG if docker else OCI_CONFIG,
    )
    return manifest_of(config, [each for each, _ in made], DOCKER_MANIFEST if docker else OCI_MANIFEST, **members)


def manifest_of(config: Blob, layers: Iterable[Blob], media_type: str = OCI_MANIFEST, **members: Any) -> Manifest:
    """The image manifest of a config and layers."""
    layers = tuple(layers)
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor,
        "layers": [each.descriptor for each in layers],
        **members,
    }
    return Manifest(encoded(document), media_type, (config, *layers))


def index(children: Iterable[Manifest], docker: bool = False, **members: Any) -> Manifest:
    """An index (OCI, or Docker manifest list) of manifests."""
    children = tuple(children)
    media_type = DOCKER_LIST if docker else OCI_INDEX
    entries = [{**child.descriptor, "platform": platform_of(child)} for child in children]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **members}
    return Manifest(encoded(document), media_type, (), children)


def platform_of(manifest: Manifest) -> dict[str, str]:
    """The platform that an image's configuration names; of what is no image, the usual one."""
    try:
        config = json.loads(manifest.blobs[0].content) if manifest.blobs else {}
    except ValueError:
        config = {}
    return {name: config.get(name, usual) for name, usual in PLATFORM.items()}


def variation(manifest: Manifest, text: str) -> Manifest:
    """Another manifest of the same blobs or manifests, so that nothing but itself is left to push."""
    content = encoded({**manifest.document, "annotations": {"org.example.variation": text}})
    return Manifest(content, manifest.media_type, manifest.blobs, manifest.children)


def artifact(seed: str, artifact_type: str, **members: Any) -> Manifest:
    """An artifact: an image manifest with an empty config, an artifactType and one layer, a file (image-spec 1.1)."""
    content = Blob(random_bytes(seed, 64), "application/vnd.example.content", title="content.bin")
    return manifest_of(Blob(b"{}", OCI_EMPTY), [content], artifactType=artifact_type, **members)
