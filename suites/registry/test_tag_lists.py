"""What is listed of images without a tag, and of a tag that moves (OCI Distribution Specification 1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.images import image, variation
from conformance.clients.registry import NewRepository, StoredImage
from conformance.clients.registry_tags import STAYS, given_over
from conformance.evidence.once import Once
from conformance.oracles.proofs import lists
from conformance.oracles.registry import (
    expect_bytes,
    expect_no_tags,
    expect_tags,
    pages_from,
    strings_of,
)
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

# Registries cut lists into pages of a hundred more often than of any other size.
MANY = 101
CALLERS = 4
PUSHED_WITHIN_S = 20.0
# Tags at the limits of their grammar, which a list may hide or cut.
MOVING, STAYING = "_moving", f"staying-{'t' * 120}"


@dataclass(frozen=True)
class Grown:
    """What a repository's list of tags was after an image by digest alone, and after a tag that moved and another."""

    first: Exchange
    pages: list[Exchange]


@pytest.fixture
def grown(stored: StoredImage, repository_at: NewRepository, once: Once) -> Grown:
    """The lists of a repository with whose name that of one with a tag begins."""

    def made() -> Grown:
        repository = repository_at(stored.repository.name[:-1])
        untagged = repository.given(image(repository.name, layers=0))
        first = repository.tags()
        repository.given(variation(untagged, "one"), MOVING)
        two = variation(untagged, "two")
        if given_over(repository, two, MOVING, STAYING) == MOVING:
            repository.given(two, STAYING)
        return Grown(first, pages_from(repository.tags(), repository.follow))

    return once("grown", made)


@verifies("registry/tags/none-are-an-empty-list")
def test_no_tags(grown: Grown) -> None:
    """Purpose: a list of nothing is a list.

    Method: 1. push an image by digest alone, ask for the tags
            2. where the answer is 200, expect "tags": []
    """
    expect_no_tags(grown.first)


@verifies("registry/tags/listed-once-when-pushed-twice")
def test_pushed_twice(grown: Grown) -> None:
    """Purpose: a tag that moved is still one tag.

    Method: 1. push two images under one tag, which begins with "_", and the second under another, of 128 letters
            2. expect each tag once in the list
    """
    found = [tag for page in grown.pages for tag in strings_of(page, "tags") if tag in (MOVING, STAYING)]

    if sorted(found) != [MOVING, STAYING]:
        proof = lists("tags", grown.pages, [MOVING, STAYING])
        raise NonConformance(f"{MOVING} and {STAYING}, each once", worded(found), *grown.pages, proof=proof)


@verifies("registry/tags/digests-are-no-tags")
def test_digests_are_no_tags(grown: Grown) -> None:
    """Purpose: what was pushed by digest alone has no tag, nor has a repository those of one whose name begins so.

    Method: 1. push one image by digest and others under two tags
            2. expect no other tag in the list
    """
    others = [tag for page in grown.pages for tag in strings_of(page, "tags") if tag not in (MOVING, STAYING)]

    if others:
        proof = lists("tags", grown.pages, [MOVING, STAYING])
        raise NonConformance(f"no other tags than {MOVING} and {STAYING}", worded(others), *grown.pages, proof=proof)


@verifies("registry/manifest/tags-move-alone")
def test_tags_move_alone(new_repository: NewRepository) -> None:
    """Purpose: what happens to one tag happens to no other, though both name one image.

    Method: 1. push an image under two tags, and another image under the second of them: expect the first by its digest
            2. push the first by digest again
            3. expect both tags in the list, the first image by the first tag, and the second by the second
    """
    repository = new_repository("apart")
    first = repository.given(image(repository.name, layers=0), "latest", "v1")
    second = variation(first, "second")
    if given_over(repository, second, "v1", "v2") != "v1":
        raise NotApplicable(STAYS)
    expect_bytes(repository.get_manifest(first.digest), first.content)
    repository.given(first)

    expect_tags(repository, ["latest", "v1"])
    expect_bytes(repository.get_manifest("latest"), first.content)
    expect_bytes(repository.get_manifest("v1"), second.content)
