"""Fixtures of the interoperability checks: the real clients, and one image made from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conformance.clients.aws_cli import AwsCli
from conformance.clients.engine import Engine
from conformance.clients.images import docker_archive, image
from conformance.evidence.recorder import Recorder
from conformance.sandbox.names import Names
from conformance.target.description import Registry, Storage, Target
from conformance.vocabulary.finding import Inconclusive


@dataclass(frozen=True)
class LoadedImage:
    """An image that the engine has, under a name of its own and under its name in the registry."""

    local: str
    repository: str
    tag: str
    id: str


@pytest.fixture(scope="session")
def storage(target: Target) -> Storage:
    """The storage surface as described."""
    if target.storage is None:
        raise Inconclusive("no storage surface", "[targets.….storage]")
    return target.storage


@pytest.fixture(scope="session")
def registry(target: Target) -> Registry:
    """The registry surface as described."""
    if target.registry is None:
        raise Inconclusive("no registry surface", "[targets.….registry]")
    return target.registry


@pytest.fixture(scope="session")
def aws(recorder: Recorder, storage: Storage) -> AwsCli:
    """The AWS command line with the organization's key."""
    return AwsCli(recorder, storage)


@pytest.fixture(scope="session")
def engine(recorder: Recorder, registry: Registry) -> Iterator[Engine]:
    """A Docker engine on this machine."""
    connected = Engine(recorder, registry.url)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def loaded(engine: Engine, registry: Registry, names: Names) -> Iterator[LoadedImage]:
    """An image of the run's own, loaded into the engine and tagged as the documentation says."""
    tag = names.new()
    local = f"conformance-example:{tag}"
    repository = f"{engine.registry}/{registry.repository}"
    engine.load(docker_archive(image(tag, docker=True), local), local)
    engine.tag(local, repository, tag)
    yield LoadedImage(local, repository, tag, engine.image_id(local))
    for reference in (local, f"{repository}:{tag}"):
        engine.remove(reference)
