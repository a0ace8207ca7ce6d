"""Images as files: what programs load from, and what they leave when they pull. Read back, every byte is looked at."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance.clients.registry.images import Blob, Manifest, digest_of, encoded

REFERENCE_NAME = "org.opencontainers.image.ref.name"
LARGEST_LAYER = 64 * 1024 * 1024


@dataclass(frozen=True)
class Held:
    """What somebody has of an image: what is not told is empty.

    ``digests`` are of its manifest, or of the index through which it was had; ``config`` is the digest of its
    configuration; ``layers`` are the digests of its layers' uncompressed bytes.
    """

    digests: frozenset[str] = frozenset()
    config: str = ""
    layers: tuple[str, ...] = ()

    def unlike(self, other: Held) -> str:
        """In which respect, of those that both tell, the other is not the same; "" where it is in none."""
        if self.digests and other.digests and not self.digests & other.digests:
            return f"digest {' and '.join(sorted(other.digests))}, not {' or '.join(sorted(self.digests))}"
        if self.config and other.config and self.config != other.config:
            return f"a configuration with digest {other.config}, not {self.config}"
        if self.layers and other.layers and self.layers != other.layers:
            return f"layers {', '.join(other.layers)}, not {', '.join(self.layers)}"
        return ""


def held(image: Manifest, index: Manifest | None = None) -> Held:
    """An image that was made here; ``index`` is the one through which it is had."""
    config = image.blobs[0]
    digests = {image.digest, *([index.digest] if index else [])}
    return Held(frozenset(digests), config.digest, tuple(json.loads(config.content)["rootfs"]["diff_ids"]))


def image_of(manifest: bytes) -> Held:
    """What the bytes of an image manifest tell."""
    document = json.loads(manifest)
    return Held(frozenset({digest_of(manifest)}), document["config"]["digest"])


def write_layout(folder: Path, image: Manifest, tag: str) -> None:
    """An image or index as an OCI image layout (image-spec, "OCI Image Layout")."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    _write(blobs, image)
    (folder / "oci-layout").write_bytes(encoded({"imageLayoutVersion": "1.0.0"}))
    entry = {**image.descriptor, "annotations": {REFERENCE_NAME: tag}}
    (folder / "index.json").write_bytes(encoded({"schemaVersion": 2, "manifests": [entry]}))


def _write(blobs: Path, blob: Blob) -> None:
    (blobs / blob.digest.partition(":")[2]).write_bytes(blob.content)
    if isinstance(blob, Manifest):
        for each in (*blob.blobs, *blob.children):
            _write(blobs, each)


def read_layout(folder: Path) -> Held:
    """The image of a layout that holds one, as its bytes are; ValueError where one is not as its digest says."""
    blobs = folder / "blobs" / "sha256"
    return _read(_blob(blobs, json.loads((folder / "index.json").read_bytes())["manifests"][0]["digest"]), blobs)


def read_folder(folder: Path) -> Held:
    """An image as skopeo writes it (``dir:``), as its bytes are; ValueError where one is not as its digest says."""
    return _read((folder / "manifest.json").read_bytes(), folder)


def _read(manifest: bytes, blobs: Path) -> Held:
    image = image_of(manifest)
    _blob(blobs, image.config)
    layers = (_unpacked(_blob(blobs, each["digest"])) for each in json.loads(manifest)["layers"])
    return replace(image, layers=tuple(map(digest_of, layers)))


def _blob(folder: Path, digest: str) -> bytes:
    content = (folder / digest.partition(":")[2]).read_bytes()
    if digest_of(content) != digest:
        raise ValueError(f"what was pulled as {digest} has the digest {digest_of(content)}")
    return content


def _unpacked(layer: bytes) -> bytes:
    """A layer uncompressed, as far as any of ours is long; a layer that is not compressed as it is."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(layer, LARGEST_LAYER)
    except zlib.error:
        return layer


def docker_archive(manifest: Manifest, name: str) -> bytes:
    """An image as ``docker save`` writes it, under a name with a tag, for ``docker load``.

    The layers of the archive are as ``docker save`` has them: uncompressed.
    """
    config, *layers = manifest.blobs
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    listed: list[dict[str, Any]] = [{"Config": "config.json", "RepoTags": [name], "Layers": paths}]
    files = {"manifest.json": json.dumps(listed).encode(), "config.json": config.content}
    files.update({path: gzip.decompress(each.content) for path, each in zip(paths, layers, strict=True)})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
