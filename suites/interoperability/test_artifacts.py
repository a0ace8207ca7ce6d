"""Indexes and signatures: what programs push that is more than one image."""

from __future__ import annotations

import pytest

from conformance.clients.programs.cosign import Cosign
from conformance.clients.programs.isolated_home import Home
from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Manifest, image, index
from conformance.evidence.recorder import Recorder
from conformance.oracles.programs import expect_program_success, expect_stored
from conformance.sandbox.names import Names
from conformance.sandbox.pushes import Programs, login_as, note, note_all
from conformance.target.description import Registry
from conformance.vocabulary.check import case, verifies


@verifies("interoperability/registry/push-of-an-index")
@pytest.mark.parametrize("name", [case("skopeo", "skopeo"), case("oras", "oras")])
def test_push_of_an_index(
    name: str, programs: Programs, repository: Repository, registry: Registry, names: Names
) -> None:
    """Purpose: an image for several platforms is pushed as one.

    Method: 1. push an index of two images, for linux/amd64 and linux/arm64
            2. expect success, and under its tag the very index that the program told of
    """
    program = programs.get(name)
    tag = names.new(name)
    both = index([image(f"{tag} one"), image(f"{tag} two", architecture="arm64")])

    pushed = program.push(both, repository.name, tag, login_as(registry, "pusher"))

    note_all(repository, both)
    expect_stored(pushed, repository.get_manifest(tag), f"{name} push of an index")


@verifies("interoperability/registry/signature-is-kept")
def test_signature(recorder: Recorder, home: Home, given: Manifest, repository: Repository, registry: Registry) -> None:
    """Purpose: an image can be signed by cosign, and whoever pulls it can verify the signature.

    Method: 1. sign an image in the registry with the pusher's login and a new key
            2. verify its signature with the puller's login; expect success
    """
    cosign = Cosign(recorder, registry, home)
    name = f"{repository.name}@{given.digest}"

    signed = cosign.sign(name, login_as(registry, "pusher"))

    note(repository, repository.get_manifest(f"{given.digest.replace(':', '-')}.sig"))
    expect_program_success(signed, "cosign sign")
    expect_program_success(cosign.verify(name, login_as(registry, "puller", "pusher")), "cosign verify")
