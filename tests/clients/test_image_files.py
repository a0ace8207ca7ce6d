"""Images as files: what is written can be read back, and every byte of it counts."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from conformance.clients.programs.image_files import (
    docker_archive,
    held,
    read_folder,
    write_layout,
)
from conformance.clients.registry.images import Manifest, image, index


def test_a_layout_of_an_index_has_all_that_it_refers_to(tmp_path: Path) -> None:
    both = index([image("a"), image("b", architecture="arm64")])
    write_layout(tmp_path, both, "v1")

    digests = {f"sha256:{each.name}" for each in (tmp_path / "blobs" / "sha256").iterdir()}
    wanted = {both.digest} | {blob.digest for child in both.children for blob in (child, *child.blobs)}
    assert digests == wanted
    assert [each["platform"]["architecture"] for each in both.document["manifests"]] == ["amd64", "arm64"]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_other_byte_is_noticed(tmp_path: Path, which: int) -> None:
    made = image("a", layers=2)
    for blob in made.blobs:
        (tmp_path / blob.digest.partition(":")[2]).write_bytes(blob.content)
    (tmp_path / "manifest.json").write_bytes(made.content)
    assert read_folder(tmp_path) == held(made)

    spoilt = tmp_path / made.blobs[which].digest.partition(":")[2]
    content = made.blobs[which].content
    spoilt.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    with pytest.raises(ValueError, match="has the digest"):
        read_folder(tmp_path)


def test_layers_that_are_not_compressed_count_as_they_are(tmp_path: Path) -> None:
    made = image("a")
    config, layer = made.blobs
    plain = gzip.decompress(layer.content)
    document = made.document
    document["layers"][0]["digest"] = held(made).layers[0]
    for content in (config.content, plain):
        (tmp_path / Manifest(content).digest.partition(":")[2]).write_bytes(content)
    (tmp_path / "manifest.json").write_text(json.dumps(document), encoding="utf-8")

    assert read_folder(tmp_path).layers == held(made).layers


def test_an_archive_for_docker_load() -> None:
    made = image("a", layers=2)
    with tarfile.open(fileobj=io.BytesIO(docker_archive(made, "example:v1"))) as archive:
        files = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    (listed,) = json.loads(files["manifest.json"])
    assert listed["RepoTags"] == ["example:v1"]
    assert files[listed["Config"]] == made.blobs[0].content
    assert [gzip.decompress(layer.content) for layer in made.blobs[1:]] == [files[name] for name in listed["Layers"]]
