"""Generated images: blobs, manifests and indexes, all derived from a seed.

A layer is a valid one (gzip of a tar with one file), so that engines can pull the images.
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
"""A prime number, so that exchanged or repeated blocks of a server change the content."""
PLATFORM = {"architecture": "amd64", "os": "linux"}


def random_bytes(seed: str, size: int) -> bytes:
    """Return bytes derived from a seed; long ones repeat, so that the evidence can describe them."""
    generator = random.Random(seed)
    if size <= MOST_AT_RANDOM:
        return generator.randbytes(size)
    return (generator.randbytes(PERIOD) * (size // PERIOD + 1))[:size]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of a content (image-spec, "Digests")."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@dataclass(frozen=True, repr=False)
class Blob:
    """A content with its media type and, if it is a file, its name."""

    content: bytes
    media_type: str = "application/octet-stream"
    title: str = field(default="", kw_only=True)

    @property
    def digest(self) -> str:
        """Its sha256 digest."""
        return digest_of(self.content)

    @property
    def descriptor(self) -> dict[str, Any]:
        """Its descriptor in a manifest (image-spec, "Content Descriptors")."""
        annotations = {"annotations": {"org.opencontainers.image.title": self.title}} if self.title else {}
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content), **annotations}

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.digest[:19]}, {len(self.content)} bytes>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print without the bytes in hypothesis examples."""
        printer.text(repr(self))


NewBlob = Callable[..., Blob]
"""Makes a new blob of a size (by default 256 bytes)."""


@dataclass(frozen=True, repr=False)
class Manifest(Blob):
    """A manifest or an index as bytes, with the blobs and manifests that it refers to."""

    blobs: tuple[Blob, ...] = field(default=())
    children: tuple[Manifest, ...] = field(default=())

    @property
    def document(self) -> dict[str, Any]:
        """The parsed content."""
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed


NewImage = Callable[[], Manifest]
"""Makes a new image of stored blobs."""


def layer(seed: str, docker: bool = False) -> tuple[Blob, str]:
    """Return a layer with one file, and the digest of its uncompressed form (``diff_id``)."""
    content = f"{seed}\n".encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("conformance.txt")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    packed = gzip.compress(archive.getvalue(), mtime=0)
    return Blob(packed, DOCKER_LAYER if docker else OCI_LAYER), digest_of(archive.getvalue())


def encoded(document: dict[str, Any]) -> bytes:
    """Encode a document as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def image(seed: str, layers: int = 1, docker: bool = False, architecture: str = "amd64", **members: Any) -> Manifest:
    """Return an image manifest (OCI, or Docker schema 2) with its config and layers; ``members`` are added."""
    generated = [layer(f"{seed} layer {number}", docker) for number in range(layers)]
    platform = {**PLATFORM, "architecture": architecture}
    rootfs = {"type": "layers", "diff_ids": [diff_id for _, diff_id in generated]}
    config = Blob(
        encoded({**platform, "config": {"Labels": {"seed": seed}}, "rootfs": rootfs, "history": []}),
        DOCKER_CONFIG if docker else OCI_CONFIG,
    )
    return manifest_of(config, [each for each, _ in generated], DOCKER_MANIFEST if docker else OCI_MANIFEST, **members)


def manifest_of(config: Blob, layers: Iterable[Blob], media_type: str = OCI_MANIFEST, **members: Any) -> Manifest:
    """Return the image manifest of a config and layers."""
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
    """Return an index (OCI, or Docker manifest list) of manifests."""
    children = tuple(children)
    media_type = DOCKER_LIST if docker else OCI_INDEX
    entries = [{**child.descriptor, "platform": platform_of(child)} for child in children]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **members}
    return Manifest(encoded(document), media_type, (), children)


def platform_of(manifest: Manifest) -> dict[str, str]:
    """Return the platform in an image's configuration; the default for other content."""
    try:
        config = json.loads(manifest.blobs[0].content) if manifest.blobs else {}
    except ValueError:
        config = {}
    return {name: config.get(name, default) for name, default in PLATFORM.items()}


def variation(manifest: Manifest, text: str) -> Manifest:
    """Return another manifest of the same content, so that only the manifest must be pushed."""
    content = encoded({**manifest.document, "annotations": {"org.example.variation": text}})
    return Manifest(content, manifest.media_type, manifest.blobs, manifest.children)


def artifact(seed: str, artifact_type: str, **members: Any) -> Manifest:
    """Return an artifact: an image manifest with an empty config, an artifactType and one file (image-spec 1.1)."""
    content = Blob(random_bytes(seed, 64), "application/vnd.example.content", title="content.bin")
    return manifest_of(Blob(b"{}", OCI_EMPTY), [content], artifactType=artifact_type, **members)
