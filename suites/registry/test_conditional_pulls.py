"""Conditional pulls with entity tags (RFC 9110 section 13; Docker Registry V2, "Pulling a Layer")."""

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

SENT_WITH_A_WHOLE = ("Cache-Control", "Content-Location", "Expires", "Vary")
HEAD = "manifest by HEAD"
ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\uffff]*"')
"""RFC 9110 section 8.8.3."""
ALONE, BEHIND_ANOTHER, WEAK_BEHIND_ANOTHER = "{}", '"of-another", {}', 'W/"of-another", W/{}'


@dataclass(frozen=True)
class ConditionalPull:
    """A pull of the stored image or its layer, and the pulls with its entity tag."""

    first: Exchange
    again: Callable[[str], Exchange]

    @property
    def etag(self) -> str | None:
        """The entity tag of the first response."""
        return self.first.headers.get("etag")


@pytest.fixture
def conditional_pull(stored: StoredImage, once: Once) -> Callable[[str], ConditionalPull]:
    """Asks for a blob or a manifest, and for the same with an If-None-Match field; once for each."""
    repository, manifest = stored.repository, stored.image
    layer, accept = manifest.blobs[-1].digest, ("Accept", manifest.media_type)

    def made(kind: str) -> ConditionalPull:
        again: Callable[[str], Exchange]
        if kind == "blob":
            reply = once(("stored", "blob-get"), lambda: repository.get_blob(layer))
            again = lambda value: repository.get_blob(layer, [accept, ("If-None-Match", value)])  # noqa: E731
        else:
            what, read = "digest-get", repository.get_manifest
            if kind == HEAD:
                what, read = "digest-head", repository.head_manifest
            reply = once(("stored", what), lambda: read(manifest.digest))
            again = lambda value: read(manifest.digest, [accept, ("If-None-Match", value)])  # noqa: E731
        return ConditionalPull(reply, lambda value: once(("known", kind, value), lambda: again(value)))

    return made


@verifies("registry/pull/entity-tag-saves-a-pull")
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        case("blob", "blob", ALONE),
        case("manifest", "manifest", ALONE),
        case("blob-among-others", "blob", BEHIND_ANOTHER),
        case("manifest-among-others", "manifest", WEAK_BEHIND_ANOTHER),
        case("manifest-head", HEAD, ALONE),
    ],
)
def test_if_none_match(conditional_pull: Callable[[str], ConditionalPull], kind: str, form: str) -> None:
    """Purpose: what a client has already is not sent again.

    Method: 1. GET a blob and a manifest: expect an ETag; GET again with it in If-None-Match: expect 304
            2. where that is so, GET again with it behind another, of the manifest as a cache has it that compresses
               what it keeps (weak), and HEAD the manifest with the ETag that HEAD tells (a redirected GET tells that
               of where it led): expect 304
    """
    had, pulled = conditional_pull(kind), conditional_pull("manifest" if kind == HEAD else kind)
    alone = form == ALONE and kind != HEAD
    if not alone and (had.etag is None or pulled.etag is None or pulled.again(pulled.etag).status != 304):
        raise NotApplicable("an entity tag saves no pull alone, either")
    if had.etag is None:
        raise NonConformance("an ETag", "no ETag field", had.first, proof=field_matches(had.first, "etag", "."))

    told = had.etag.removeprefix("W/") if form == WEAK_BEHIND_ANOTHER else had.etag
    expect_status(had.again(form.format(told)), 304, "for what the caller has already")


@verifies("registry/pull/entity-tag-has-its-form")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("manifest", "manifest"), case("manifest-head", HEAD)])
def test_entity_tag_has_its_form(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: caches and proxies, which read an ETag by its quotation marks, know what they keep.

    Method: 1. GET a blob and a manifest, and HEAD the manifest
            2. expect the ETag, where there is one, to be in quotation marks, weak or strong
    """
    had = conditional_pull(kind)

    if had.etag is not None and not ENTITY_TAG.fullmatch(had.etag):
        proof = field_matches(had.first, "ETag", '(W/)?"[^"]*"$')
        raise NonConformance("an ETag in quotation marks", f"ETag: {had.etag}", had.first, proof=proof)


@verifies("registry/pull/304-has-its-etag")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("manifest", "manifest"), case("manifest-head", HEAD)])
def test_304_has_its_etag(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: a cache that keeps several learns which of them is still good.

    Method: 1. GET a blob and a manifest; GET again with the ETag in If-None-Match; the same by HEAD of the manifest
            2. where the answer is 304, expect the ETag in it, weak or strong, and Cache-Control, Content-Location,
               Expires and Vary where the whole has them
    """
    had = conditional_pull(kind)
    reply = had.again(had.etag) if had.etag else None
    if had.etag is None or reply is None or reply.status != 304:
        raise NotApplicable("the registry does not answer 304, as it need not")
    told = expect_header(reply, "ETag")

    if told.removeprefix("W/") != had.etag.removeprefix("W/"):
        proof = Proof(same=(("ETag", had.first.id, reply.id),))
        raise NonConformance(f"ETag: {had.etag}", f"ETag: {told}", had.first, reply, proof=proof)
    for name in (each for each in SENT_WITH_A_WHOLE if each in had.first.headers and each not in reply.headers):
        without = ((had.first.id, f"!^{name.lower()}:"),)
        proof = replace(field_matches(reply, name, "^"), or_statuses=(200,), unless=without)
        raise NonConformance(f"the field {name}, as with the whole", "304 without one", had.first, reply, proof=proof)


@verifies("registry/pull/304-tells-no-other-length")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("manifest", "manifest")])
def test_304_names_no_other_length(conditional_pull: Callable[[str], ConditionalPull], kind: str) -> None:
    """Purpose: a cache, which takes over what 304 tells, does not take what it keeps for cut short.

    Method: 1. GET a blob and a manifest; GET again with the ETag in If-None-Match
            2. where the answer is 304, expect no Content-Length, or that of the whole
    """
    had = conditional_pull(kind)
    reply = had.again(had.etag) if had.etag else None
    if reply is None or reply.status != 304:
        raise NotApplicable("the registry does not answer 304, as it need not")
    wanted = had.first.headers.get("content-length") or str(len(had.first.body))
    told = reply.headers.get("content-length") or wanted

    if told != wanted:
        proof = field_says_no(reply, "Content-Length", f"^{literal(told)}$")
        expected = f"no Content-Length, or {wanted}"
        raise NonConformance(expected, f"Content-Length: {told}", had.first, reply, proof=proof)


@verifies("registry/pull/coded-has-another-entity-tag")
def test_coded_response_has_another_entity_tag(stored: StoredImage, once: Once) -> None:
    """Purpose: who keeps a manifest compressed, or goes on with a part of it, does not take it for the same bytes.

    Method: 1. GET a manifest, and GET it with Accept-Encoding: gzip
            2. where the second comes coded, expect its ETag not to be the first's, but where it is weak
    """
    digest, repository = stored.image.digest, stored.repository
    plain = once(("stored", "digest-get"), lambda: repository.get_manifest(digest))
    coded = once(("stored", "digest-coded"), lambda: repository.get_manifest(digest, [EVERY_TYPE, CODED]))
    coding, etag = (coded.headers.get(name) or "" for name in ("content-encoding", "etag"))
    if coding.lower() in ("", "identity"):
        raise NotApplicable("the registry compresses nothing on its way")

    if etag.startswith('"') and etag == plain.headers.get("etag"):
        wanted = f"another ETag for what comes in {coding}, or a weak one"
        right = ((coded.id, "!^content-encoding:"), (coded.id, "^etag: *W/"))
        proof = replace(another_field(plain, coded, "ETag"), unless=right)
        raise NonConformance(wanted, f"ETag: {etag} for both", plain, coded, proof=proof)


@verifies("registry/pull/no-coding-where-none-is-accepted")
def test_no_coding_where_none_is_accepted(stored: StoredImage, once: Once) -> None:
    """Purpose: a client that can undo no compression is sent what it can read.

    Method: 1. GET a manifest with Accept-Encoding: gzip; where it comes coded, GET it with gzip;q=0
            2. expect no Content-Encoding, or that of identity
    """
    digest, repository = stored.image.digest, stored.repository
    coded = once(("stored", "digest-coded"), lambda: repository.get_manifest(digest, [EVERY_TYPE, CODED]))
    if (coded.headers.get("content-encoding") or "identity").lower() == "identity":
        raise NotApplicable("the registry compresses nothing on its way")
    reply = repository.get_manifest(digest, [EVERY_TYPE, ("Accept-Encoding", "gzip;q=0, identity")])

    if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
        expect_absent_headers(reply, ["content-encoding"], "where none is accepted")
