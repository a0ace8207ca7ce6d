"""A manifest of every kind that engines and other programs push, made of the blobs of one image."""

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
MANY_LAYERS = 127  # An engine takes no more.
NOTHING = Blob(b"", "application/x")
NO_MACHINE = {"architecture": "unknown", "os": "unknown"}
"""The platform that builders give to what is no image, such as an attestation."""
OF_ANOTHER = {
    "architecture": "arm64",
    "os": "windows",
    "os.features": ["win32k"],
    "variant": "v8",
}
"""A platform of which all is told that can be, its os.version aside (image-spec 1.1, Image Index)."""
PLATFORMS = 30
# What indexes list may be there already.
MAKERS: dict[str, Callable[[Manifest, str], Manifest]] = {
    OCI_MANIFEST: lambda base, seed: variation(manifest_of(base.blobs[0], base.blobs[1:] * MANY_LAYERS), seed),
    DOCKER_MANIFEST: lambda base, seed: spaced(docker_image(base)),
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
    # A config that is no JSON, as only a config of a type of one's own may be.
    "other-config": lambda base, seed: variation(manifest_of(Blob(base.blobs[1].content, OTHER), base.blobs[1:]), seed),
}


def twins(base: Manifest) -> tuple[Manifest, Manifest]:
    """Two images of the same blobs, which many checks push, list or give tags to."""
    return variation(base, "listed"), variation(base, "too")


def docker_image(base: Manifest) -> Manifest:
    """A Docker image that no one has pushed, of the same blobs."""
    return variation(of_docker(base.blobs[0], base.blobs[1:]), "listed")


def of_docker(config: Blob, layers: Sequence[Blob]) -> Manifest:
    """An image of Docker's type, of these blobs."""
    own = [Blob(each.content, DOCKER_LAYER) for each in layers]
    return manifest_of(Blob(config.content, DOCKER_CONFIG), own, DOCKER_MANIFEST)


def spaced(manifest: Manifest) -> Manifest:
    """The same as Docker's engine writes it: a member a line, three blanks before it."""
    return replace(manifest, content=json.dumps(manifest.document, indent=3).encode())


def index_fields(seed: str) -> dict[str, Any]:
    """What an index may say of itself (image-spec 1.1)."""
    return {"artifactType": SBOM, "annotations": {"org.example.seed": seed}}


def of_any_platform(manifest: Manifest) -> Manifest:
    """The index of two, of which the one has no platform, which is optional, and the other none of a machine's.

    The one is listed again for thirty more, as what runs on several is; the other tells its artifactType.
    """
    document = manifest.document
    listed = document["manifests"]
    again = [{**listed[0], "platform": {**OF_ANOTHER, "os.version": f"10.0.{each}"}} for each in range(PLATFORMS)]
    del listed[0]["platform"]
    listed[1] |= {"platform": NO_MACHINE, "artifactType": OCI_CONFIG}
    listed += again
    return Manifest(encoded(document), manifest.media_type, (), manifest.children)


def untyped(manifest: Manifest) -> Manifest:
    """The manifest without its ``mediaType``, as many programs write it."""
    document = {name: value for name, value in manifest.document.items() if name != "mediaType"}
    return Manifest(json.dumps(document).encode(), manifest.media_type, manifest.blobs, manifest.children)


def with_data(base: Manifest) -> Manifest:
    """The manifest with its config in the config's descriptor, too."""
    config = {**base.blobs[0].descriptor, "data": base64.b64encode(base.blobs[0].content).decode()}
    return Manifest(encoded({**base.document, "config": config}), base.media_type, base.blobs)
