"""Docker, podman, skopeo, buildah and oras push and pull images, indexes and signatures."""

from __future__ import annotations

from itertools import islice

import pytest

from conformance.clients.programs.cosign import Cosign
from conformance.clients.programs.image_files import digests_in
from conformance.clients.programs.image_tools import ImageProgram
from conformance.clients.programs.isolated_home import Home
from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Manifest, image, index
from conformance.evidence.recorder import Recorder
from conformance.oracles.programs import (
    expect_denied,
    expect_program_failure,
    expect_program_success,
    expect_pulled,
    expect_stored,
)
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.sandbox.pushes import Programs, Pushes, login_as, note, note_all
from conformance.sandbox.retry_once import at_second_try
from conformance.target.description import Registry
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.finding import NonConformance, NotInstalled

FURTHER = 2


@pytest.fixture(scope="session")
@at_second_try
def platforms(repository: Repository, names: Names) -> Manifest:
    """An index of images for linux/amd64 and linux/arm64, under the tag ``index``, pushed by HTTP."""
    made = [image(names.new(each), architecture=each) for each in ("amd64", "arm64")]
    return repository.given(index(made), "index")


@pytest.fixture(scope="session")
def pushes(repository: Repository, registry: Registry, names: Names) -> Pushes:
    """The images that the programs pushed, each pushed once."""
    return Pushes(repository, login_as(registry, "pusher"), names)


@verifies("interoperability/registry/login")
def test_login(program: ImageProgram, registry: Registry) -> None:
    """Purpose: the registry login works with the program's login.

    Method: 1. log in with the pusher's name and password; 2. expect success
    """
    pusher = registry.login("pusher")

    outcome = program.login(pusher.username, pusher.password.reveal())

    expect_program_success(outcome, f"{program.name} login")


@verifies("interoperability/registry/login-with-a-wrong-password-fails")
def test_login_with_a_wrong_password(program: ImageProgram, registry: Registry) -> None:
    """Purpose: a person must see that a login failed.

    Method: 1. log in with the pusher's name and another password; 2. expect a failure
    """
    pusher = registry.login("pusher")

    outcome = program.login(pusher.username, "not-the-password")

    expect_program_failure(outcome, f"{program.name} login with a wrong password")


@verifies("interoperability/registry/push")
def test_push(program: ImageProgram, pushes: Pushes) -> None:
    """Purpose: an image named {registry-domain}/orgs/{org-slug}/{app-slug}:{tag} can be pushed.

    Method: 1. push a new image with the pusher's login; 2. expect success, and the reported manifest under its tag
    """
    expect_stored(pushes.of(program), pushes.stored(program), f"{program.name} push")


@pytest.mark.parametrize(
    "name",
    [
        row("interoperability/registry/pull", "tag"),
        row("interoperability/registry/pull-by-digest", "digest"),
        row("interoperability/registry/pull-for-a-platform", "platform"),
    ],
)
def test_pull(
    name: str, program: ImageProgram, given: Manifest, platforms: Manifest, repository: Repository, registry: Registry
) -> None:
    """Purpose: an image can be pulled by its tag or its digest, and each machine gets the image for its platform.

    Method: 1. with the puller's login, pull a tag, a digest, or an index for linux/arm64, which is not its first entry
            2. expect success, and the stored image: its digest, configuration and layers
    """
    reference, expected, architecture = {
        "tag": (":image", digests_in(given), ()),
        "digest": (f"@{given.digest}", digests_in(given), ()),
        "platform": (":index", digests_in(platforms.children[1], platforms), ("arm64",)),
    }[name]
    pulled = program.pull(repository.name, reference, login_as(registry, "puller", "pusher"), *architecture)

    expect_pulled(pulled, expected, f"{program.name} pull by {name}")


@verifies("interoperability/registry/push-is-denied-without-push-access")
def test_push_without_push_access(
    program: ImageProgram, repository: Repository, registry: Registry, names: Names
) -> None:
    """Purpose: a login that may only pull is denied a push, and the program reports it.

    Method: 1. push an image under a new tag with the puller's login; 2. expect a reported denial, and no such tag
    """
    tag = f"{program.name}-denied"

    pushed = program.push(image(names.new(tag)), repository.name, tag, registry.login("puller"))

    note(repository, repository.get_manifest(tag))
    expect_denied(pushed.outcome, f"{program.name} push with a login that may only pull")
    expect_status(repository.head_manifest(tag), {404})


@verifies("interoperability/registry/images-of-other-programs-are-pulled")
def test_images_of_other_programs_are_pulled(
    program: ImageProgram, programs: Programs, pushes: Pushes, registry: Registry
) -> None:
    """Purpose: one program pulls the images of another byte for byte.

    Method: 1. have two other programs push an image each, and pull both with this one
            2. expect the manifest, configuration and layers that were pushed
    """
    login = login_as(registry, "puller", "pusher")
    pushed = {other.name: pushes.held_by_manifest(other) for other in islice(programs.after(program), FURTHER)}
    if not any(pushed.values()):
        raise NotInstalled("no other program that pushes images is installed on this machine", "podman")
    found: list[NonConformance] = []
    for name, content in pushed.items():
        if content is not None:
            pulled = program.pull(pushes.repository.name, f":{name}", login)
            try:
                expect_pulled(pulled, content, f"{program.name} pull of the image that {name} pushed")
            except NonConformance as finding:
                found.append(finding)
    if found:
        raise ExceptionGroup("images of other programs", found)


@verifies("interoperability/registry/push-of-an-index")
@pytest.mark.parametrize("name", ["skopeo", "oras"])
def test_push_of_an_index(
    name: str, programs: Programs, repository: Repository, registry: Registry, names: Names
) -> None:
    """Purpose: an image for several platforms can be pushed.

    Method: 1. push an index of two images, for linux/amd64 and linux/arm64
            2. expect success, and under its tag the index that the program reported
    """
    program = programs.get(name)
    tag = names.new(name)
    both = index([image(f"{tag} one"), image(f"{tag} two", architecture="arm64")])

    pushed = program.push(both, repository.name, tag, login_as(registry, "pusher"))

    note_all(repository, both)
    expect_stored(pushed, repository.get_manifest(tag), f"{name} push of an index")


@verifies("interoperability/registry/signature-is-stored")
def test_signature(recorder: Recorder, home: Home, given: Manifest, repository: Repository, registry: Registry) -> None:
    """Purpose: an image can be signed by cosign, and the signature can be verified by a client that pulls it.

    Method: 1. sign an image in the registry with the pusher's login and a new key
            2. verify its signature with the puller's login; expect success
    """
    cosign = Cosign(recorder, registry, home)
    name = f"{repository.name}@{given.digest}"

    signed = cosign.sign(name, login_as(registry, "pusher"))

    note(repository, repository.get_manifest(f"{given.digest.replace(':', '-')}.sig"))
    expect_program_success(signed, "cosign sign")
    expect_program_success(cosign.verify(name, login_as(registry, "puller", "pusher")), "cosign verify")
