"""Manifests of every kind that engines and other programs push, made of the blobs of one image."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.clients.registry.images import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Blob,
    Manifest,
    encoded,
    index,
    manifest_of,
    variation,
)

SBOM = "application/vnd.example.sbom"
OTHER = "application/vnd.example.chart.config.v1"
EMPTY = Blob(b"{}", OCI_EMPTY)
MANY_LAYERS = 127  # The most that an engine accepts.
NOTHING = Blob(b"", "application/x")
UNKNOWN_PLATFORM = {"architecture": "unknown", "os": "unknown"}
"""The platform that builders state for other content than images, such as an attestation."""
FULL_PLATFORM = {"architecture": "arm64", "os": "windows", "os.features": ["win32k"], "variant": "v8"}
"""A platform with every member except os.version (image-spec 1.1, Image Index)."""
PLATFORMS = 30
MAKERS: dict[str, Callable[[Manifest, str], Manifest]] = {
    OCI_MANIFEST: lambda base, seed: variation(manifest_of(base.blobs[0], base.blobs[1:] * MANY_LAYERS), seed),
    DOCKER_MANIFEST: lambda base, seed: indented(docker_image(base)),
    OCI_INDEX: lambda base, seed: of_any_platform(index(twins(base), **index_fields(seed))),
    DOCKER_LIST: lambda base, seed: index([docker_image(base)], docker=True),
    "nested": lambda base, seed: index([index(twins(base)[:1]), twins(base)[0]]),
    "mixed": lambda base, seed: index([docker_image(base), twins(base)[0]]),
    "artifact": lambda base, seed: variation(
        manifest_of(EMPTY, [Blob(base.blobs[1].content, "application/x"), NOTHING, EMPTY], artifactType=SBOM), seed
    ),
    "no-layers": lambda base, seed: variation(manifest_of(base.blobs[0], []), seed),
    "data": lambda base, seed: variation(with_data(base), seed),
    "untyped": lambda base, seed: untyped(index([untyped(variation(base, seed))])),
    # A config that is no JSON, which only a custom type may be.
    "other-config": lambda base, seed: variation(manifest_of(Blob(base.blobs[1].content, OTHER), base.blobs[1:]), seed),
}


def twins(base: Manifest) -> tuple[Manifest, Manifest]:
    """Return two images of the same blobs."""
    return variation(base, "listed"), variation(base, "too")


def docker_image(base: Manifest) -> Manifest:
    """Return a new Docker image of the same blobs."""
    return variation(of_docker(base.blobs[0], base.blobs[1:]), "listed")


def of_docker(config: Blob, layers: Sequence[Blob]) -> Manifest:
    """Return an image of Docker's type with these blobs."""
    own = [Blob(each.content, DOCKER_LAYER) for each in layers]
    return manifest_of(Blob(config.content, DOCKER_CONFIG), own, DOCKER_MANIFEST)


def indented(manifest: Manifest) -> Manifest:
    """Return the manifest in the format of Docker's engine: indented by three blanks."""
    return replace(manifest, content=json.dumps(manifest.document, indent=3).encode())


def index_fields(seed: str) -> dict[str, Any]:
    """Return optional members of an index (image-spec 1.1)."""
    return {"artifactType": SBOM, "annotations": {"org.example.seed": seed}}


def of_any_platform(manifest: Manifest) -> Manifest:
    """Return the index of two manifests, one without a platform, one with an unknown platform and an artifactType.

    The first is listed again for thirty platforms.
    """
    document = manifest.document
    entries = document["manifests"]
    more = [{**entries[0], "platform": {**FULL_PLATFORM, "os.version": f"10.0.{each}"}} for each in range(PLATFORMS)]
    del entries[0]["platform"]
    entries[1] |= {"platform": UNKNOWN_PLATFORM, "artifactType": OCI_CONFIG}
    entries += more
    return Manifest(encoded(document), manifest.media_type, (), manifest.children)


def untyped(manifest: Manifest) -> Manifest:
    """Return the manifest without its ``mediaType``, as many programs write it."""
    document = {name: value for name, value in manifest.document.items() if name != "mediaType"}
    return Manifest(json.dumps(document).encode(), manifest.media_type, manifest.blobs, manifest.children)


def with_data(base: Manifest) -> Manifest:
    """Return the manifest with the config's content in the config's descriptor."""
    config = {**base.blobs[0].descriptor, "data": base64.b64encode(base.blobs[0].content).decode()}
    return Manifest(encoded({**base.document, "config": config}), base.media_type, base.blobs)
