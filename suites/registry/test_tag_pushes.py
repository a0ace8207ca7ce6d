"""Pushing tags: one by one, moved to another image, and several concurrently (OCI Distribution 1.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.clients.concurrency import at_once, reading_while
from conformance.clients.registry.client import NewRepository, Repository, StoredImage, need_taken
from conformance.clients.registry.images import Manifest, image, variation
from conformance.clients.registry.tags import STAYS, given_over
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import lists
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_or_collected,
    expect_complete,
    expect_listed,
    expect_no_tags,
    expect_tags,
    next_link,
    pages_from,
    strings_of,
)
from conformance.oracles.status import expect_done_at_once, expect_success, observed
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

STAYING, MOVING, INSTEAD = "latest", "1.0", "1.1"
# A tag at the limits of the grammar, which a list may hide or cut.
LONG = f"_{'t' * 127}"
CALLERS = 4
# Each push is another: it is over sooner than readers of what stays the same would be.
READS = 4
# Registries cut lists into pages of a hundred more often than of any other size.
TAGS = [f"t{number:03}" for number in range(101)]
# A registry that forgets one in twenty is found.
AT_ONCE, MEANWHILE = TAGS[:CALLERS], TAGS[CALLERS:20]
PUSHED_WITHIN_S = 20.0


@dataclass(frozen=True)
class TagHistory:
    """What a repository told of its tags on the way.

    ``empty`` is the list beside an image by digest alone, ``pages`` the last one. In between one image was pushed
    under two tags, another under the first of them (``moved``: where the registry lets it), the one was read by its
    digest (``read``) and pushed by it ``again``, and the other under a ``long`` tag. In the end the two tags named
    ``staying`` and ``moving``.
    """

    repository: Repository
    empty: Exchange
    images: tuple[Manifest, Manifest]
    moved: bool
    read: Exchange
    again: Exchange
    long: Exchange
    pages: list[Exchange]
    staying: Exchange
    moving: Exchange


@pytest.fixture
def tag_history(guarded_image: StoredImage, repository_at: NewRepository, once: Once) -> TagHistory:
    """A repository whose name is a prefix of another repository's name."""

    def made() -> TagHistory:
        repository = repository_at(guarded_image.repository.name[:-1])
        untagged = repository.given(image(repository.name, layers=0))
        empty = repository.tags()
        one, two = (variation(untagged, number) for number in ("one", "two"))
        repository.given(one, MOVING, STAYING)
        moved = given_over(repository, two, MOVING, INSTEAD) == MOVING
        read = repository.get_manifest(one.digest)
        again, long = repository.push(one), repository.push(two, LONG)
        pages = pages_from(repository.tags(), repository.follow)
        named = [repository.get_manifest(tag) for tag in (STAYING, MOVING)]
        return TagHistory(repository, empty, (one, two), moved, read, again, long, pages, *named)

    return once("grown", made)


def tags_of(tag_history: TagHistory) -> list[str]:
    """Return the tags that are listed in the end."""
    return [tag for page in tag_history.pages for tag in strings_of(page, "tags")]


def pushed_tags(tag_history: TagHistory) -> list[str]:
    """Return the tags that were pushed."""
    return [STAYING, MOVING, *([] if tag_history.moved else [INSTEAD]), *([LONG] if tag_history.long.ok else [])]


@verifies("registry/tags/none-are-an-empty-list")
def test_no_tags(tag_history: TagHistory) -> None:
    """Purpose: a client can parse the list of a repository without tags.
    Method: 1. push an image by digest alone, ask for the tags
            2. where the answer is 200, expect "tags": []
    """
    expect_no_tags(tag_history.empty)


@verifies("registry/tags/moved-tag-is-listed-once")
def test_pushed_twice(tag_history: TagHistory) -> None:
    """Purpose: a tag that moved is still one tag.
    Method: 1. push an image under two tags, another under the first of them and under one of 128 letters, "_" first
            2. expect each tag once in the list
    """
    need_taken(tag_history.long)
    tags, found = pushed_tags(tag_history), tags_of(tag_history)

    # Whether the other stays is asked by a check of its own.
    if any(found.count(tag) > 1 for tag in tags) or not {MOVING, LONG} <= {*found}:
        proof = lists("tags", tag_history.pages, tags)
        raise NonConformance(f"{worded(tags)}, each once", worded(found), *tag_history.pages, proof=proof)


@verifies("registry/tags/untagged-manifests-are-not-listed")
def test_digests_are_no_tags(tag_history: TagHistory) -> None:
    """Purpose: what was pushed by digest alone has no tag, nor has a repository those of one whose name begins so.
    Method: 1. push one image by digest, and others under tags
            2. expect no other tag in the list
    """
    tags = pushed_tags(tag_history)

    if others := [tag for tag in tags_of(tag_history) if tag not in tags]:
        proof = lists("tags", tag_history.pages, tags)
        raise NonConformance(f"no other tags than {worded(tags)}", worded(others), *tag_history.pages, proof=proof)


@verifies("registry/manifest/moving-a-tag-affects-no-other")
def test_tags_move_alone(tag_history: TagHistory) -> None:
    """Purpose: what happens to one tag happens to no other, though both name one image.
    Method: 1. push an image under two tags, and another image under the first of them: expect the first by its digest
            2. push the first by digest again
            3. expect both tags in the list, the second image by the first tag, and the first by the second
    """
    if not tag_history.moved:
        raise NotApplicable(STAYS)
    one, two = tag_history.images
    expect_bytes(tag_history.read, one.content)
    need_taken(tag_history.again)

    expect_listed(tag_history.pages, "tags", [STAYING, MOVING])
    expect_bytes(tag_history.staying, one.content)
    expect_bytes(tag_history.moving, two.content)


@verifies("registry/concurrency/tag-names-one-of-the-pushed-images")
def test_one_tag(tag_history: TagHistory) -> None:
    """Purpose: of several images that are pushed under one tag at once, one wins, whole; the tag is there all the time.
    Method: 1. push an image under a tag; four callers PUT four others under it at the same moment, three read it
            2. expect 201 to each, or 409 beside one; from each read, and in the end, one of them, byte for byte; each
               by its digest, if it was taken and not collected with its tag; the same tags listed as before
    """
    if not tag_history.moved:
        raise NotApplicable(STAYS)
    if tag_history.moving.status != 200:
        raise Inconclusive(f"a tag that moved is not there: {tag_history.moving}", "a registry whose tags move")
    repository, manifests = (
        tag_history.repository,
        [variation(tag_history.images[0], str(number)) for number in range(CALLERS)],
    )
    left, contents = iter(manifests), [tag_history.moving.body, *(each.content for each in manifests)]

    def push() -> Exchange:
        manifest = next(left)
        return repository.put_manifest(MOVING, manifest.content, manifest.media_type)

    def broken(reply: Exchange) -> bool:
        return reply.status != 200 or reply.body not in contents

    pull = partial(repository.get_manifest, MOVING)
    replies, pushes = reading_while(pull, push, CALLERS, broken, READS, changers=CALLERS)
    expect_done_at_once(pushes, "to each of those who push to one tag at once")
    spoiled = [*filter(broken, replies)]
    contents = contents[1:] if len(pushes) == CALLERS else contents
    if spoiled or broken(last := pull()):
        wrong = spoiled[0] if spoiled else last
        raise NonConformance("one of the manifests that were pushed, whole", observed(wrong), wrong)
    for each in manifests:
        expect_bytes_or_collected(repository.get_manifest(each.digest), each.content)
    expect_tags(repository, tags_of(tag_history))


@dataclass(frozen=True)
class ManyTags:
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
def many_tags(new_repository: NewRepository, once: Once) -> ManyTags:
    """A repository of its own, without tags at first."""
    repository = new_repository("crowd")
    plain = image(repository.name, layers=0)
    repository.given_parts(plain)
    return ManyTags(repository, (plain, variation(plain, "other")), once)


def accepted_tags(pushes: dict[str, Exchange]) -> list[str]:
    """Return the tags whose push was accepted."""
    return [tag for tag, reply in pushes.items() if reply.ok]


def tags_in(pages: Iterable[Exchange]) -> list[str]:
    """The tags on these pages."""
    return [tag for page in pages for tag in strings_of(page, "tags")]


@verifies("registry/concurrency/no-pushed-tag-is-lost")
def test_several_tags(many_tags: ManyTags) -> None:
    """Purpose: of several tags that are pushed at once, none is lost.
    Method: 1. four callers PUT two manifests, each under two tags, at the same moment: expect 2xx to each, or 409
               beside one
            2. expect all tags that were taken in the list, and by each the bytes of its own
    """
    pushes = many_tags.at_once()
    expect_done_at_once([*pushes.values()], "to each of those who push a tag at once")

    expect_listed(many_tags.listed(), "tags", accepted_tags(pushes))
    for tag in accepted_tags(pushes):
        expect_bytes(many_tags.repository.get_manifest(tag), many_tags.named(tag).content)


@verifies("registry/concurrency/list-during-pushes-has-earlier-tags")
def test_tags_listed_while_pushed(many_tags: ManyTags) -> None:
    """Purpose: a list that is read while tags are pushed has all that were there before.
    Method: 1. push two images under four tags, and see them listed; one caller pushes sixteen tags more, three others
               read the list meanwhile
            2. expect 200 from every read, the first four in it, none twice
            3. expect all that were pushed in the end: twenty, or as many as were within a few seconds
    """
    pushes, there = many_tags.at_once(), tags_in(many_tags.listed())
    need_taken(min(pushes.values(), key=lambda reply: reply.status))
    before = [tag for tag in accepted_tags(pushes) if tag in there]
    replies, later = many_tags.meanwhile()

    for reply in replies:
        found = tags_in([reply])
        whole = next_link(reply) is not None or set(before) <= set(found)
        if not whole or len(set(found)) < len(found):
            raise NonConformance(f"{worded(before)} in it, none twice", worded(found), reply)
    for reply in later.values():
        expect_success(reply, "for a tag pushed while the list is read")
    expect_listed(many_tags.pages(), "tags", [*before, *later])


@verifies("registry/tags/long-list-is-complete")
def test_long_list(many_tags: ManyTags) -> None:
    """Purpose: a list is whole however long it is, on one page or on several.
    Method: 1. push images under 101 tags, or as many as can be pushed in 20 s and are not 409 beside others
            2. ask for the tags and follow the links: expect each once
    """
    pushes = many_tags.at_once() | many_tags.meanwhile()[1]
    left, until = [tag for tag in TAGS if tag not in accepted_tags(pushes)], time.monotonic() + PUSHED_WITHIN_S

    def pushing(share: list[str]) -> Callable[[], dict[str, Exchange]]:
        return lambda: {tag: many_tags.push(tag) for tag in share if time.monotonic() < until}

    for share in at_once([pushing(left[first::CALLERS]) for first in range(CALLERS)]):
        pushes |= share
    refused = next((reply for reply in pushes.values() if not reply.ok and reply.status != 409), None)
    if refused is not None:
        raise Inconclusive(f"a tag could not be pushed: {refused}", "a registry that takes images from this login")

    expect_complete(many_tags.pages(), "tags", accepted_tags(pushes))
