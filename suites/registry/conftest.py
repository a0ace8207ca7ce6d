"""Fixtures of the registry checks: the registry with the pusher's login, repositories of the run, stored images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import (
    CODED,
    EVERY_TYPE,
    ByDigest,
    NewRepository,
    Registry,
    Repository,
    StoredImage,
    need_taken,
)
from conformance.clients.registry.image_kinds import twins
from conformance.clients.registry.images import Blob, Manifest, NewBlob, NewImage, image, random_bytes, variation
from conformance.clients.registry.operations import Occasion
from conformance.clients.registry.tokens import altered, ask, of_now, pull, token_for
from conformance.clients.registry.uploads import Refusing, pushed
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.repositories import PutRight, Repositories
from conformance.sandbox.retry_once import at_second_try
from conformance.target.description import Target
from conformance.vocabulary.check import FAILED
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable
from conformance.vocabulary.values import basic_login


@pytest.fixture(scope="session")
def registry(target: Target, http: Callable[[str], HttpClient], open_surfaces: frozenset[str]) -> Registry:
    """The registry as the pusher sees it."""
    if target.registry is None:
        raise Inconclusive("no registry is described", "[targets.X.registry]")
    return Registry.enter(http(target.registry.url), target.registry, "registry" in open_surfaces)


@pytest.fixture(scope="session")
def repositories(registry: Registry, target: Target, names: Names, ledger: Ledger, operator: Operator) -> Repositories:
    """Makes repositories of the run's own."""
    return Repositories(registry, "registry.delete" in target.features, names, ledger, operator)


@pytest.fixture(scope="session")
def new_repository(repositories: Repositories) -> NewRepository:
    """Makes repositories; what is pushed to them is removed at the end."""
    return repositories.new


@pytest.fixture(scope="session")
def repository_at(repositories: Repositories) -> NewRepository:
    """The repository of a name, which begins with that of one of the run's own; cleared at the end like those."""
    return repositories.at


@pytest.fixture(scope="session")
def repository(new_repository: NewRepository) -> Repository:
    """A repository that checks share: each keeps to blobs, manifests and tags of its own."""
    return new_repository("shared")


@pytest.fixture(scope="session")
@at_second_try
def base(repository: Repository) -> Manifest:
    """An image whose blobs are in the shared repository, where other manifests may refer to them."""
    manifest = image(repository.name)
    repository.given_parts(manifest)
    # What no manifest names may be collected with the next that named it; whether this is taken is for other checks.
    with suppress(Inconclusive, NonConformance):
        repository.push(manifest, "base")
    return manifest


@pytest.fixture(scope="session")
def new_image(base: Manifest, names: Names) -> NewImage:
    """Makes images that no one has pushed, of blobs that are in the shared repository."""
    return lambda: variation(base, names.new("image"))


@pytest.fixture(scope="session")
def pair(base: Manifest) -> tuple[Manifest, Manifest]:
    """Two images that any check may push under tags of its own, though others have pushed them before.

    Not under a tag that moves: an image that no tag names any more may be collected, and others list it.
    """
    return twins(base)


@pytest.fixture
def by_digest(repository: Repository, once: Once) -> ByDigest:
    """Has a manifest in the shared repository by its digest: how it came there is evidence of each that needs it.

    What it lists is there before it. Inconclusive where that is not taken.
    """

    def put(manifest: Manifest) -> Exchange:
        for child in manifest.children:
            need_taken(put(child))
        return once(("by digest", manifest.digest), lambda: repository.push(manifest))

    return put


@pytest.fixture(scope="session")
@at_second_try
def content(repository: Repository, new_blob: NewBlob) -> bytes:
    """2,048 bytes that are in the shared repository; they came in two chunks where that is taken."""
    blob = new_blob(2048)
    if not pushed(repository, blob.content, blob.digest, "chunks").ok:
        repository.given_blob(blob.content)
    return blob.content


@pytest.fixture(scope="session")
@at_second_try
def stored(new_repository: NewRepository) -> StoredImage:
    """An image in a repository that nothing else is pushed to, under the tag that is taken where none is named."""
    return _given(new_repository("stored"), tag="latest")


@pytest.fixture(scope="session")
def open_ground(new_repository: NewRepository) -> Repository:
    """A repository that properties alone push to."""
    return new_repository("explored")


@pytest.fixture
def explored(open_ground: Repository, once: Once) -> StoredImage:
    """An image in it: how it came there is evidence of each property that needs it."""
    return once("explored", lambda: _given(open_ground))


@pytest.fixture(scope="session")
def refusing(repository: Repository, once: Once) -> Refusing:
    """A session for what is refused before its bytes are looked at."""
    return Refusing(repository, once)


@pytest.fixture(scope="session")
def new_blob(names: Names) -> NewBlob:
    """Makes blobs that no one has pushed."""
    return lambda size=256: Blob(random_bytes(names.new("blob"), size))


@pytest.fixture(scope="session")
@at_second_try
def guarded_image(new_repository: NewRepository) -> StoredImage:
    """An image that checks of rights try to read, change and delete as those who may not."""
    return _given(new_repository("guarded"), layers=0)


@pytest.fixture
def put_right(request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[PutRight]:
    """Has an image pushed again behind a check that fails: what was deleted or replaced fails no other.

    Where nothing was deleted or replaced it costs nothing.
    """
    images: list[StoredImage] = []

    def noted(stored: StoredImage) -> StoredImage:
        images.append(stored)
        return stored

    yield noted
    evidence = recorder.entries if images and request.node.stash.get(FAILED, False) else []
    for each in images:
        if not _may_have_changed(each, evidence):
            continue
        with suppress(Inconclusive, NonConformance, Unreachable):
            each.repository.given(each.image, each.tag)


@pytest.fixture
def tried(guarded_image: StoredImage, put_right: PutRight) -> StoredImage:
    """The same, which is put right behind a check that fails."""
    return put_right(guarded_image)


@pytest.fixture(scope="session")
def doorkeeper(registry: Registry) -> None:
    """Inconclusive where no login is asked for and none is described: nobody is told from anybody then."""
    if not registry.door.scheme and not registry.described.credentials:
        raise Inconclusive("the registry asks for no login", "a registry that asks for a login")


@pytest.fixture
def guarded(doorkeeper: None, tried: StoredImage) -> StoredImage:
    """The same, which is not pushed where no login is to be shown."""
    return tried


@pytest.fixture(scope="session")
def bearer(registry: Registry) -> Registry:
    """The registry, where it takes bearer tokens."""
    if registry.door.scheme != "bearer":
        raise NotApplicable("the registry does not take bearer tokens")
    return registry


@pytest.fixture
def to_pull(bearer: Registry, stored: StoredImage, once: Once) -> str:
    """A token to pull from the stored image's repository, which does."""
    scope = bearer.scope(stored.repository.name, "pull")
    token = once(of_now("token to pull"), lambda: token_for(bearer, "pusher", scope))
    if once(("pulled from", stored.repository.name, token), lambda: pull(stored, token)).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return token


@pytest.fixture
def good(bearer: Registry, guarded: StoredImage, once: Once) -> str:
    """A token to pull, which does."""
    scope = bearer.scope(guarded.repository.name, "pull")
    token = once(of_now("good token"), lambda: token_for(bearer, "pusher", scope))
    if once(("pulled from", guarded.repository.name, token), lambda: pull(guarded, token)).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return token


@pytest.fixture(scope="session")
def bad_login(registry: Registry, doorkeeper: None, guarded_image: StoredImage, names: Names) -> str:
    """An Authorization field that looks like one: a token with one letter altered, or the name of nobody.

    Not the pusher's name with a wrong password, of which a platform may take a few and no more.
    """
    if registry.door.scheme != "bearer":
        registry.door.expect_locked()
        return basic_login(names.new("nobody"), "not-the-password")
    token = token_for(registry, "pusher", registry.scope(guarded_image.repository.name))
    if pull(guarded_image, token).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return f"Bearer {altered(token, 'letter')}"


@pytest.fixture(scope="session")
def features(target: Target) -> frozenset[str]:
    """What the target claims beyond the core."""
    return frozenset(target.features)


@pytest.fixture(scope="session")
def read_stored(stored: StoredImage, once: Once) -> Callable[[str], Exchange]:
    """Sends GET or HEAD of the stored image, of its layer or of its tag list, once each."""
    repository, image = stored.repository, stored.image
    layer = image.blobs[-1].digest
    reads: dict[str, Callable[[], Exchange]] = {
        "blob-get": lambda: repository.get_blob(layer),
        "blob-coded": lambda: repository.get_blob(layer, [CODED]),
        "blob-head": lambda: repository.head_blob(layer),
        "digest-get": lambda: repository.get_manifest(image.digest),
        "digest-head": lambda: repository.head_manifest(image.digest),
        "digest-coded": lambda: repository.get_manifest(image.digest, [EVERY_TYPE, CODED]),
        "tag-get": lambda: repository.get_manifest(stored.tag),
        "tag-head": lambda: repository.head_manifest(stored.tag),
        "list-get": repository.tags,
        "list-head": repository.head_tags,
    }
    return lambda what: once(("stored", what), reads[what])


@pytest.fixture
def token_response(bearer: Registry, once: Once) -> Exchange:
    """The response to a login that requests a token to pull."""
    scope = bearer.scope(bearer.described.repository, "pull")
    return once("token to pull from the first", lambda: ask(bearer, "pusher", scope))


@pytest.fixture
def token_for_one_repository(bearer: Registry, stored: StoredImage, once: Once) -> str:
    """A token for every action in the stored image's repository; it is known to pull from there."""
    token = once("token for one", lambda: token_for(bearer, "pusher", bearer.scope(stored.repository.name)))
    if once("pulled with the token for one", lambda: pull(stored, token)).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return token


@pytest.fixture
def occasion(guarded: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """The image, blob and tag that each operation is tried on."""
    return Occasion(guarded, new_blob(), names.new("tag"))


def _may_have_changed(stored: StoredImage, evidence: list[dict[str, Any]]) -> bool:
    """Whether something was deleted, the image pushed anew, or what was asked for last was not there."""
    asked = [each for each in evidence if each["kind"] == "exchange"]
    own = tuple(f"{stored.repository.name}/manifests/{each}" for each in (stored.tag, stored.image.digest))
    return any(
        (each["method"] == "DELETE" or (each["method"] == "PUT" and each["url"].endswith(own))) and each["status"] < 300
        for each in asked
    ) or (bool(asked) and asked[-1]["status"] >= 300)


def _given(repository: Repository, layers: int = 1, tag: str = "v1.0.0") -> StoredImage:
    stored = StoredImage(repository, image(repository.name, layers), tag)
    repository.given(stored.image, stored.tag)
    return stored


@pytest.fixture(scope="session")
@at_second_try
def theirs(repositories: Repositories) -> StoredImage:
    """An image of another organization's, pushed with its login."""
    base = repositories.registry.described.foreign_repository
    if base is None:
        raise Inconclusive("no repository of another organization", "foreign_repository in [targets.X.registry]")
    return _given(repositories.foreign(base, "theirs"))
