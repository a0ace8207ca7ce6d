"""Pulling blobs and manifests: bytes, media types, Accept, redirects, absent content (OCI Distribution 1.1, "Pull")."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from conformance.clients.http import REDIRECTS, address_in
from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import DOCKER_LIST, OCI_MANIFEST, Manifest, digest_of, index
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type, expect_not_shared
from conformance.oracles.registry import expect_bytes, expect_bytes_decoded, expect_reachable
from conformance.oracles.status import expect_status, observed, unlike_field
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

ACCEPTED = {
    "another-type": DOCKER_LIST,
    "html": "text/html",
    "anything": "*/*",
    "nonsense": ";;",
    "index": OCI_MANIFEST,
}
ACCEPTING = "registry/pull/manifest-has-the-pushed-bytes#accepting-"
Read = Callable[[str], Exchange]
Accepting = Callable[[str], tuple[Manifest, Exchange]]


@verifies("registry/pull/blob-has-the-pushed-bytes#gzip")
def test_layer_is_pulled(stored: StoredImage, read_stored: Read) -> None:
    """Purpose: a layer that gzip compressed comes back compressed, as its digest requires.
    Method: 1. push a layer that gzip compressed; GET it; 2. expect 200, its bytes, its length
    """
    expect_bytes(read_stored("blob-get"), stored.image.blobs[-1].content)


@verifies("registry/pull/compressed-content-is-the-same")
@pytest.mark.parametrize("name", [case("blob", "blob"), case("manifest", "digest")])
def test_compressed_content_is_the_same(stored: StoredImage, read_stored: Read, name: str) -> None:
    """Purpose: engines that accept compressed responses, as most do, get what was pushed.
    Method: 1. GET an image and a layer with Accept-Encoding: gzip; 2. expect 200 and exactly the bytes, after decoding
    """
    pushed = stored.image if name == "digest" else stored.image.blobs[-1]
    expect_bytes_decoded(read_stored(f"{name}-coded"), pushed.content)


@verifies("registry/pull/blob-head-is-200")
def test_head_of_a_blob(repository: Repository, base: Manifest, once: Once) -> None:
    """Purpose: a client learns that a blob exists without pulling it.
    Method: 1. HEAD a pushed blob; 2. expect 200
    """
    expect_status(once("base", lambda: repository.head_blob(base.blobs[-1].digest)), 200)


@verifies("registry/pull/manifest-has-the-pushed-bytes")
@pytest.mark.parametrize("by", ["tag", "digest"])
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


@pytest.mark.parametrize(
    ("method", "kind", "by"),
    [
        *(row(f"registry/pull/absent-blob-is-404#{method}", method, "blob", "digest") for method in ("get", "head")),
        *(
            row(f"registry/pull/absent-manifest-is-404#{by}-{method}", method, "manifest", by)
            for by in ("tag", "digest", "blob")
            for method in ("get", "head")
        ),
    ],
)
def test_absent_content(stored: StoredImage, names: Names, once: Once, method: str, kind: str, by: str) -> None:
    """Purpose: a client learns that a blob or a manifest does not exist.
    Method: 1. GET and HEAD a digest that was never pushed, as a blob and as a manifest, and a blob's digest as a
               manifest; GET a tag that is the beginning of another; HEAD the hexadecimal part of an image's digest
            2. expect 404
    """
    image, absent = stored.image, digest_of(names.new("absent").encode())
    tag = {"get": stored.tag[:-2], "head": image.digest.partition(":")[2]}[method]
    read: Read = getattr(stored.repository, f"{method}_{kind}")
    reference = {"tag": tag, "digest": absent, "blob": image.blobs[0].digest}[by]
    reply = once((f"absent {kind}", by, method), lambda: read(reference))
    expect_status(reply, 404, f"for a {kind} that was never pushed")


@verifies("registry/pull/absent-manifest-is-404")
@pytest.mark.parametrize("tag", [case("latest", "latest"), case("any-sign", "v1_0_0")])
def test_no_tag_matches_another(guarded_image: StoredImage, tag: str) -> None:
    """Purpose: a tag names only the image that was pushed under it.
    Method: 1. GET "latest" and "v1_0_0" (a database pattern for v1.0.0) of a repository with only v1.0.0; 2. expect 404
    """
    expect_status(guarded_image.repository.get_manifest(tag), 404, "for a tag that was never pushed")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(
            row(f"registry/pull/blob-stays-in-its-repository#{name}", "blob", name)
            for name in ("get", "head", "part", "manifest", "puller", "if-none-match")
        ),
        *(row(f"registry/pull/manifest-stays-in-its-repository#{name}", "manifest", name) for name in ("get", "head")),
    ],
)
def test_content_of_another_repository(
    repository: Repository, stored: StoredImage, base: Manifest, once: Once, kind: str, name: str
) -> None:
    """Purpose: access to one repository gives no access to the content of another.
    Method: 1. HEAD and GET (also with Range, If-None-Match, and a pull-only login), in an existing repository, a blob
               and an image that only another repository has; GET an image's digest as a blob
            2. expect 404, and 200 in the repository that has the content
    """
    digest, image, elsewhere = base.blobs[-1].digest, stored.image.digest, stored.repository
    control = once("base", lambda: repository.head_blob(digest))
    known = control.headers.get("etag") or f'"{digest}"'
    reply = {
        ("blob", "get"): lambda: elsewhere.get_blob(digest),
        ("blob", "head"): lambda: elsewhere.head_blob(digest),
        ("blob", "puller"): lambda: elsewhere.as_role("puller").get_blob(digest),
        ("blob", "manifest"): lambda: repository.get_blob(image),
        ("blob", "part"): lambda: elsewhere.get_blob(digest, [("Range", "bytes=0-99")]),
        ("blob", "if-none-match"): lambda: elsewhere.get_blob(digest, [("If-None-Match", known)]),
        ("manifest", "get"): lambda: repository.get_manifest(image),
        ("manifest", "head"): lambda: repository.head_manifest(image),
    }[kind, name]()
    expect_status(reply, 404, f"for a {kind} of another repository")
    if kind == "manifest":
        control = once(("stored", "digest-head"), lambda: elsewhere.head_manifest(image))
    expect_status(control, 200, "where it was pushed")


def blob_redirect(image: StoredImage, once: Once) -> Exchange:
    """Return the redirect of GET of an image's last blob; not applicable if the registry serves the blob."""
    rest = f"blobs/{image.image.blobs[-1].digest}"
    reply = once(("redirect", image.repository.name), lambda: image.repository.send("GET", rest))
    if reply.status not in REDIRECTS or not reply.headers.get("location"):
        raise NotApplicable(f"the registry serves blobs itself ({reply.status})")
    return reply


def redirect_target(image: StoredImage, once: Once) -> str:
    """Return the address that GET of an image's last blob is redirected to."""
    reply = blob_redirect(image, once)
    return address_in(reply.url, reply.headers.get("location") or "")


@verifies("registry/pull/redirect-can-be-reached")
def test_redirect_can_be_reached(stored: StoredImage, once: Once) -> None:
    """Purpose: clients can reach the server that a pull is redirected to.
    Method: 1. GET a blob; 2. if that is a redirect, GET its Location: expect a response
    """
    location = redirect_target(stored, once)
    expect_reachable("a Location", lambda: stored.repository.pull(location))


@verifies("registry/rights/redirect-opens-no-other-blob")
def test_redirect_opens_no_other_blob(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> None:
    """Purpose: the address of one blob does not give access to another organization's.
    Method: 1. as another organization, GET an own blob; not applicable without a redirect whose Location names it
            2. put our digest, then also our repository, into the Location; GET each without a login
            3. expect any response without our blob
    """
    redirect_target(stored, once)
    theirs: StoredImage = request.getfixturevalue("theirs")
    own, ours = theirs.image.blobs[-1].digest, stored.image.blobs[-1]
    named = redirect_target(theirs, once).replace(own[7:], ours.digest[7:])
    if ours.digest[7:] not in named:
        raise NotApplicable("the Location does not name the blob")
    names, altered = (theirs.repository.name, stored.repository.name), named
    for old, new in (names, [quote(each, safe="") for each in names]):
        altered = altered.replace(old, new)

    for address in sorted({named, altered}):
        reply = stored.repository.as_role(None).pull(address)
        if reply.ok and ours.content in reply.body:
            raise NonConformance("a response without another organization's blob", observed(reply), reply)


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("name", [case("redirect", "redirect"), case("absent", "absent tag")])
def test_is_not_for_shared_caches(stored: StoredImage, once: Once, name: str) -> None:
    """Purpose: no shared cache hands out the address of a blob, or says that an image is absent that was pushed since.
    Method: 1. GET a blob that is redirected, and a tag that was never pushed, with a login
            2. expect a Cache-Control that forbids shared caches to reuse the response
    """
    if not stored.repository.registry.auth.scheme:
        raise NotApplicable("the registry requires no login")
    if name == "redirect":
        expect_not_shared(blob_redirect(stored, once))
        return
    absent = lambda: stored.repository.get_manifest(stored.tag[:-2])  # noqa: E731
    expect_not_shared(once(("absent manifest", "tag", "get"), absent))


def tags_after_a_refused_push(absent: Repository) -> Exchange:
    """Return the tag list after a refused push without a login."""
    if absent.as_role(None).post_upload().ok:
        raise NotApplicable("the registry requires no login")
    return absent.tags()


@verifies("registry/pull/absent-repository-is-404")
@pytest.mark.parametrize(
    "read",
    [
        case("tags", lambda absent: absent.tags()),
        case("manifest", lambda absent: absent.get_manifest("v1.0.0")),
        case("manifest-head", lambda absent: absent.head_manifest("v1.0.0")),
        case("blob", lambda absent: absent.get_blob(digest_of(b"never pushed"))),
        case("blob-head", lambda absent: absent.head_blob(digest_of(b"never pushed"))),
        case("tags-asked-again", lambda absent: (absent.get_manifest("v1.0.0"), absent.tags())[-1]),
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
    absent = repository.registry.repository(f"{described.repository}-{names.new('absent')}")
    expect_status(read(absent), 404, "for a repository that nothing was pushed to")


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
        expected: Manifest = (
            request.getfixturevalue("index_of_stored_image") if accept == OCI_MANIFEST else stored.image
        )
        return expected, once(("stored", fields), lambda: stored.repository.get_manifest(expected.digest, fields))

    return pulled


@pytest.mark.parametrize(
    ("accept", "judges_type"),
    [
        *(row(f"registry/pull/manifest-is-never-converted#{name}", value, False) for name, value in ACCEPTED.items()),
        *(row(f"{ACCEPTING}{name}", value, True) for name, value in ACCEPTED.items()),
    ],
)
def test_manifest_is_never_converted(accepting: Accepting, accept: str, judges_type: bool) -> None:
    """Purpose: content that is pulled by digest has that digest and its own type, whatever the client accepts.
    Method: 1. GET an image by digest with an Accept header without its type, and an index with one of images only
            2. expect exactly its bytes, or a refusal (400, 404 or 406); with 200 its own media type
    """
    expected, reply = accepting(accept)
    if judges_type and reply.status == 200:
        expect_media_type(reply, expected.media_type)
    elif not judges_type:
        expect_status(reply, {200, 400, 404, 406})
        if reply.status == 200:
            expect_bytes(reply, expected.content)


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
    Method: 1. GET an image by digest with Accept: */*, without Accept, its type in one of two headers, and weighted
            2. expect 200 with its bytes; and 200 to HEAD without Accept
    """
    reply = once(("stored", fields), lambda: stored.repository.get_manifest(stored.image.digest, fields))
    expect_bytes(reply, stored.image.content)
    if not fields:
        expect_status(stored.repository.head_manifest(stored.image.digest, fields), 200, "without Accept")
