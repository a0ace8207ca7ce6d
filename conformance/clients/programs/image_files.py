"""Images as files, for programs to load, and to verify every byte that they pulled."""

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
class ImageDigests:
    """The digests of an image; unknown ones are empty.

    ``digests`` are of its manifest, or of the index by which it was pulled; ``config`` is the digest of its
    configuration; ``layers`` are the digests of its uncompressed layers.
    """

    digests: frozenset[str] = frozenset()
    config: str = ""
    layers: tuple[str, ...] = ()

    def difference(self, other: ImageDigests) -> str:
        """Describe how known digests of the other image differ; "" if they do not."""
        if self.digests and other.digests and not self.digests & other.digests:
            return f"digest {' and '.join(sorted(other.digests))}, not {' or '.join(sorted(self.digests))}"
        if self.config and other.config and self.config != other.config:
            return f"a configuration with digest {other.config}, not {self.config}"
        if self.layers and other.layers and self.layers != other.layers:
            return f"layers {', '.join(other.layers)}, not {', '.join(self.layers)}"
        return ""


def digests_in(image: Manifest, index: Manifest | None = None) -> ImageDigests:
    """Return the digests of a generated image; ``index`` is the one by which it is pulled."""
    config = image.blobs[0]
    digests = {image.digest, *([index.digest] if index else [])}
    return ImageDigests(frozenset(digests), config.digest, tuple(json.loads(config.content)["rootfs"]["diff_ids"]))


def image_of(manifest: bytes) -> ImageDigests:
    """Return the digests in an image manifest."""
    document = json.loads(manifest)
    return ImageDigests(frozenset({digest_of(manifest)}), document["config"]["digest"])


def write_layout(folder: Path, image: Manifest, tag: str) -> None:
    """Write an image or index as an OCI image layout (image-spec, "OCI Image Layout")."""
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


def read_layout(folder: Path) -> ImageDigests:
    """Return the digests of the image in a layout; ValueError if content does not match its digest."""
    blobs = folder / "blobs" / "sha256"
    return _read(_blob(blobs, json.loads((folder / "index.json").read_bytes())["manifests"][0]["digest"]), blobs)


def read_folder(folder: Path) -> ImageDigests:
    """Return the digests of an image in skopeo's ``dir:`` format; ValueError if content does not match its digest."""
    return _read((folder / "manifest.json").read_bytes(), folder)


def _read(manifest: bytes, blobs: Path) -> ImageDigests:
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
    """Return a layer uncompressed, up to 64 MiB; an uncompressed one unchanged."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(layer, LARGEST_LAYER)
    except zlib.error:
        return layer


def docker_archive(manifest: Manifest, name: str) -> bytes:
    """Return an image with uncompressed layers in the format of ``docker save``, under a name with a tag."""
    config, *layers = manifest.blobs
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    images: list[dict[str, Any]] = [{"Config": "config.json", "RepoTags": [name], "Layers": paths}]
    files = {"manifest.json": json.dumps(images).encode(), "config.json": config.content}
    files.update({path: gzip.decompress(each.content) for path, each in zip(paths, layers, strict=True)})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
