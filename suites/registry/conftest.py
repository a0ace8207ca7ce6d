"""Fixtures of the registry checks: the registry with the pusher's login, the run's repositories, images and tokens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
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
    require_stored,
)
from conformance.clients.registry.image_kinds import twins
from conformance.clients.registry.images import Blob, Manifest, NewBlob, NewImage, image, random_bytes, variation
from conformance.clients.registry.operations import Occasion
from conformance.clients.registry.tokens import altered, ask, current_key, pull, token_for
from conformance.clients.registry.uploads import ReusableUpload, opens_an_upload, pushed
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.repositories import Repositories, Restore
from conformance.sandbox.retry_once import at_second_try
from conformance.target.description import Target
from conformance.vocabulary.check import FAILED
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable
from conformance.vocabulary.values import basic_login


@pytest.fixture(scope="session")
def registry(target: Target, http: Callable[[str], HttpClient], open_surfaces: frozenset[str]) -> Registry:
    """The registry with the pusher's login."""
    if target.registry is None:
        raise Inconclusive("no registry is described", "[targets.X.registry]")
    return Registry.enter(http(target.registry.url), target.registry, "registry" in open_surfaces)


@pytest.fixture(scope="session")
def features(target: Target) -> frozenset[str]:
    """The features that the target claims beyond the core."""
    return frozenset(target.features)


@pytest.fixture(scope="session")
def repositories(registry: Registry, target: Target, names: Names, ledger: Ledger, operator: Operator) -> Repositories:
    """Makes repositories for this run."""
    return Repositories(registry, "registry.delete" in target.features, names, ledger, operator)


@pytest.fixture(scope="session")
def new_repository(repositories: Repositories) -> NewRepository:
    """Makes repositories; their content is removed at the end."""
    return repositories.new


@pytest.fixture(scope="session")
def repository_at(repositories: Repositories) -> NewRepository:
    """Makes the repository of a name that begins with that of one of this run; its content is removed at the end."""
    return repositories.at


@pytest.fixture(scope="session")
def repository(new_repository: NewRepository) -> Repository:
    """A repository that checks share: each uses its own blobs, manifests and tags."""
    return new_repository("shared")


@pytest.fixture(scope="session")
@at_second_try
def base(repository: Repository) -> Manifest:
    """An image whose blobs are in the shared repository, where other manifests may refer to them."""
    manifest = image(repository.name)
    repository.given_parts(manifest)
    # A registry may collect blobs that no manifest names. Other checks judge whether the image is accepted.
    with suppress(Inconclusive, NonConformance):
        repository.push(manifest, "base")
    return manifest


@pytest.fixture(scope="session")
def new_image(base: Manifest, names: Names) -> NewImage:
    """Makes images that were never pushed, of blobs in the shared repository."""
    return lambda: variation(base, names.new("image"))


@pytest.fixture(scope="session")
def pair(base: Manifest) -> tuple[Manifest, Manifest]:
    """Two images that any check may push under its own tags, even if other checks have pushed them.

    Not under a tag that moves: a registry may collect an untagged image, and other checks list these.
    """
    return twins(base)


@pytest.fixture
def by_digest(repository: Repository, once: Once) -> ByDigest:
    """Pushes a manifest by digest to the shared repository, after the manifests that it lists, once.

    The pushes are evidence of each check that needs them. Inconclusive if one is refused.
    """

    def put(manifest: Manifest) -> Exchange:
        for child in manifest.children:
            require_stored(put(child))
        return once(("by digest", manifest.digest), lambda: repository.push(manifest))

    return put


@pytest.fixture(scope="session")
def new_blob(names: Names) -> NewBlob:
    """Makes blobs that were never pushed."""
    return lambda size=256: Blob(random_bytes(names.new("blob"), size))


@pytest.fixture(scope="session")
@at_second_try
def content(repository: Repository, new_blob: NewBlob) -> bytes:
    """2,048 bytes in the shared repository, pushed in two chunks if the registry accepts these."""
    blob = new_blob(2048)
    if not pushed(repository, blob.content, blob.digest, "chunks").ok:
        repository.given_blob(blob.content)
    return blob.content


@pytest.fixture(scope="session")
@at_second_try
def stored(new_repository: NewRepository) -> StoredImage:
    """An image in a repository that nothing else is pushed to, under the tag that engines use by default."""
    return _pushed_image(new_repository("stored"), tag="latest")


@pytest.fixture(scope="session")
def open_ground(new_repository: NewRepository) -> Repository:
    """A repository that only properties push to."""
    return new_repository("explored")


@pytest.fixture
def explored(open_ground: Repository, once: Once) -> StoredImage:
    """An image in it; its push is evidence of each property that needs it."""
    return once("explored", lambda: _pushed_image(open_ground))


@pytest.fixture(scope="session")
@at_second_try
def theirs(repositories: Repositories) -> StoredImage:
    """An image of another organization, pushed with its login."""
    base = repositories.registry.described.declared_foreign_repository()
    return _pushed_image(repositories.foreign(base, "theirs"))


@pytest.fixture(scope="session")
def one_organization(registry: Registry, names: Names) -> None:
    """Inconclusive if the pusher may push to any organization, and the other organization's login may not.

    Such a login is a superuser's, which rightly reads and pushes everywhere. If both may, nothing is isolated.
    """
    first, *rest = registry.described.repository.split("/")
    if len(rest) < 2:
        return
    anywhere = "/".join([first, names.new("nobody"), *rest[1:]])
    unrestricted = opens_an_upload(registry.repository(anywhere))
    if "foreign" in registry.described.credentials and unrestricted:
        unrestricted = not opens_an_upload(registry.as_role("foreign").repository(anywhere))
    if unrestricted:
        needs = "a login of one organization in [targets.X.registry.credentials.pusher]"
        raise Inconclusive("the login in role pusher may push to any organization, like that of a superuser", needs)


@pytest.fixture(scope="session")
@at_second_try
def guarded_image(new_repository: NewRepository) -> StoredImage:
    """An image that checks of access rights try to read, change and delete without the right."""
    return _pushed_image(new_repository("guarded"), layers=0)


def _pushed_image(repository: Repository, layers: int = 1, tag: str = "v1.0.0") -> StoredImage:
    stored = StoredImage(repository, image(repository.name, layers), tag)
    repository.given(stored.image, stored.tag)
    return stored


@pytest.fixture
def restore(request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[Restore]:
    """Pushes an image again after a check failed that may have deleted or replaced it, so that no other check fails."""
    images: list[StoredImage] = []

    def note(stored: StoredImage) -> StoredImage:
        images.append(stored)
        return stored

    yield note
    evidence = recorder.entries if images and request.node.stash.get(FAILED, False) else []
    for each in images:
        if _may_have_changed(each, evidence):
            with suppress(Inconclusive, NonConformance, Unreachable):
                each.repository.given(each.image, each.tag)


def _may_have_changed(stored: StoredImage, evidence: list[dict[str, Any]]) -> bool:
    """Return whether something was deleted, the image was pushed, or the last response was no 2xx."""
    exchanges = [each for each in evidence if each["kind"] == "exchange"]
    own = tuple(f"{stored.repository.name}/manifests/{each}" for each in (stored.tag, stored.image.digest))
    return any(
        (each["method"] == "DELETE" or (each["method"] == "PUT" and each["url"].endswith(own))) and each["status"] < 300
        for each in exchanges
    ) or (bool(exchanges) and exchanges[-1]["status"] >= 300)


@pytest.fixture
def restored_image(guarded_image: StoredImage, restore: Restore) -> StoredImage:
    """That image, pushed again after a check that fails."""
    return restore(guarded_image)


@pytest.fixture(scope="session")
def login_required(registry: Registry) -> None:
    """Inconclusive if the registry requires no login and none is described: all clients look the same then."""
    if not registry.auth.scheme and not registry.described.credentials:
        raise Inconclusive("the registry requires no login", "a registry that requires a login")


@pytest.fixture
def guarded(login_required: None, restored_image: StoredImage) -> StoredImage:
    """That image, not pushed if the registry requires no login."""
    return restored_image


@pytest.fixture
def occasion(guarded: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """The image, blob and tag that each operation is tried on."""
    return Occasion(guarded, new_blob(), names.new("tag"))


@pytest.fixture(scope="session")
def refusing(repository: Repository, once: Once) -> ReusableUpload:
    """A session for requests that are refused before their bytes are read."""
    return ReusableUpload(repository, once)


@pytest.fixture(scope="session")
def bearer(registry: Registry) -> Registry:
    """The registry, if it takes bearer tokens."""
    if registry.auth.scheme != "bearer":
        raise NotApplicable("the registry does not use bearer tokens")
    return registry


def _pulling_token(bearer: Registry, image: StoredImage, once: Once, key: Hashable, actions: str | None) -> str:
    """Return a token for an image's repository, after a pull with it succeeded."""
    name = image.repository.name
    token = once(key, lambda: token_for(bearer, "pusher", bearer.scope(name, actions)))
    if once(("pulled from", name, token), lambda: pull(image, token)).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return token


@pytest.fixture
def to_pull(bearer: Registry, stored: StoredImage, once: Once) -> str:
    """A token to pull from the stored image's repository, known to work."""
    return _pulling_token(bearer, stored, once, current_key("token to pull"), "pull")


@pytest.fixture
def good(bearer: Registry, guarded: StoredImage, once: Once) -> str:
    """A token to pull the guarded image, known to work."""
    return _pulling_token(bearer, guarded, once, current_key("good token"), "pull")


@pytest.fixture
def token_for_one_repository(bearer: Registry, stored: StoredImage, once: Once) -> str:
    """A token for every action in the stored image's repository, known to pull from there."""
    return _pulling_token(bearer, stored, once, "token for one", None)


@pytest.fixture
def token_response(bearer: Registry, once: Once) -> Exchange:
    """The response to a login that requests a token to pull."""
    scope = bearer.scope(bearer.described.repository, "pull")
    return once("token to pull from the first", lambda: ask(bearer, "pusher", scope))


@pytest.fixture(scope="session")
def bad_login(registry: Registry, login_required: None, guarded_image: StoredImage, names: Names) -> str:
    """An invalid Authorization header: a token with one letter altered, or an unknown user without bearer tokens.

    Not the pusher's name with a wrong password, since a platform may lock the login after a few of these.
    """
    if registry.auth.scheme != "bearer":
        registry.auth.expect_login_required()
        return basic_login(names.new("nobody"), "not-the-password")
    token = token_for(registry, "pusher", registry.scope(guarded_image.repository.name))
    if pull(guarded_image, token).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return f"Bearer {altered(token, 'letter')}"


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
