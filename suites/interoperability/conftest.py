"""Fixtures of the interoperability checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.programs.docker_engine import Docker, DockerSdk
from conformance.clients.programs.image_tools import Buildah, ImageProgram, Oras, Podman, Skopeo
from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, Repository
from conformance.clients.registry.images import Manifest, image
from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import Keys
from conformance.evidence.recorder import Recorder
from conformance.sandbox.bucket_prefix import Space, space_in
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.pushes import Programs
from conformance.sandbox.repositories import Repositories
from conformance.sandbox.retry_once import at_second_try
from conformance.sandbox.temporary_folder import scratch_folder
from conformance.target import description
from conformance.target.description import Storage, Target
from conformance.vocabulary.finding import Inconclusive

# RFC 9110 section 11.6.1 allows any case and order, and several challenges.
PLAIN_CHALLENGE = re.compile(r'Bearer realm="|Basic ')
# Each program pulls the images of the programs after it, the least related one first.
IMAGE_PROGRAMS: dict[str, type[ImageProgram]] = {
    each.name: each for each in (DockerSdk, Podman, Oras, Docker, Skopeo, Buildah)
}


@pytest.fixture(scope="session")
def home(target: Target) -> Iterator[Home]:
    """A home directory for programs, removed at the end."""
    with scratch_folder("programs") as folder:
        yield Home(target, folder)


@pytest.fixture(scope="session")
def registry(target: Target) -> description.Registry:
    """The registry surface as described."""
    if target.registry is None:
        raise Inconclusive("no registry surface", "[targets.X.registry]")
    return target.registry


@pytest.fixture(scope="session")
def repository(
    registry: description.Registry,
    target: Target,
    http: Callable[[str], HttpClient],
    names: Names,
    ledger: Ledger,
    operator: Operator,
) -> Repository:
    """A repository of this run, reached by HTTP."""
    entered = Registry.enter(http(registry.url), registry)
    return Repositories(entered, "registry.delete" in target.features, names, ledger, operator).new("programs")


@pytest.fixture(scope="session")
def programs(
    recorder: Recorder, registry: description.Registry, home: Home, http: Callable[[str], HttpClient]
) -> Iterator[Programs]:
    """The programs that push and pull images, each where it is installed."""
    challenges = http(registry.url).get("/v2/").headers.all("www-authenticate")
    plain = len(challenges) < 2 and all(PLAIN_CHALLENGE.match(each) for each in challenges)
    unfit = {} if plain else {Oras.name: "oras reads one challenge only, and its parameters in one form"}
    found = Programs(IMAGE_PROGRAMS, (recorder, registry, home), unfit)
    yield found
    found.close()


@pytest.fixture(scope="session", params=IMAGE_PROGRAMS)
def program(request: pytest.FixtureRequest, programs: Programs) -> ImageProgram:
    """One of the programs that push and pull images, where it is installed."""
    return programs.get(request.param)


@pytest.fixture(scope="session")
@at_second_try
def given(repository: Repository, names: Names) -> Manifest:
    """An image in the repository under the tag ``image``, pushed by HTTP."""
    return repository.given(image(names.new("image")), "image")


@pytest.fixture(scope="session")
def storage(target: Target) -> Storage:
    """The storage surface as described."""
    if target.storage is None:
        raise Inconclusive("no storage surface", "[targets.X.storage]")
    return target.storage


@pytest.fixture(scope="session")
def space(storage: Storage, http: Callable[[str], HttpClient], names: Names, ledger: Ledger) -> Space:
    """The run's own part of the first bucket, reached by HTTP."""
    keys = Keys(storage.access_key.reveal(), storage.secret_key.reveal(), storage.region)
    return space_in(S3(http(storage.endpoint), keys), storage.buckets[0], names, ledger)
