"""Headers of responses to pulls: HEAD and GET agree, the digest is true, and shared caches store nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import EVERY_TYPE, Repository, StoredImage
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_bare, expect_header, expect_not_shared
from conformance.oracles.registry import (
    expect_content_length,
    expect_same_fields,
    expect_true_digest,
)
from conformance.oracles.status import NOT_OFFERED, expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

Read = Callable[[str], Exchange]
TOLD = ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag")


@verifies("registry/pull/head-states-the-length")
@pytest.mark.parametrize("kind", [case("blob", "blob-head"), case("manifest", "digest-head")])
def test_head_names_the_length(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a client learns how much it would pull.

    Method: 1. HEAD a blob and a manifest
            2. expect Content-Length to be the size
    """
    blob = stored.image.blobs[-1] if kind == "blob-head" else stored.image

    expect_content_length(read_stored(kind), len(blob.content))


@verifies("registry/pull/head-equals-get")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("tag", "tag"), case("digest", "digest")])
def test_head_equals_get(read_stored: Read, kind: str) -> None:
    """Purpose: HEAD tells of a thing what GET does.

    Method: 1. GET and HEAD a blob, and a manifest by tag and by digest
            2. expect the same status and the same Content-Type, Content-Length, Docker-Content-Digest and ETag, no body
               (no Content-Type of a blob is no other: GET may tell it from the bytes; nor is a Content-Length another
               than none, where GET comes in chunks; a storage that GET alone leads to has fields of its own)
    """
    got, head = read_stored(f"{kind}-get"), read_stored(f"{kind}-head")
    untold = {"Content-Type"} if kind == "blob" and not head.media_type else set()
    untold |= set() if "content-length" in got.headers else {"Content-Length"}
    untold |= set(TOLD) - {"Content-Length"} if got.url != head.url else set()

    expect_status(head, got.status, "as GET is answered")
    expect_same_fields(got, head, *(each for each in TOLD if each not in untold))
    if "content-length" in head.headers:
        expect_content_length(head, len(got.body))


@verifies("registry/pull/head-equals-get")
@pytest.mark.parametrize("kind", [case("list", "list")])
def test_head_of_a_list_equals_get(read_stored: Read, kind: str) -> None:
    """Purpose: HEAD of a tag list, where offered, agrees with GET.

    Method: 1. GET and HEAD a list of tags
            2. expect the same status and no body; or 400, 404, 405 or 501 to HEAD
    """
    got, head = read_stored(f"{kind}-get"), read_stored(f"{kind}-head")

    expect_status(head, {got.status, 400, 404, *NOT_OFFERED}, "as GET is answered, or where there is no HEAD")
    expect_same_fields(got, head)


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("tag", "tag"), case("list", "list")])
def test_not_for_shared_caches(repository: Repository, read_stored: Read, kind: str) -> None:
    """Purpose: what a login opens is not offered to caches that give it to everybody (RFC 9111 section 3.5).

    Method: 1. GET and HEAD a blob, a manifest and a list of tags with a login
            2. expect a Cache-Control that lets no shared cache give it out unasked
    """
    if not repository.registry.door.scheme:
        raise NotApplicable("the registry asks for no login")

    replies = [read_stored(f"{kind}-{method}") for method in ("get", "head")]
    replies = [each for each in replies if "authorization" in each.request_headers]
    if not replies:
        raise NotApplicable("the pull is led to where no login is shown")
    for reply in replies:
        expect_not_shared(reply)


@verifies("registry/pull/digest-field-is-true")
@pytest.mark.parametrize(
    "kind",
    [
        case("blob-get", "blob-get"),
        case("blob-head", "blob-head"),
        case("manifest-get", "digest-get"),
        case("manifest-head", "digest-head"),
        case("tag-get", "tag-get"),
    ],
)
def test_digest_field_is_true(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a digest that an answer names is that of the content.

    Method: 1. GET and HEAD a blob and a manifest
            2. expect Docker-Content-Digest, where it is there, to be the digest of what was pushed
    """
    image = stored.image

    expect_true_digest(read_stored(kind), image.blobs[-1].digest if kind.startswith("blob") else image.digest)


@verifies("registry/pull/digest-is-told")
@pytest.mark.parametrize(
    "kind",
    [
        case("blob", "blob-get"),
        case("blob-head", "blob-head"),
        case("manifest", "tag-get"),
        case("manifest-head", "tag-head"),
        case("manifest-by-digest", "digest-get"),
        case("manifest-head-by-digest", "digest-head"),
    ],
)
def test_digest_is_reported(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a client learns the digest of what a tag names without hashing, and what to compare with.

    Method: 1. GET and HEAD a blob and a manifest
            2. expect a Docker-Content-Digest field; of a blob elsewhere on the answer that leads there
    """
    reply, rest = read_stored(kind), f"blobs/{stored.image.blobs[-1].digest}"
    if kind.startswith("blob") and not reply.url.endswith(rest) and "docker-content-digest" not in reply.headers:
        reply = stored.repository.send("HEAD" if kind == "blob-head" else "GET", rest)
    expect_header(reply, "Docker-Content-Digest")


def raw_response(repository: Repository, method: str, path: str, *fields: tuple[str, str]) -> Exchange:
    """Return the raw response to a request with a login, including the bytes after its header section."""
    registry = repository.registry
    login = registry.presenter.authorization(repository.scopes)
    given = [*([("Authorization", login)] if login else []), EVERY_TYPE, *fields]
    return Wire(registry.http).ask(method, repository.path(path), given)


@verifies("registry/pull/head-and-304-end-with-their-head")
@pytest.mark.parametrize("how", [case("head", "HEAD"), case("absent", "absent"), case("not-modified", "GET")])
def test_head_and_304_end_with_their_head(stored: StoredImage, once: Once, how: str) -> None:
    """Purpose: what comes behind an answer that has no content is not taken for the next answer.

    Method: 1. HEAD a manifest, and one that was never pushed; GET it with its ETag in If-None-Match, where that is
               answered 304
            2. read what comes until the connection ends: expect nothing behind the head
    """
    repository, digest = stored.repository, stored.image.digest
    if how != "GET":
        expect_bare(raw_response(repository, "HEAD", f"manifests/{digest if how == 'HEAD' else stored.tag[:-2]}"))
        return
    etag = once(("stored", "digest-get"), lambda: repository.get_manifest(digest)).headers.get("etag")
    reply = raw_response(repository, "GET", f"manifests/{digest}", ("If-None-Match", etag or f'"{digest}"'))
    if reply.status != 304:
        raise NotApplicable("an entity tag saves no pull")

    expect_bare(reply)
