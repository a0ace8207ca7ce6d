"""Images made from nothing: the same from the same seed, and sound."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

from conformance.clients.registry.images import DOCKER_MANIFEST, OCI_INDEX, digest_of, image, index, layer


def test_an_image_follows_from_its_seed() -> None:
    assert image("a").content == image("a").content
    assert image("a").digest != image("b").digest


def test_a_manifest_describes_its_blobs() -> None:
    made = image("a", layers=2)
    described = [made.document["config"], *made.document["layers"]]
    assert [(each["digest"], each["size"]) for each in described] == [
        (f"sha256:{hashlib.sha256(blob.content).hexdigest()}", len(blob.content)) for blob in made.blobs
    ]


def test_a_layer_is_a_tar_whose_diff_id_is_of_its_uncompressed_bytes() -> None:
    blob, diff_id = layer("a")
    plain = gzip.decompress(blob.content)
    assert digest_of(plain) == diff_id
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        assert archive.getnames() == ["conformance.txt"]


def test_dockers_types_are_dockers() -> None:
    made = image("a", docker=True)
    assert made.media_type == made.document["mediaType"] == DOCKER_MANIFEST
    assert "docker" in made.document["layers"][0]["mediaType"]


def test_an_index_lists_its_children() -> None:
    made = index([image("a"), image("b")])
    assert made.media_type == OCI_INDEX
    assert [each["digest"] for each in made.document["manifests"]] == [image("a").digest, image("b").digest]
