"""Conditional and compressed pulls, and entity tags (RFC 9110; Docker Registry V2, "Pulling a Layer")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from conformance.clients.registry.client import CODED, EVERY_TYPE, StoredImage
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_absent_headers, expect_header
from conformance.oracles.proofs import another_field, field_matches, field_says_no, literal
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

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
    had, pulled = conditional_pull(kind), conditional_pull("manifest" if kind == HEAD else kind)
    simple = form == ONLY and kind != HEAD
    if not simple and (had.etag is None or pulled.etag is None or pulled.again(pulled.etag).status != 304):
        raise NotApplicable("If-None-Match with only the entity tag does not return 304 either")
    if had.etag is None:
        raise NonConformance("an ETag", "no ETag field", had.first, proof=field_matches(had.first, "etag", "."))

    told = had.etag.removeprefix("W/") if form == WEAK_SECOND else had.etag
    expect_status(had.again(form.format(told)), 304, "for content that the client has")


@verifies("registry/pull/entity-tag-is-quoted")
@EACH_KIND
def test_entity_tag_is_quoted(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: caches and proxies parse an ETag by its quotation marks.
    Method: 1. GET a blob and a manifest, and HEAD the manifest
            2. expect the ETag, if there is one, to be in quotation marks, weak or strong
    """
    had = conditional_pull(kind)
    if had.etag is not None and not ENTITY_TAG.fullmatch(had.etag):
        proof = field_matches(had.first, "ETag", '(W/)?"[^"]*"$')
        raise NonConformance("an ETag in quotation marks", f"ETag: {had.etag}", had.first, proof=proof)


@verifies("registry/pull/304-has-the-header-fields-of-200")
@EACH_KIND
def test_304_has_the_header_fields_of_200(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: a cache learns which of its responses is still valid, and for how long.
    Method: 1. GET a blob and a manifest, HEAD the manifest; again with the ETag in If-None-Match
            2. if that is 304, expect its ETag, the Cache-Control, Content-Location, Expires and Vary of the 200, and
               no other Content-Length
    """
    had = conditional_pull(kind)
    reply = had.again(had.etag) if had.etag else None
    if had.etag is None or reply is None or reply.status != 304:
        raise NotApplicable("the registry does not return 304, which is optional")
    told = expect_header(reply, "ETag")

    if told.removeprefix("W/") != had.etag.removeprefix("W/"):
        proof = Proof(same=(("ETag", had.first.id, reply.id),))
        raise NonConformance(f"ETag: {had.etag}", f"ETag: {told}", had.first, reply, proof=proof)
    for name in (each for each in CACHE_FIELDS if each in had.first.headers and each not in reply.headers):
        without = ((had.first.id, f"!^{name.lower()}:"),)
        proof = replace(field_matches(reply, name, "^"), or_statuses=(200,), unless=without)
        raise NonConformance(f"the field {name}, as in the 200", "304 without one", had.first, reply, proof=proof)
    wanted = had.first.headers.get("content-length") or (None if kind == HEAD else str(len(had.first.body)))
    if wanted and (length := reply.headers.get("content-length") or wanted) != wanted:
        proof = field_says_no(reply, "Content-Length", f"^{literal(length)}$")
        expected = f"no Content-Length, or {wanted}"
        raise NonConformance(expected, f"Content-Length: {length}", had.first, reply, proof=proof)


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
        wanted = f"another ETag for the response in {coding}, or a weak one"
        right = ((compressed.id, "!^content-encoding:"), (compressed.id, "^etag: *W/"))
        proof = replace(another_field(plain, compressed, "ETag"), unless=right)
        raise NonConformance(wanted, f"ETag: {etag} for both", plain, compressed, proof=proof)


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
