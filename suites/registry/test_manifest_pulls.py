"""Pulling manifests: bytes, media types, the Accept header, and absent manifests (OCI Distribution 1.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import DOCKER_LIST, OCI_MANIFEST, Manifest, digest_of, index
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type, expect_not_shared
from conformance.oracles.proofs import field_matches, literal
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import expect_status, unlike_field
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

NOWHERE = digest_of(b"in a repository that never was")
ACCEPTED = {
    "another-type": DOCKER_LIST,
    "html": "text/html",
    "anything": "*/*",
    "nonsense": ";;",
    "index": OCI_MANIFEST,
}
Accepting = Callable[[str], tuple[Manifest, Exchange]]


def absent_digest(names: Names) -> str:
    """Return a digest that nothing was pushed under."""
    return digest_of(names.new("absent").encode())


@verifies("registry/pull/manifest-is-what-was-pushed")
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_manifest_is_pulled(stored: StoredImage, once: Once, by: str) -> None:
    """Purpose: a manifest comes back byte for byte, as the type that it was pushed as.

    Method: 1. GET an image by tag and by digest
            2. expect 200, exactly its bytes, and its media type
    """
    reference = stored.tag if by == "tag" else stored.image.digest
    reply = once(("stored", f"{by}-get"), lambda: stored.repository.get_manifest(reference))

    expect_bytes(reply, stored.image.content)
    if reply.media_type != stored.image.media_type:
        told, proof = "Content-Type: {}", field_matches(reply, "content-type", f"^{literal(stored.image.media_type)}")
        raise NonConformance(told.format(stored.image.media_type), told.format(reply.media_type), reply, proof=proof)


@verifies("registry/pull/type-has-no-parameters")
def test_type_has_no_parameters(stored: StoredImage, once: Once) -> None:
    """Purpose: clients that compare types as they stand understand the answer.

    Method: 1. GET an image by tag
            2. expect its media type alone in Content-Type
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
    """Purpose: a manifest that is not there is told as such.

    Method: 1. GET and HEAD a digest that was never pushed; the digest of a blob, which is no manifest; GET a tag that
               was never pushed, though one that begins so was; HEAD another, the digits of the image's digest
            2. expect 404
    """
    image, tag = stored.image, {"GET": stored.tag[:-2], "HEAD": stored.image.digest.partition(":")[2]}[method]
    reference = {"tag": tag, "digest": absent_digest(names), "blob": image.blobs[0].digest}[by]
    read = stored.repository.get_manifest if method == "GET" else stored.repository.head_manifest

    reply = once(("absent manifest", by, method), lambda: read(reference))
    expect_status(reply, 404, "for a manifest that was never pushed")


@verifies("registry/pull/absent-manifest-is-404")
@pytest.mark.parametrize("tag", [case("latest", "latest"), case("any-sign", "v1_0_0")])
def test_no_tag_stands_for_others(guarded_image: StoredImage, tag: str) -> None:
    """Purpose: the tag that engines ask for unasked is there where it was pushed, and stands for no other.

    Method: 1. GET, in a repository in which v1.0.0 was pushed, the tags "latest" and "v1_0_0" (a database's pattern has
               _ for any sign)
            2. expect 404
    """
    expect_status(guarded_image.repository.get_manifest(tag), 404, "for a tag that was never pushed")


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("method", [case("absent", "GET")])
def test_absence_is_not_for_shared_caches(stored: StoredImage, once: Once, method: str) -> None:
    """Purpose: no cache tells everybody that an image is not there, when it was pushed since, or is none of theirs.

    Method: 1. GET a tag that was never pushed, with a login
            2. expect a Cache-Control that lets no shared cache give the answer out unasked
    """
    if not stored.repository.registry.door.scheme:
        raise NotApplicable("the registry asks for no login")

    reply = once(("absent manifest", "tag", method), lambda: stored.repository.get_manifest(stored.tag[:-2]))
    expect_not_shared(reply)


@verifies("registry/pull/manifest-stays-in-its-repository")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
def test_manifest_of_another_repository(repository: Repository, stored: StoredImage, once: Once, method: str) -> None:
    """Purpose: a manifest is seen where it was pushed, and nowhere else.

    Method: 1. GET and HEAD by digest, in a repository that exists, an image that was pushed to another only
            2. expect 404; and 200 where it was pushed (the control)
    """
    digest = stored.image.digest
    read = repository.get_manifest if method == "GET" else repository.head_manifest

    expect_status(read(digest), 404, "for a manifest of another repository")
    control = once(("stored", "digest-head"), lambda: stored.repository.head_manifest(digest))
    expect_status(control, 200, "where it was pushed")


def tags_after_a_refused_push(never: Repository) -> Exchange:
    """Return the tag list after a refused push without a login."""
    if never.as_role(None).post_upload().ok:
        raise NotApplicable("the registry asks for no login")
    return never.tags()


@verifies("registry/pull/absent-repository-is-404")
@pytest.mark.parametrize(
    "read",
    [
        case("tags", lambda never: never.tags()),
        case("manifest", lambda never: never.get_manifest("v1.0.0")),
        case("manifest-head", lambda never: never.head_manifest("v1.0.0")),
        case("blob", lambda never: never.get_blob(NOWHERE)),
        case("blob-head", lambda never: never.head_blob(NOWHERE)),
        case("tags-asked-again", lambda never: (never.get_manifest("v1.0.0"), never.tags())[-1]),
        case("tags-behind-a-refusal", tags_after_a_refused_push),
    ],
)
def test_absent_repository(repository: Repository, names: Names, read: Callable[[Repository], Exchange]) -> None:
    """Purpose: a repository that nothing was pushed to is told as such, as engines ask before their first push.

    Method: 1. ask for tags, a manifest and a blob of a repository that never was, as one who may pull and push there;
               for the tags of one after a manifest, or an upload without a login, which make it none the more
            2. expect 404; where the answer leads elsewhere, there
    """
    described = repository.registry.described
    never = repository.registry.repository(f"{described.repository}-{names.new('never')}")

    expect_status(read(never), 404, "for a repository that never was")


@pytest.fixture
def index_of_stored_image(stored: StoredImage, once: Once) -> Manifest:
    """An index of the stored image, pushed by digest."""
    made = index([stored.image])
    put = lambda: stored.repository.put_manifest(made.digest, made.content, made.media_type)  # noqa: E731
    if not (reply := once("index of the stored image", put)).ok:
        raise Inconclusive(f"an index could not be pushed: {reply}", "a registry that takes indexes")
    return made


@pytest.fixture
def accepting(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> Accepting:
    """An image, or an index where images alone are accepted, and the answer to GET by digest with an Accept field."""

    def asked(accept: str) -> tuple[Manifest, Exchange]:
        fields = (("Accept", accept),)
        wanted: Manifest = request.getfixturevalue("index_of_stored_image") if accept == OCI_MANIFEST else stored.image
        return wanted, once(("stored", fields), lambda: stored.repository.get_manifest(wanted.digest, fields))

    return asked


@verifies("registry/pull/manifest-is-never-converted")
@pytest.mark.parametrize("accept", [case(name, value) for name, value in ACCEPTED.items()])
def test_manifest_is_never_converted(accepting: Accepting, accept: str) -> None:
    """Purpose: what is pulled by digest has that digest, whatever the caller would like best.

    Method: 1. GET an image by digest with an Accept field that does not name its type; GET an index of it with one
               that names images alone
            2. expect its bytes, or a refusal (404 or 406); never other bytes
    """
    asked, reply = accepting(accept)

    expect_status(reply, {200, 400, 404, 406})
    if reply.status == 200:
        expect_bytes(reply, asked.content, or_statuses=(400, 404, 406))


@verifies("registry/pull/manifest-is-what-was-pushed")
@pytest.mark.parametrize("accept", [case(f"accepting-{name}", value) for name, value in ACCEPTED.items()])
def test_type_is_not_from_accept(accepting: Accepting, accept: str) -> None:
    """Purpose: a manifest comes as the type that it was pushed as, whatever the caller would like best.

    Method: 1. GET an image or an index by digest with an Accept field that does not name its type
            2. where it is given, expect it as its type
    """
    asked, reply = accepting(accept)
    if reply.status == 200:
        expect_media_type(reply, asked.media_type)


@verifies("registry/pull/any-type-is-any-type")
@pytest.mark.parametrize("fields", [case("asterisks", (("Accept", "*/*"),)), case("no-accept", ())])
def test_any_type(stored: StoredImage, once: Once, fields: tuple[tuple[str, str], ...]) -> None:
    """Purpose: a client that takes any type gets the manifest.

    Method: 1. GET an image by digest with Accept: */*, and without Accept
            2. expect 200 with its bytes; and 200 to HEAD without Accept
    """
    reply = once(("stored", fields), lambda: stored.repository.get_manifest(stored.image.digest, fields))

    expect_bytes(reply, stored.image.content)
    if not fields:
        expect_status(stored.repository.head_manifest(stored.image.digest, fields), 200, "without Accept")


@verifies("registry/pull/accept-is-read-whole")
@pytest.mark.parametrize(
    "fields",
    [
        case("first-of-several", (("Accept", OCI_MANIFEST), ("Accept", DOCKER_LIST))),
        case("last-of-several", (("Accept", DOCKER_LIST), ("Accept", OCI_MANIFEST))),
        case("weighted", (("Accept", f"{DOCKER_LIST},{OCI_MANIFEST};q=0.5"),)),
    ],
)
def test_accept_is_read_whole(stored: StoredImage, fields: tuple[tuple[str, str], ...]) -> None:
    """Purpose: engines that name each type that they take in a field of its own, or with a weight, get the manifest.

    Method: 1. GET an image by digest, its type in the first or the last of two Accept fields, or with a weight and no
               blank before it
            2. expect 200 with its bytes
    """
    expect_bytes(stored.repository.get_manifest(stored.image.digest, fields), stored.image.content)
