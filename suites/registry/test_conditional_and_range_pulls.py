"""Conditional, compressed and partial pulls, and entity tags (RFC 9110, sections 8.8, 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.http import on_one_host
from conformance.clients.registry.client import CODED, EVERY_TYPE, Repository, StoredImage
from conformance.clients.registry.images import OCI_LAYER, digest_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_absent_headers, expect_header
from conformance.oracles.registry import (
    expect_bytes,
    expect_coded,
    expect_content_length,
    expect_partial,
    expect_true_digest,
)
from conformance.oracles.status import expect_status
from conformance.strategies.properties import explores
from conformance.strategies.registry import ranges
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

CACHE_FIELDS = ("Cache-Control", "Content-Location", "Expires", "Vary")
HEAD = "manifest by HEAD"
ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\uffff]*"')
"""RFC 9110 section 8.8.3."""
ONLY, SECOND, WEAK_SECOND = "{}", '"of-another", {}', 'W/"of-another", W/{}'
EACH_KIND = pytest.mark.parametrize(
    "kind", [case("blob", "blob"), case("manifest", "manifest"), case("manifest-head", HEAD)]
)


@dataclass(frozen=True)
class ConditionalPull:
    """The response to a pull, its entity tag, and the same request with an If-None-Match header."""

    first: Exchange
    etag: str | None
    again: Callable[[str], Exchange]


@pytest.fixture
def conditional_pull(stored: StoredImage, once: Once) -> Callable[[str], ConditionalPull]:
    """Pulls the stored image or its layer, and again with an entity tag; once for each."""
    repository, manifest = stored.repository, stored.image
    requests = {
        "blob": ("blob-get", repository.get_blob, manifest.blobs[-1].digest),
        "manifest": ("digest-get", repository.get_manifest, manifest.digest),
        HEAD: ("digest-head", repository.head_manifest, manifest.digest),
    }

    def made(kind: str) -> ConditionalPull:
        name, read, digest = requests[kind]
        first = once(("stored", name), lambda: read(digest))

        def again(value: str) -> Exchange:
            fields = [("Accept", manifest.media_type), ("If-None-Match", value)]
            return once(("known", kind, value), lambda: read(digest, fields))

        return ConditionalPull(first, first.headers.get("etag"), again)

    return made


@verifies("registry/pull/if-none-match-returns-304")
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        case("blob", "blob", ONLY),
        case("manifest", "manifest", ONLY),
        case("blob-among-others", "blob", SECOND),
        case("manifest-among-others", "manifest", WEAK_SECOND),
        case("manifest-head", HEAD, ONLY),
    ],
)
def test_if_none_match(conditional_pull: Callable[[str], ConditionalPull], kind: str, form: str) -> None:
    """Purpose: a client does not download again what it has.
    Method: 1. GET a blob and a manifest: expect an ETag; GET with it in If-None-Match: expect 304
            2. GET with it after another one, as weak tags (of a cache that compresses) for the manifest; HEAD the
               manifest with the ETag of its HEAD: expect 304
    """
    pull, pulled = conditional_pull(kind), conditional_pull("manifest" if kind == HEAD else kind)
    simple = form == ONLY and kind != HEAD
    if not simple and (pull.etag is None or pulled.etag is None or pulled.again(pulled.etag).status != 304):
        raise NotApplicable("If-None-Match with only the entity tag does not return 304 either")
    if pull.etag is None:
        raise NonConformance("an ETag", "no ETag field", pull.first)

    seen = pull.etag.removeprefix("W/") if form == WEAK_SECOND else pull.etag
    expect_status(pull.again(form.format(seen)), 304, "for content that the client has")


@verifies("registry/pull/entity-tag-is-quoted")
@EACH_KIND
def test_entity_tag_is_quoted(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: caches and proxies parse an ETag by its quotation marks.
    Method: 1. GET a blob and a manifest, and HEAD the manifest
            2. expect the ETag, if there is one, to be in quotation marks, weak or strong
    """
    pull = conditional_pull(kind)
    if pull.etag is not None and not ENTITY_TAG.fullmatch(pull.etag):
        raise NonConformance("an ETag in quotation marks", f"ETag: {pull.etag}", pull.first)


@verifies("registry/pull/304-has-the-header-fields-of-200")
@EACH_KIND
def test_304_has_the_header_fields_of_200(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: a cache learns which of its responses is still valid, and for how long.
    Method: 1. GET a blob and a manifest, HEAD the manifest; again with the ETag in If-None-Match
            2. of a 304 expect ETag, Cache-Control, Content-Location, Expires, Vary and any Content-Length as in the 200
    """
    pull = conditional_pull(kind)
    reply = pull.again(pull.etag) if pull.etag else None
    if pull.etag is None or reply is None or reply.status != 304:
        raise NotApplicable("the registry does not return 304, as it may")
    seen = expect_header(reply, "ETag")

    if seen.removeprefix("W/") != pull.etag.removeprefix("W/"):
        raise NonConformance(f"ETag: {pull.etag}", f"ETag: {seen}", pull.first, reply)
    for name in (each for each in CACHE_FIELDS if each in pull.first.headers and each not in reply.headers):
        raise NonConformance(f"the field {name}, as in the 200", "304 without one", pull.first, reply)
    due = pull.first.headers.get("content-length") or (None if kind == HEAD else str(len(pull.first.body)))
    if due and (length := reply.headers.get("content-length") or due) != due:
        expected = f"no Content-Length, or {due}"
        raise NonConformance(expected, f"Content-Length: {length}", pull.first, reply)


@pytest.fixture
def compressed(stored: StoredImage, once: Once) -> Exchange:
    """The response to GET of a manifest with Accept-Encoding: gzip; not applicable if it is not compressed."""
    read = lambda: stored.repository.get_manifest(stored.image.digest, [EVERY_TYPE, CODED])  # noqa: E731
    reply = once(("stored", "digest-coded"), read)
    if (reply.headers.get("content-encoding") or "identity").lower() == "identity":
        raise NotApplicable("the registry does not compress responses")
    return reply


@verifies("registry/pull/compressed-has-another-entity-tag")
def test_compressed_response_has_another_entity_tag(stored: StoredImage, compressed: Exchange, once: Once) -> None:
    """Purpose: a client that resumes a pull does not mix compressed and uncompressed bytes.
    Method: 1. GET a manifest, and GET it with Accept-Encoding: gzip
            2. if the second is compressed, expect another ETag than the first's, or a weak one
    """
    plain = once(("stored", "digest-get"), lambda: stored.repository.get_manifest(stored.image.digest))
    coding, etag = compressed.headers.get("content-encoding"), compressed.headers.get("etag") or ""
    if etag.startswith('"') and etag == plain.headers.get("etag"):
        expected = f"another ETag for the response in {coding}, or a weak one"
        raise NonConformance(expected, f"ETag: {etag} for both", plain, compressed)


@verifies("registry/pull/accept-encoding-is-honoured")
def test_accept_encoding_is_honoured(stored: StoredImage, compressed: Exchange) -> None:
    """Purpose: a client that cannot decompress gets a response that it can read.
    Method: 1. GET a manifest with Accept-Encoding: gzip; if the response is compressed, GET it with gzip;q=0
            2. expect no Content-Encoding, or identity
    """
    refusing = [EVERY_TYPE, ("Accept-Encoding", "gzip;q=0, identity")]
    reply = stored.repository.get_manifest(stored.image.digest, refusing)
    if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
        expect_absent_headers(reply, ["content-encoding"], "where none is accepted")


SIZE = 2048
MIDDLE, RESUME, WHOLE, FAR_BEYOND = "bytes=500-1499", "bytes=500-", "bytes=0-", "bytes=5000-10000"
RANGES = [
    case("middle", MIDDLE, 500, 1499),
    case("open", RESUME, 500, SIZE - 1),
    case("to-the-end", f"bytes=500-{SIZE - 1}", 500, SIZE - 1),
    case("last", "bytes=-500", SIZE - 500, SIZE - 1),
    case("beyond-the-end", f"bytes=2000-{SIZE}", 2000, SIZE - 1),
    case("first-byte", "bytes=0-0", 0, 0),
    case("last-one", "bytes=-1", SIZE - 1, SIZE - 1),
    case("last-byte", f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
]
WHOLE_RANGES = [case("the-whole", WHOLE, 0, SIZE - 1), case("long-suffix", f"bytes=-{2 * SIZE}", 0, SIZE - 1)]
OTHER_ETAG = '"of-another"'
SENDS_WHOLE = "the registry sends the whole blob instead, as it may"
Ask = Callable[[str], Exchange]
# Where they are sent with 200, they are sent with 206 (RFC 9110 section 15.3.7).
SENT_WITH_A_PART = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")


@pytest.fixture
def whole(repository: Repository, content: bytes, once: Once) -> Exchange:
    """The response to GET of the blob with an If-None-Match of another ETag."""
    return once("whole", lambda: repository.get_blob(digest_of(content), [("If-None-Match", OTHER_ETAG)]))


@pytest.fixture(scope="session")
def ask(repository: Repository, content: bytes, once: Once) -> Ask:
    """Sends GET of the blob with a Range, once for each.

    GET of the whole accepts gzip; a resumed pull accepts several types, as engines do.
    """
    added = {WHOLE: [("Accept-Encoding", "gzip")], RESUME: [("Accept", f"{OCI_LAYER}, */*")]}
    return lambda asked: once(
        ("range", asked), lambda: repository.get_blob(digest_of(content), [("Range", asked), *added.get(asked, [])])
    )


def expect_range_or_whole(reply: Exchange, content: bytes, first: int, last: int) -> None:
    """Expect 206 with exactly these bytes, or 200 with the whole."""
    expect_status(reply, {200, 206})
    if reply.status == 200:
        expect_bytes(reply, content)
    else:
        expect_partial(reply, content, first, last)


@verifies("registry/pull/range-is-served")
@pytest.mark.parametrize(("requested", "first", "last"), RANGES)
def test_range_is_served(ask: Ask, content: bytes, requested: str, first: int, last: int) -> None:
    """Purpose: a client can resume an interrupted pull.
    Method: 1. GET a blob, which was pushed in two chunks, with a Range.
            2. Expect 206 with exactly those bytes and their Content-Range.
    """
    expect_partial(ask(requested), content, first, last)


@verifies("registry/pull/partial-content-is-the-requested-range")
@pytest.mark.parametrize(("requested", "first", "last"), [*RANGES, *WHOLE_RANGES])
def test_partial_content(ask: Ask, content: bytes, requested: str, first: int, last: int) -> None:
    """Purpose: a resumed pull ends with the right blob, whether or not ranges are supported.
    Method: 1. GET a blob with a Range: expect 206 with exactly those bytes, or 200 with the whole.
            2. Expect Docker-Content-Digest, where sent, to be that of the whole.
            3. Of a compressed 206 expect as many bytes as its Content-Range states.
    """
    reply = ask(requested)

    expect_status(reply, {200, 206})
    expect_true_digest(reply, digest_of(content))
    if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
        expect_coded(reply, content)
    else:
        expect_range_or_whole(reply, content, first, last)


@verifies("registry/pull/partial-content-is-the-requested-range#if-range")
def test_if_range(repository: Repository, whole: Exchange, content: bytes) -> None:
    """Purpose: a client resumes a pull on the condition that the blob has not changed.
    Method: 1. GET a blob with a Range and its strong ETag in If-Range; 2. expect 206 with those bytes, or 200 with all
    """
    if not (etag := whole.headers.get("etag") or "").startswith('"'):
        raise NotApplicable("the blob has no strong ETag, which is optional")
    reply = repository.get_blob(digest_of(content), [("Range", MIDDLE), ("If-Range", etag)])

    expect_range_or_whole(reply, content, 500, 1499)


@verifies("registry/pull/head-states-the-length#blob-in-chunks")
def test_head_of_a_blob_pushed_in_chunks(repository: Repository, content: bytes) -> None:
    """Purpose: the stated length is that of the whole blob, not of its last chunk.
    Method: 1. HEAD a blob that was pushed in two chunks: expect its size as Content-Length.
    """
    expect_content_length(repository.head_blob(digest_of(content)), len(content))


@pytest.mark.parametrize(
    ("requested", "accepted"),
    [
        row("registry/pull/unsatisfiable-range#beyond", f"bytes={SIZE}-", {200, 416}),
        row("registry/pull/unsatisfiable-range#far-beyond", FAR_BEYOND, {200, 416}),
        row("registry/pull/unknown-range-unit-is-ignored", "lines=500-1499", {200, 400, 416}),
    ],
)
def test_range_that_cannot_be_served(ask: Ask, content: bytes, requested: str, accepted: set[int]) -> None:
    """Purpose: a client whose range is beyond the blob, or in an unknown unit, is not sent other bytes for it.
    Method: 1. GET a blob with such a Range; 2. expect 200 with the whole, or 416; also 400 for an unknown unit
    """
    reply = ask(requested)

    expect_status(reply, accepted)
    if reply.status == 200:
        expect_bytes(reply, content)


@verifies("registry/pull/416-states-the-size")
def test_416_states_the_size(ask: Ask, content: bytes) -> None:
    """Purpose: a client learns from the refusal how large the blob is.
    Method: 1. GET a blob of 2,048 bytes with a Range beyond its end; of a 416 expect Content-Range: bytes */2048.
    """
    reply = ask(FAR_BEYOND)
    if reply.status != 416:
        raise NotApplicable(SENDS_WHOLE)

    expect_header(reply, "Content-Range", f"bytes */{len(content)}")


@verifies("registry/pull/if-none-match-of-another-etag-is-200")
def test_if_none_match_of_another_etag(repository: Repository, whole: Exchange, content: bytes) -> None:
    """Purpose: a client that has other content gets this blob.
    Method: 1. GET and HEAD a blob with an If-None-Match of another ETag: expect 200, with the whole for GET.
    """
    expect_bytes(whole, content)
    reply = repository.head_blob(digest_of(content), [("If-None-Match", OTHER_ETAG)])
    expect_status(reply, 200, "for another ETag")


@verifies("registry/pull/206-has-the-headers-of-200")
def test_206_has_the_headers_of_200(ask: Ask, whole: Exchange) -> None:
    """Purpose: a client that joins parts can verify that they belong to one blob.
    Method: 1. GET a blob, and a part of it: of a 206 expect the ETag of the whole, and Cache-Control,
               Content-Location, Expires and Vary where the whole has them.
    """
    part = ask(MIDDLE)
    expect_status(whole, 200)
    if part.status != 206:
        raise NotApplicable(SENDS_WHOLE)

    for name in (each for each in SENT_WITH_A_PART if each in whole.headers):
        found, expected = (expect_header(each, name).removeprefix("W/") for each in (part, whole))
        if name == "ETag" and found != expected:
            raise NonConformance(f"ETag: {expected}", f"ETag: {found}", whole, part)


@verifies("registry/pull/if-range-of-another-etag-is-200")
def test_if_range_of_another_etag(repository: Repository, content: bytes) -> None:
    """Purpose: a resumed pull does not join parts of two blobs.
    Method: 1. GET a blob with a Range and an If-Range of another ETag: expect 200 with the whole.

    An object store that the pull is redirected to may send the part: its address has one content only, and S3's
    GetObject has no If-Range.
    """
    reply = repository.get_blob(digest_of(content), [("Range", MIDDLE), ("If-Range", OTHER_ETAG)])
    if reply.status == 206 and not on_one_host(reply.url, repository.registry.http.base_url):
        expect_partial(reply, content, 500, 1499)
        raise NotApplicable("an object store sent the part, and need not support If-Range")

    expect_bytes(reply, content)


@verifies("registry/pull/any-range-gets-a-valid-response")
@explores(0.6, {"asked": "bytes=0-9,20-29"}, {"asked": "bytes=-"}, asked=ranges())
def test_any_range(repository: Repository, content: bytes, asked: str) -> None:
    """Purpose: whatever the Range header, a client gets the whole, a part that says which it is, or a refusal.
    Method: 1. GET a blob with any Range; 2. expect 200 with all, 206 with Content-Range or several parts, 400 or 416
    """
    reply = repository.get_blob(digest_of(content), [("Range", asked)])

    expect_status(reply, {200, 206, 400, 416})
    if reply.status == 200:
        expect_bytes(reply, content)
    elif reply.status == 206 and reply.media_type != "multipart/byteranges" and "content-range" not in reply.headers:
        raise NonConformance("a Content-Range field", "206 without one", reply)
