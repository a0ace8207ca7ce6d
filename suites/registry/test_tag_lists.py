"""What is listed of images without a tag, and of a tag that moves (OCI Distribution Specification 1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.images import image, variation
from conformance.clients.registry import NewRepository, StoredImage
from conformance.evidence.once import Once
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.registry import pages_from, strings_of
from conformance.oracles.status import expect_status, observed
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


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
        repository.given(variation(untagged, "one"), "moving")
        repository.given(variation(untagged, "two"), "moving", "staying")
        return Grown(first, pages_from(repository.tags(), repository.follow))

    return once("grown", made)


@verifies("registry/tags/none-are-an-empty-list")
def test_no_tags(grown: Grown) -> None:
    """Purpose: a list of nothing is a list.

    Method: 1. push an image by digest alone, ask for the tags
            2. where the answer is 200, expect "tags": []
    """
    expect_status(grown.first, {200, 404})

    if grown.first.status == 200 and expect_json_object(grown.first).get("tags") != []:
        raise NonConformance('"tags": []', observed(grown.first), grown.first)


@verifies("registry/tags/listed-once-when-pushed-twice")
def test_pushed_twice(grown: Grown) -> None:
    """Purpose: a tag that moved is still one tag.

    Method: 1. push two images under one tag, and the second under another tag
            2. expect each tag once in the list
    """
    found = [tag for page in grown.pages for tag in strings_of(page, "tags") if tag in ("moving", "staying")]

    if sorted(found) != ["moving", "staying"]:
        raise NonConformance("each of two tags once", str(found), *grown.pages)


@verifies("registry/tags/digests-are-no-tags")
def test_digests_are_no_tags(grown: Grown) -> None:
    """Purpose: what was pushed by digest alone has no tag, nor has a repository those of one whose name begins so.

    Method: 1. push one image by digest and others under two tags
            2. expect no other tag in the list
    """
    others = [tag for page in grown.pages for tag in strings_of(page, "tags") if tag not in ("moving", "staying")]

    if others:
        raise NonConformance("no other tags than two", str(others), *grown.pages)
