"""Headers of responses to pulls: HEAD and GET agree, the digest is true, and shared caches store nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import EVERY_TYPE, Repository, StoredImage
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_end_after_head, expect_header, expect_not_shared
from conformance.oracles.registry import expect_content_length, expect_same_fields, expect_true_digest
from conformance.oracles.status import NOT_OFFERED, expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

Read = Callable[[str], Exchange]
COMPARED = ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag")
READS = ["blob-get", "blob-head", "digest-get", "digest-head", "tag-get", "tag-head"]


@verifies("registry/pull/head-states-the-length")
@pytest.mark.parametrize("kind", [case("blob", "blob-head"), case("manifest", "digest-head")])
def test_head_states_the_length(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a client learns the size of a blob or manifest before it pulls it.
    Method: 1. HEAD a blob and a manifest: expect the size as Content-Length.
    """
    blob = stored.image.blobs[-1] if kind == "blob-head" else stored.image

    expect_content_length(read_stored(kind), len(blob.content))


@verifies("registry/pull/head-equals-get")
@pytest.mark.parametrize("kind", ["blob", "tag", "digest", "list"])
def test_head_equals_get(read_stored: Read, kind: str) -> None:
    """Purpose: a client can rely on HEAD instead of GET.
    Method: 1. GET and HEAD a blob, a manifest by tag and by digest, and a tag list.
            2. Expect the same status and headers, and no body; 400, 404, 405 or 501 to HEAD of a list may be sent too.

    Not compared: Content-Type that HEAD of a blob omits, Content-Length that a chunked GET omits, and the headers of a
    store that only GET is redirected to.
    """
    got, head = read_stored(f"{kind}-get"), read_stored(f"{kind}-head")
    if kind == "list":
        expect_status(head, {got.status, 400, 404, *NOT_OFFERED}, "as to GET, or where HEAD is not offered")
        expect_same_fields(got, head)
        return
    ignored = {"Content-Type"} if kind == "blob" and not head.media_type else set()
    ignored |= set() if "content-length" in got.headers else {"Content-Length"}
    ignored |= set(COMPARED) - {"Content-Length"} if got.url != head.url else set()

    expect_status(head, got.status, "as to GET")
    expect_same_fields(got, head, *(each for each in COMPARED if each not in ignored))
    if "content-length" in head.headers:
        expect_content_length(head, len(got.body))


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("kind", ["blob", "tag", "list"])
def test_not_for_shared_caches(repository: Repository, read_stored: Read, kind: str) -> None:
    """Purpose: a shared cache does not serve private content to other clients (RFC 9111 section 3.5).
    Method: 1. GET and HEAD a blob, a manifest and a tag list with a login.
            2. Expect no Cache-Control that lets a shared cache reuse the response without validation.
    """
    if not repository.registry.auth.scheme:
        raise NotApplicable("the registry requires no login")

    replies = [read_stored(f"{kind}-{method}") for method in ("get", "head")]
    replies = [each for each in replies if "authorization" in each.request_headers]
    if not replies:
        raise NotApplicable("the pull is redirected to a host that gets no login")
    for reply in replies:
        expect_not_shared(reply)


@verifies("registry/pull/digest-header-is-correct")
@pytest.mark.parametrize("kind", READS[:-1])
def test_digest_header_is_correct(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a client can verify what it pulled by the digest in the response.
    Method: 1. GET and HEAD a blob and a manifest: expect Docker-Content-Digest, where sent, to be the digest.
    """
    image = stored.image

    expect_true_digest(read_stored(kind), image.blobs[-1].digest if kind.startswith("blob") else image.digest)


@verifies("registry/pull/digest-header-is-present")
@pytest.mark.parametrize("kind", READS)
def test_digest_header_is_present(stored: StoredImage, read_stored: Read, kind: str) -> None:
    """Purpose: a client learns the digest of what a tag names without hashing it.
    Method: 1. GET and HEAD a blob and a manifest: expect Docker-Content-Digest, of a redirected blob on the redirect.
    """
    reply, rest = read_stored(kind), f"blobs/{stored.image.blobs[-1].digest}"
    if kind.startswith("blob") and not reply.url.endswith(rest) and "docker-content-digest" not in reply.headers:
        reply = stored.repository.send(kind.removeprefix("blob-").upper(), rest)
    expect_header(reply, "Docker-Content-Digest")


@verifies("registry/pull/head-and-304-have-no-body")
@pytest.mark.parametrize("name", [case("head", "HEAD"), case("absent", "absent"), case("not-modified", "GET")])
def test_head_and_304_have_no_body(stored: StoredImage, once: Once, name: str) -> None:
    """Purpose: a client does not mistake surplus bytes on the connection for the next response.
    Method: 1. HEAD a manifest and a missing one; GET it with its ETag in If-None-Match, if that is answered with 304.
            2. Read until the connection ends: expect nothing after the header section.
    """
    repository, digest = stored.repository, stored.image.digest
    login = repository.registry.presenter.authorization(repository.scopes)
    fields = [*([("Authorization", login)] if login else []), EVERY_TYPE]
    reference = stored.tag[:-2] if name == "absent" else digest
    if name == "GET":
        etag = once(("stored", "digest-get"), lambda: repository.get_manifest(digest)).headers.get("etag")
        fields.append(("If-None-Match", etag or f'"{digest}"'))
    method = "GET" if name == "GET" else "HEAD"
    reply = Wire(repository.registry.http).ask(method, repository.path(f"manifests/{reference}"), fields)
    if name == "GET" and reply.status != 304:
        raise NotApplicable("the registry does not answer with 304")

    expect_end_after_head(reply)
