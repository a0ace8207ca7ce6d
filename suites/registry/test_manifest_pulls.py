"""Pulling manifests: bytes, media types, the Accept header, and absent manifests (OCI Distribution 1.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import DOCKER_LIST, OCI_MANIFEST, Manifest, digest_of, index
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type, expect_not_shared
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import expect_status, unlike_field
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

ACCEPTED = {
    "another-type": DOCKER_LIST,
    "html": "text/html",
    "anything": "*/*",
    "nonsense": ";;",
    "index": OCI_MANIFEST,
}
Accepting = Callable[[str], tuple[Manifest, Exchange]]


@verifies("registry/pull/manifest-is-what-was-pushed")
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_manifest_is_pulled(stored: StoredImage, once: Once, by: str) -> None:
    """Purpose: a client gets exactly the manifest that was pushed, with its media type.
    Method: 1. GET an image by tag and by digest; 2. expect 200, exactly its bytes, and its media type
    """
    reference = stored.tag if by == "tag" else stored.image.digest
    reply = once(("stored", f"{by}-get"), lambda: stored.repository.get_manifest(reference))
    expect_bytes(reply, stored.image.content)
    expect_media_type(reply, stored.image.media_type)


@verifies("registry/pull/type-has-no-parameters")
def test_type_has_no_parameters(stored: StoredImage, once: Once) -> None:
    """Purpose: clients that compare the whole Content-Type recognize the manifest.
    Method: 1. GET an image by tag; 2. expect a Content-Type without parameters
    """
    reply = once(("stored", "tag-get"), lambda: stored.repository.get_manifest(stored.tag))
    expect_status(reply, 200)
    bare, parameters, _ = (reply.headers.get("content-type") or "").partition(";")
    if parameters:
        raise unlike_field(f"Content-Type: {bare.strip()}", reply, "Content-Type", bare.strip())


@verifies("registry/pull/absent-manifest-is-404")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest"), case("blob", "blob")])
def test_absent_manifest(stored: StoredImage, names: Names, once: Once, by: str, method: str) -> None:
    """Purpose: a client learns that a manifest does not exist.
    Method: 1. GET and HEAD a digest that was never pushed, and a blob's digest; GET a tag that is the beginning of
               another; HEAD a tag that is the hexadecimal part of the image's digest
            2. expect 404
    """
    image, tag = stored.image, {"GET": stored.tag[:-2], "HEAD": stored.image.digest.partition(":")[2]}[method]
    absent = digest_of(names.new("absent").encode())
    reference = {"tag": tag, "digest": absent, "blob": image.blobs[0].digest}[by]
    read = stored.repository.get_manifest if method == "GET" else stored.repository.head_manifest
    reply = once(("absent manifest", by, method), lambda: read(reference))
    expect_status(reply, 404, "for a manifest that was never pushed")


@verifies("registry/pull/absent-manifest-is-404")
@pytest.mark.parametrize("tag", [case("latest", "latest"), case("any-sign", "v1_0_0")])
def test_no_tag_matches_another(guarded_image: StoredImage, tag: str) -> None:
    """Purpose: a tag names only the image that was pushed under it.
    Method: 1. GET "latest" and "v1_0_0" (a database pattern for v1.0.0) of a repository that has only v1.0.0
            2. expect 404
    """
    expect_status(guarded_image.repository.get_manifest(tag), 404, "for a tag that was never pushed")


@verifies("registry/pull/is-not-for-shared-caches#absent")
def test_absence_is_not_for_shared_caches(stored: StoredImage, once: Once) -> None:
    """Purpose: no shared cache says that an image is absent after it was pushed, or to a client that may see it.
    Method: 1. GET a tag that was never pushed, with a login
            2. expect a Cache-Control that forbids shared caches to reuse the response
    """
    if not stored.repository.registry.door.scheme:
        raise NotApplicable("the registry requires no login")
    reply = once(("absent manifest", "tag", "GET"), lambda: stored.repository.get_manifest(stored.tag[:-2]))
    expect_not_shared(reply)


@verifies("registry/pull/manifest-stays-in-its-repository")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
def test_manifest_of_another_repository(repository: Repository, stored: StoredImage, once: Once, method: str) -> None:
    """Purpose: access to one repository gives no access to the images of another.
    Method: 1. GET and HEAD by digest, in an existing repository, an image that only another repository has
            2. expect 404, and 200 in the repository that has it
    """
    digest = stored.image.digest
    read = repository.get_manifest if method == "GET" else repository.head_manifest
    expect_status(read(digest), 404, "for a manifest of another repository")
    control = once(("stored", "digest-head"), lambda: stored.repository.head_manifest(digest))
    expect_status(control, 200, "where it was pushed")


def tags_after_a_refused_push(never: Repository) -> Exchange:
    """Return the tag list after a refused push without a login."""
    if never.as_role(None).post_upload().ok:
        raise NotApplicable("the registry requires no login")
    return never.tags()


@verifies("registry/pull/absent-repository-is-404")
@pytest.mark.parametrize(
    "read",
    [
        case("tags", lambda never: never.tags()),
        case("manifest", lambda never: never.get_manifest("v1.0.0")),
        case("manifest-head", lambda never: never.head_manifest("v1.0.0")),
        case("blob", lambda never: never.get_blob(digest_of(b"never pushed"))),
        case("blob-head", lambda never: never.head_blob(digest_of(b"never pushed"))),
        case("tags-asked-again", lambda never: (never.get_manifest("v1.0.0"), never.tags())[-1]),
        case("tags-behind-a-refusal", tags_after_a_refused_push),
    ],
)
def test_absent_repository(repository: Repository, names: Names, read: Callable[[Repository], Exchange]) -> None:
    """Purpose: an engine learns before its first push that a repository is empty.
    Method: 1. read tags, a manifest and a blob of an absent repository, with a login that may pull and push there; read
               tags after a manifest, and after an upload without a login
            2. expect 404, following redirects
    """
    described = repository.registry.described
    never = repository.registry.repository(f"{described.repository}-{names.new('never')}")
    expect_status(read(never), 404, "for a repository that nothing was pushed to")


@pytest.fixture
def index_of_stored_image(stored: StoredImage, once: Once) -> Manifest:
    """An index of the stored image, pushed by digest."""
    made = index([stored.image])
    put = lambda: stored.repository.put_manifest(made.digest, made.content, made.media_type)  # noqa: E731
    if not (reply := once("index of the stored image", put)).ok:
        raise Inconclusive(f"an index could not be pushed: {reply}", "a registry that accepts indexes")
    return made


@pytest.fixture
def accepting(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> Accepting:
    """Pulls an image by digest with an Accept header, or an index if only images are accepted: content and response."""

    def pulled(accept: str) -> tuple[Manifest, Exchange]:
        fields = (("Accept", accept),)
        wanted: Manifest = request.getfixturevalue("index_of_stored_image") if accept == OCI_MANIFEST else stored.image
        return wanted, once(("stored", fields), lambda: stored.repository.get_manifest(wanted.digest, fields))

    return pulled


@verifies("registry/pull/manifest-is-never-converted")
@pytest.mark.parametrize("accept", [case(name, value) for name, value in ACCEPTED.items()])
def test_manifest_is_never_converted(accepting: Accepting, accept: str) -> None:
    """Purpose: content that is pulled by digest has that digest, whatever the client accepts.
    Method: 1. GET an image by digest with an Accept header without its type, and an index with one of images only
            2. expect exactly its bytes, or a refusal (400, 404 or 406)
    """
    wanted, reply = accepting(accept)
    expect_status(reply, {200, 400, 404, 406})
    if reply.status == 200:
        expect_bytes(reply, wanted.content, or_statuses=(400, 404, 406))


@verifies("registry/pull/manifest-is-what-was-pushed")
@pytest.mark.parametrize("accept", [case(f"accepting-{name}", value) for name, value in ACCEPTED.items()])
def test_type_is_not_from_accept(accepting: Accepting, accept: str) -> None:
    """Purpose: a manifest has the media type that it was pushed with, whatever the client accepts.
    Method: 1. GET an image by digest with an Accept header without its type, and an index with one of images only
            2. if that is 200, expect its own media type
    """
    wanted, reply = accepting(accept)
    if reply.status == 200:
        expect_media_type(reply, wanted.media_type)


@verifies("registry/pull/accept-is-honoured")
@pytest.mark.parametrize(
    "fields",
    [
        case("asterisks", (("Accept", "*/*"),)),
        case("no-accept", ()),
        case("first-of-several", (("Accept", OCI_MANIFEST), ("Accept", DOCKER_LIST))),
        case("last-of-several", (("Accept", DOCKER_LIST), ("Accept", OCI_MANIFEST))),
        case("weighted", (("Accept", f"{DOCKER_LIST},{OCI_MANIFEST};q=0.5"),)),
    ],
)
def test_accept_is_honoured(stored: StoredImage, once: Once, fields: tuple[tuple[str, str], ...]) -> None:
    """Purpose: a client gets the manifest in whichever form it accepts the type.
    Method: 1. GET an image by digest with Accept: */*, without Accept, with its type in one of two Accept headers, and
               with a weight
            2. expect 200 with its bytes; and 200 to HEAD without Accept
    """
    reply = once(("stored", fields), lambda: stored.repository.get_manifest(stored.image.digest, fields))
    expect_bytes(reply, stored.image.content)
    if not fields:
        expect_status(stored.repository.head_manifest(stored.image.digest, fields), 200, "without Accept")
