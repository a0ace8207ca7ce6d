"""Listing referrers, where offered, and who may list them (OCI Distribution 1.1, "Listing Referrers")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import (
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    Manifest,
    artifact,
    digest_of,
    image,
    index,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header, expect_media_type
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.proofs import has_just, has_member, in_its_object
from conformance.oracles.registry import (
    descriptors_of,
    expect_annotations,
    expect_denied,
    expect_scope,
    pages_from,
)
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import differing, some, worded

SBOM = "application/vnd.example.sbom.v1+json"
SIGNATURE, TYPED = f"{SBOM}-seq", "application/vnd.example.List"  # one begins like the first; one has a capital letter
OF = {"org.example.X-Kind": "1.0", "org.example.none": "", "org.example.of": "v1, für 世界 & <Co>, " * 30}
FILTERED = "sbom, in the list of its type"


@dataclass(frozen=True)
class Referred:
    """An image, what refers to it by kind, and what refers to one of these, an index."""

    repository: Repository
    subject: Manifest
    by: dict[str, Manifest]
    beyond: Manifest

    @property
    def sboms(self) -> list[Manifest]:
        """The referrers of type SBOM."""
        return [self.by["sbom"], self.by["second-sbom"]]


@pytest.fixture(scope="session")
@at_second_try
def referred(new_repository: NewRepository, features: frozenset[str]) -> Referred:
    """An image, to which two SBOMs, a tagged signature, an image and two indexes refer; to an index an SBOM."""
    repository = new_repository("referred")
    subject = repository.given(image(repository.name, layers=0), "v1")
    told: dict[str, Any] = {"subject": subject.descriptor, "annotations": OF}
    by = {
        "sbom": artifact(f"{repository.name} sbom", SBOM, **told),
        "second-sbom": artifact(f"{repository.name} sbom", SBOM, **{**told, "annotations": {"org.example.no": "2"}}),
        "signature": artifact(f"{repository.name} signature", SIGNATURE, **told),
        "image": image(f"{repository.name} image", layers=0, **told),
        "index": index([subject], subject=subject.descriptor),
        "typed-index": index([subject], artifactType=TYPED, **told),
    }
    for kind, each in (*by.items(), ("sbom", by["sbom"])):
        repository.given(each, *(["signature", "signed", "once"] if kind == "signature" else []))
    if "registry.delete-tag" in features:
        repository.delete_manifest("once")  # Its other tags name it still.
    beyond = repository.given(artifact(f"{repository.name} beyond", SBOM, subject=by["index"].descriptor))
    return Referred(repository, subject, by, beyond)


@dataclass(frozen=True)
class Listing:
    """All pages of the referrers, of one type or of every type; asked for once each."""

    referred: Referred
    once: Once

    def of(self, kind: str | None = None) -> tuple[list[dict[str, Any]], Exchange]:
        """The descriptors of all pages, and the first page."""
        here, digest = self.referred.repository, self.referred.subject.digest
        pages = self.once((digest, kind), lambda: pages_from(here.referrers(digest, kind), here.follow))
        return [each for page in pages for each in descriptors_of(page)], pages[0]


@pytest.fixture
def listing(referred: Referred, once: Once) -> Listing:
    """The list of an image's referrers."""
    return Listing(referred, once)


def expect_digests(found: list[dict[str, Any]], reply: Exchange, wanted: list[Manifest]) -> None:
    """The descriptors are of exactly these manifests, each once."""
    digests, expected = sorted(str(each.get("digest")) for each in found), sorted(each.digest for each in wanted)
    if digests != expected:
        proof = has_just(reply, expected, digests)
        raise NonConformance(some(expected), differing(expected, digests), reply, proof=proof)


@verifies("registry/referrers/are-listed")
def test_referrers_are_listed(referred: Referred, listing: Listing) -> None:
    """Purpose: what refers to an image is found.

    Method: 1. push an image and six manifests whose subject it is, one twice, one by three tags, of which one is
               deleted, two of one type; ask for its referrers, following links
            2. expect exactly the six, each once; and of one of them, an index, exactly what refers to that
    """
    expect_digests(*listing.of(), list(referred.by.values()))
    of_index = referred.repository.referrers(referred.by["index"].digest)
    expect_digests(descriptors_of(of_index), of_index, [referred.beyond])


@verifies("registry/referrers/are-an-index")
def test_referrers_are_an_index(listing: Listing) -> None:
    """Purpose: the answer is an image index and says so.

    Method: 1. ask for referrers
            2. expect 200 with Content-Type application/vnd.oci.image.index.v1+json and schemaVersion 2
    """
    _, reply = listing.of()
    expect_media_type(reply, OCI_INDEX)
    if (version := expect_json_object(reply).get("schemaVersion")) != 2:
        proof = has_member(reply, "schemaVersion", "2")
        raise NonConformance('"schemaVersion": 2', worded(version), reply, proof=proof)


def descriptor(listing: Listing, kind: str, of_type: str | None = None) -> tuple[dict[str, Any], Exchange]:
    """The descriptor of one referrer; Inconclusive where it is not listed (another check's finding)."""
    found, reply = listing.of(of_type)
    for each in found:
        if each.get("digest") == listing.referred.by[kind].digest:
            return each, reply
    raise Inconclusive(f"the {kind} is not listed among the referrers", "a registry that lists referrers")


@verifies("registry/referrers/say-their-type")
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        case("own", "sbom", SBOM),
        case("of-the-config", "image", OCI_CONFIG),
        case("of-an-index", "typed-index", TYPED),
        case("index-has-none", "index", None),
    ],
)
def test_referrers_say_their_type(listing: Listing, kind: str, wanted: str | None) -> None:
    """Purpose: a client chooses a referrer by its artifact type.

    Method: 1. ask for referrers
            2. expect artifactType: the manifest's own, else its config's media type; none for an index without one
    """
    found, reply = descriptor(listing, kind)

    if found.get("artifactType") != wanted:
        proof = in_its_object(reply, found["digest"], "artifactType", wanted or found["artifactType"], bool(wanted))
        raise NonConformance(f'"artifactType": {worded(wanted)}', worded(found.get("artifactType")), reply, proof=proof)


@verifies("registry/referrers/carry-annotations")
@pytest.mark.parametrize(
    ("kind", "of"),
    [
        case("artifact", "sbom", OF),
        case("image", "image", OF),
        case("index", "typed-index", OF),
        case("filtered", FILTERED, OF),
        case("none", "index", {}),
    ],
)
def test_referrers_carry_annotations(listing: Listing, kind: str, of: dict[str, str]) -> None:
    """Purpose: a client chooses a referrer by its annotations.

    Method: 1. ask for referrers, and for those of one artifact type
            2. expect the annotations of the manifest in its descriptor, where others may stand as well: of one that has
               none, no such member or a map
    """
    found, reply = descriptor(listing, "sbom", SBOM) if kind == FILTERED else descriptor(listing, kind)
    expect_annotations(reply, found, of)


@verifies("registry/referrers/describe-what-is-there")
def test_referrers_describe_what_is_there(referred: Referred, listing: Listing) -> None:
    """Purpose: a descriptor's media type and size are those of what it describes.

    Method: 1. ask for referrers
            2. expect mediaType and size of each pushed manifest
    """
    for kind, wanted in ((kind, each.descriptor) for kind, each in referred.by.items()):
        found, reply = descriptor(listing, kind)
        for name, value in wanted.items():
            if found.get(name) != value:
                proof = in_its_object(reply, found["digest"], name, value)
                told = worded(found.get(name))
                raise NonConformance(f"{name} {worded(value)}", f"{name} {told}", reply, proof=proof)


@verifies("registry/referrers/none-is-an-empty-index")
def test_no_referrers(referred: Referred, names: Names) -> None:
    """Purpose: nothing that refers is no error.

    Method: 1. ask for the referrers of a digest that was never pushed, of a manifest that nothing refers to, and of
               this one those of a type
            2. expect 200 with an empty index
    """
    lonely = referred.by["sbom"].digest
    for digest, kind in ((digest_of(names.new("absent").encode()), None), (lonely, None), (lonely, SBOM)):
        reply = referred.repository.referrers(digest, kind)
        expect_digests(descriptors_of(reply), reply, [])


@verifies("registry/referrers/filter-is-applied")
def test_filter_is_applied(referred: Referred, listing: Listing) -> None:
    """Purpose: a client asks for one type of referrers.

    Method: 1. ask for referrers of one artifact type
            2. expect exactly those
    """
    found, reply = listing.of(SBOM)
    expect_digests(found, reply, referred.sboms)


@verifies("registry/referrers/applied-filter-is-named")
def test_applied_filter_is_named(referred: Referred, listing: Listing) -> None:
    """Purpose: a client knows whether it still has to filter.

    Method: 1. ask for referrers of one artifact type, and of one that none has
            2. where only those come, expect OCI-Filters-Applied: artifactType; where the field comes, expect only those
    """
    for artifact_type, wanted in ((SBOM, referred.sboms), (OCI_EMPTY, [])):
        found, reply = listing.of(artifact_type)
        named = "artifacttype" in (reply.headers.get("oci-filters-applied") or "").lower()
        if len(found) < len(referred.by) and not named:
            expect_header(reply, "OCI-Filters-Applied", "artifactType")
        if named:
            expect_digests(found, reply, wanted)


@verifies("registry/referrers/filter-knows-the-configs-type")
def test_filter_of_a_configs_type(referred: Referred, listing: Listing) -> None:
    """Purpose: a referrer that has no type of its own is found by the type that it is listed with.

    Method: 1. ask for referrers of the media type of an image's config, and of that of artifacts' configs
            2. where the filter is applied, expect the image alone, and none: the artifacts have types of their own
    """
    found, reply = listing.of(OCI_CONFIG)
    if len(found) == len(referred.by):
        raise NotApplicable("the registry does not filter, which it may")
    expect_digests(found, reply, [referred.by["image"]])
    expect_digests(*listing.of(OCI_EMPTY), [])


@pytest.fixture
def anonymous_response(guarded: StoredImage, once: Once) -> Exchange:
    """The response to a request for referrers without a login."""
    stranger, digest = guarded.repository.as_role(None), guarded.image.digest
    return once("referrers without a login", lambda: stranger.referrers(digest))


@verifies("registry/login/anonymous-cannot-list-referrers")
def test_anonymous_cannot_list_referrers(guarded: StoredImage, bad_login: str, anonymous_response: Exchange) -> None:
    """Purpose: what refers to an organization's images is for those who log in.

    Method: 1. ask for referrers, and for those of one type, without a login, and with one that is none
            2. expect 401
    """
    of_a_type = guarded.repository.as_role(None).referrers(guarded.image.digest, SBOM)
    for each in (anonymous_response, of_a_type):
        expect_status(each, 401, "without a login")
    reply = guarded.repository.presenting(bad_login).referrers(guarded.image.digest)
    expect_status(reply, 401, "for a login that is none")


@verifies("registry/login/referrers-challenge-names-the-scope")
def test_challenge_of_referrers(guarded: StoredImage, anonymous_response: Exchange) -> None:
    """Purpose: a client that asks for referrers learns which token it needs.

    Method: 1. ask for referrers without a login
            2. expect the Bearer challenge's scope to name the repository and pull
    """
    expect_scope(anonymous_response, f"repository:{guarded.repository.name}", "pull")


@verifies("registry/rights/puller-can-list-referrers")
def test_puller_can_list_referrers(guarded: StoredImage) -> None:
    """Purpose: who may pull an image finds its signatures, without which some engines take none.

    Method: 1. ask for referrers with a pull-only login
            2. expect 200
    """
    expect_status(guarded.repository.as_role("puller").referrers(guarded.image.digest), 200)


@verifies("registry/rights/other-organization-cannot-list-referrers")
def test_other_organization_cannot_list_referrers(guarded: StoredImage) -> None:
    """Purpose: what refers to an organization's images is its own.

    Method: 1. ask for referrers, and for those of one type, with another organization's login
            2. expect 401, 403 or 404
    """
    for kind in (None, SBOM):
        reply = guarded.repository.as_role("foreign").referrers(guarded.image.digest, kind)

        expect_denied(reply, "for another organization's login")


@verifies("registry/referrers/malformed-digest-is-400")
@pytest.mark.parametrize("digest", [case("short", "sha256:abc"), case("word", "nonsense"), case("tag", "v1")])
def test_referrers_of_a_malformed_digest(stored: StoredImage, digest: str) -> None:
    """Purpose: a digest that is none is told as such.

    Method: 1. ask for the referrers of what is no digest
            2. expect 400
    """
    expect_status(stored.repository.referrers(digest), 400, "for a malformed digest")
