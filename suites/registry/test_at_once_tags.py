"""Tags of one repository: several pushed at one moment, a list that is read meanwhile, and one that is long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.clients.concurrency import at_once, reading_while
from conformance.clients.registry.client import NewRepository, Repository, need_taken
from conformance.clients.registry.images import Manifest, image, variation
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import (
    expect_bytes,
    expect_complete,
    expect_listed,
    next_link,
    pages_from,
    strings_of,
)
from conformance.oracles.status import expect_done_at_once, expect_success
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

# Registries cut lists into pages of a hundred more often than of any other size.
TAGS = [f"t{number:03}" for number in range(101)]
CALLERS = 4
# A registry that forgets one in twenty is found.
AT_ONCE, MEANWHILE = TAGS[:CALLERS], TAGS[CALLERS:20]
# Each push is another: it is over sooner than readers of what stays the same would be.
READS = 4
PUSHED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Crowd:
    """A repository of two images, whose tags are pushed step by step: each step once, however many checks need it."""

    repository: Repository
    images: tuple[Manifest, Manifest]
    once: Once

    def named(self, tag: str) -> Manifest:
        """The image that a tag names."""
        return self.images[TAGS.index(tag) % len(self.images)]

    def push(self, tag: str) -> Exchange:
        """PUT of the image under the tag."""
        return self.repository.put_manifest(tag, self.named(tag).content, self.named(tag).media_type)

    def pages(self) -> list[Exchange]:
        """The list of tags, followed to its end."""
        return pages_from(self.repository.tags(), self.repository.follow)

    def at_once(self) -> dict[str, Exchange]:
        """How the first four tags were pushed, by four callers at the same moment."""
        pushes = self.once("tags at once", lambda: at_once([partial(self.push, tag) for tag in AT_ONCE]))
        return dict(zip(AT_ONCE, pushes, strict=True))

    def listed(self) -> list[Exchange]:
        """What was listed after that."""
        return self.once("tags after those at once", self.pages)

    def meanwhile(self) -> tuple[list[Exchange], dict[str, Exchange]]:
        """What three others were told of the list while one caller pushed sixteen tags more, and how those were."""
        left = iter(MEANWHILE)

        def made() -> tuple[list[Exchange], list[Exchange]]:
            return reading_while(self.repository.tags, lambda: self.push(next(left)), len(MEANWHILE), reads=READS)

        replies, pushes = self.once("tags while listed", made)
        return replies, dict(zip(MEANWHILE, pushes, strict=False))


@pytest.fixture(scope="session")
@at_second_try
def crowd(new_repository: NewRepository, once: Once) -> Crowd:
    """A repository whose tags have no others beside them, without any as yet."""
    repository = new_repository("crowd")
    plain = image(repository.name, layers=0)
    repository.given_parts(plain)
    return Crowd(repository, (plain, variation(plain, "other")), once)


def taken(pushes: dict[str, Exchange]) -> list[str]:
    """The tags whose push was taken."""
    return [tag for tag, reply in pushes.items() if reply.ok]


def tags_in(pages: Iterable[Exchange]) -> list[str]:
    """The tags on these pages."""
    return [tag for page in pages for tag in strings_of(page, "tags")]


@verifies("registry/at-once/several-tags")
def test_several_tags(crowd: Crowd) -> None:
    """Purpose: of several tags that are pushed at once, none is lost.

    Method: 1. four callers PUT two manifests, each under two tags, at the same moment: expect 2xx to each, or 409
               beside one
            2. expect all tags that were taken in the list, and by each the bytes of its own
    """
    pushes = crowd.at_once()
    expect_done_at_once([*pushes.values()], "to each of those who push a tag at once")

    expect_listed(crowd.listed(), "tags", taken(pushes))
    for tag in taken(pushes):
        expect_bytes(crowd.repository.get_manifest(tag), crowd.named(tag).content)


@verifies("registry/at-once/tags-listed-while-pushed")
def test_tags_listed_while_pushed(crowd: Crowd) -> None:
    """Purpose: a list that is read while tags are pushed has all that were there before.

    Method: 1. push two images under four tags, and see them listed; one caller pushes sixteen tags more, three others
               read the list meanwhile
            2. expect 200 from every read, the first four in it, none twice
            3. expect all that were pushed in the end: twenty, or as many as were within a few seconds
    """
    pushes, there = crowd.at_once(), tags_in(crowd.listed())
    need_taken(min(pushes.values(), key=lambda reply: reply.status))
    before = [tag for tag in taken(pushes) if tag in there]
    replies, later = crowd.meanwhile()

    for reply in replies:
        found = tags_in([reply])
        whole = next_link(reply) is not None or set(before) <= set(found)
        if not whole or len(set(found)) < len(found):
            raise NonConformance(f"{worded(before)} in it, none twice", worded(found), reply)
    for reply in later.values():
        expect_success(reply, "for a tag pushed while the list is read")
    expect_listed(crowd.pages(), "tags", [*before, *later])


@verifies("registry/tags/long-list-is-whole")
def test_long_list(crowd: Crowd) -> None:
    """Purpose: a list is whole however long it is, on one page or on several.

    Method: 1. push images under 101 tags, or as many as can be pushed in 20 s and are not 409 beside others
            2. ask for the tags and follow the links: expect each once
    """
    pushes = crowd.at_once() | crowd.meanwhile()[1]
    left, until = [tag for tag in TAGS if tag not in taken(pushes)], time.monotonic() + PUSHED_WITHIN_S

    def pushing(share: list[str]) -> Callable[[], dict[str, Exchange]]:
        return lambda: {tag: crowd.push(tag) for tag in share if time.monotonic() < until}

    for share in at_once([pushing(left[first::CALLERS]) for first in range(CALLERS)]):
        pushes |= share
    refused = next((reply for reply in pushes.values() if not reply.ok and reply.status != 409), None)
    if refused is not None:
        raise Inconclusive(f"a tag could not be pushed: {refused}", "a registry that takes images from this login")

    expect_complete(crowd.pages(), "tags", taken(pushes))
