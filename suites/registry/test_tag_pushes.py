"""Pushing tags: one by one, moved to another image, and several concurrently (OCI Distribution 1.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.clients.concurrency import at_once, reading_while
from conformance.clients.registry.client import NewRepository, Repository, StoredImage, require_stored
from conformance.clients.registry.images import Manifest, image, variation
from conformance.clients.registry.tags import IMMUTABLE, retag
from conformance.evidence.shared_requests import Once
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
# The longest tag, which a list may hide or truncate.
LONG = f"_{'t' * 127}"
CALLERS = 4
READS = 4
# The most common page size is a hundred.
TAGS = [f"t{number:03}" for number in range(101)]
# With twenty pushes, a loss of one in twenty shows.
AT_ONCE, MEANWHILE = TAGS[:CALLERS], TAGS[CALLERS:20]
PUSHED_WITHIN_S = 20.0


@dataclass(frozen=True)
class TagHistory:
    """The responses of a repository whose tags change.
    ``empty`` is the tag list while only an untagged image exists, ``pages`` the last list. In between, one image was
    pushed under two tags and another under the first of these (``moved``: if tags are mutable). The first image was
    read by digest (``read``) and pushed by digest ``again``, and the other was pushed under a ``long`` tag. At the end
    the two tags name ``staying`` and ``moving``.
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
        moved = retag(repository, two, MOVING, INSTEAD) == MOVING
        read = repository.get_manifest(one.digest)
        again, long = repository.push(one), repository.push(two, LONG)
        pages = pages_from(repository.tags(), repository.follow)
        named = [repository.get_manifest(tag) for tag in (STAYING, MOVING)]
        return TagHistory(repository, empty, (one, two), moved, read, again, long, pages, *named)

    return once("grown", made)


def tags_of(tag_history: TagHistory) -> list[str]:
    """Return the tags in the last list."""
    return [tag for page in tag_history.pages for tag in strings_of(page, "tags")]


def pushed_tags(tag_history: TagHistory) -> list[str]:
    """Return the tags that were pushed."""
    return [STAYING, MOVING, *([] if tag_history.moved else [INSTEAD]), *([LONG] if tag_history.long.ok else [])]


@verifies("registry/tags/none-are-an-empty-list")
def test_no_tags(tag_history: TagHistory) -> None:
    """Purpose: a client can parse the tag list of a repository without tags.
    Method: 1. push an image by digest only, list the tags; 2. expect "tags": [] if the status is 200
    """
    expect_no_tags(tag_history.empty)


@verifies("registry/tags/moved-tag-is-listed-once")
def test_pushed_twice(tag_history: TagHistory) -> None:
    """Purpose: a tag that moved is still one tag.
    Method: 1. push an image under two tags, another under the first of them and under a tag of 128 characters
            2. expect each tag once in the list
    """
    require_stored(tag_history.long)
    tags, found = pushed_tags(tag_history), tags_of(tag_history)

    # Another check judges whether the other tag stays.
    if any(found.count(tag) > 1 for tag in tags) or not {MOVING, LONG} <= {*found}:
        raise NonConformance(f"{worded(tags)}, each once", worded(found), *tag_history.pages)


@verifies("registry/tags/untagged-manifests-are-not-listed")
def test_digests_are_no_tags(tag_history: TagHistory) -> None:
    """Purpose: an image that was pushed by digest has no tag, and tags of similarly named repositories are not listed.
    Method: 1. push one image by digest, and others under tags; 2. expect only these tags in the list
    """
    tags = pushed_tags(tag_history)

    if others := [tag for tag in tags_of(tag_history) if tag not in tags]:
        raise NonConformance(f"only the tags {worded(tags)}", worded(others), *tag_history.pages)


@verifies("registry/manifest/moving-a-tag-affects-no-other")
def test_tags_move_alone(tag_history: TagHistory) -> None:
    """Purpose: a tag that moves changes no other tag of the same image.
    Method: 1. push an image under two tags, and another image under the first of them
               read the first by digest, and push it again
            2. expect both tags in the list, the second image by the first tag, and the first by the second
    """
    if not tag_history.moved:
        raise NotApplicable(IMMUTABLE)
    one, two = tag_history.images
    expect_bytes(tag_history.read, one.content)
    require_stored(tag_history.again)

    expect_listed(tag_history.pages, "tags", [STAYING, MOVING])
    expect_bytes(tag_history.staying, one.content)
    expect_bytes(tag_history.moving, two.content)


@verifies("registry/concurrency/tag-names-one-of-the-pushed-images")
def test_one_tag(tag_history: TagHistory) -> None:
    """Purpose: of several images that are pushed under one tag concurrently, one wins, and the tag never disappears.
    Method: 1. four clients concurrently PUT four images under one existing tag, while three others read it: expect 201
               to each PUT, 409 if another succeeded
            2. expect exactly the bytes of one of the images from each read; each accepted image by digest, unless it is
               collected; and the same tag list as before
    """
    if not tag_history.moved:
        raise NotApplicable(IMMUTABLE)
    if tag_history.moving.status != 200:
        raise Inconclusive(f"a moved tag is missing: {tag_history.moving}", "a registry in which tags can move")
    repository, manifests = (
        tag_history.repository,
        [variation(tag_history.images[0], str(number)) for number in range(CALLERS)],
    )
    rest, contents = iter(manifests), [tag_history.moving.body, *(each.content for each in manifests)]

    def push() -> Exchange:
        manifest = next(rest)
        return repository.put_manifest(MOVING, manifest.content, manifest.media_type)

    def broken(reply: Exchange) -> bool:
        return reply.status != 200 or reply.body not in contents

    pull = partial(repository.get_manifest, MOVING)
    replies, pushes = reading_while(pull, push, CALLERS, broken, READS, changers=CALLERS)
    expect_done_at_once(pushes, "for each concurrent push to one tag")
    bad = [*filter(broken, replies)]
    contents = contents[1:] if len(pushes) == CALLERS else contents
    if bad or broken(last := pull()):
        wrong = bad[0] if bad else last
        raise NonConformance("the bytes of one of the pushed manifests", observed(wrong), wrong)
    for each in manifests:
        expect_bytes_or_collected(repository.get_manifest(each.digest), each.content)
    expect_tags(repository, tags_of(tag_history))


@dataclass(frozen=True)
class ManyTags:
    """A repository of two images whose tags are pushed step by step, each step once for all checks."""

    repository: Repository
    images: tuple[Manifest, Manifest]
    once: Once

    def named(self, tag: str) -> Manifest:
        """Return the image that a tag names."""
        return self.images[TAGS.index(tag) % len(self.images)]

    def push(self, tag: str) -> Exchange:
        """PUT the image under the tag."""
        return self.repository.put_manifest(tag, self.named(tag).content, self.named(tag).media_type)

    def pages(self) -> list[Exchange]:
        """Read the list of tags to its end."""
        return pages_from(self.repository.tags(), self.repository.follow)

    def at_once(self) -> dict[str, Exchange]:
        """Push the first four tags from four clients concurrently; return the responses."""
        pushes = self.once("tags at once", lambda: at_once([partial(self.push, tag) for tag in AT_ONCE]))
        return dict(zip(AT_ONCE, pushes, strict=True))

    def listed(self) -> list[Exchange]:
        """Read the tag list after that."""
        return self.once("tags after those at once", self.pages)

    def meanwhile(self) -> tuple[list[Exchange], dict[str, Exchange]]:
        """Push sixteen more tags while three clients read the list; return the lists and the pushes' responses."""
        rest = iter(MEANWHILE)

        def made() -> tuple[list[Exchange], list[Exchange]]:
            return reading_while(self.repository.tags, lambda: self.push(next(rest)), len(MEANWHILE), reads=READS)

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
    """Return the tags on these pages."""
    return [tag for page in pages for tag in strings_of(page, "tags")]


@verifies("registry/concurrency/no-pushed-tag-is-lost")
def test_several_tags(many_tags: ManyTags) -> None:
    """Purpose: no tag is lost if several are pushed concurrently.
    Method: 1. four clients concurrently PUT two manifests under two tags each: expect 2xx, 409 if another succeeded
            2. expect all accepted tags in the list, and the bytes of its own image from each
    """
    pushes = many_tags.at_once()
    expect_done_at_once([*pushes.values()], "for each concurrent push of a tag")

    expect_listed(many_tags.listed(), "tags", accepted_tags(pushes))
    for tag in accepted_tags(pushes):
        expect_bytes(many_tags.repository.get_manifest(tag), many_tags.named(tag).content)


@verifies("registry/concurrency/list-during-pushes-has-earlier-tags")
def test_tags_listed_while_pushed(many_tags: ManyTags) -> None:
    """Purpose: a list that is read while tags are pushed contains all earlier tags.
    Method: 1. push four tags and list them; push sixteen more while three clients read the list
            2. expect 200 from each read, the first four tags in it, and none twice
            3. expect all pushed tags in the list at the end
    """
    pushes, existing = many_tags.at_once(), tags_in(many_tags.listed())
    require_stored(min(pushes.values(), key=lambda reply: reply.status))
    before = [tag for tag in accepted_tags(pushes) if tag in existing]
    replies, later = many_tags.meanwhile()

    for reply in replies:
        found = tags_in([reply])
        whole = next_link(reply) is not None or set(before) <= set(found)
        if not whole or len(set(found)) < len(found):
            raise NonConformance(f"{worded(before)} in the list, none twice", worded(found), reply)
    for reply in later.values():
        expect_success(reply, "for a tag pushed while the list is read")
    expect_listed(many_tags.pages(), "tags", [*before, *later])


@verifies("registry/tags/long-list-is-complete")
def test_long_list(many_tags: ManyTags) -> None:
    """Purpose: a long list is complete, on one page or on several.
    Method: 1. push 101 tags, or as many as possible in 20 s; 2. list them and follow the links: expect each tag once
    """
    pushes = many_tags.at_once() | many_tags.meanwhile()[1]
    rest, until = [tag for tag in TAGS if tag not in accepted_tags(pushes)], time.monotonic() + PUSHED_WITHIN_S

    def pushing(share: list[str]) -> Callable[[], dict[str, Exchange]]:
        return lambda: {tag: many_tags.push(tag) for tag in share if time.monotonic() < until}

    for share in at_once([pushing(rest[first::CALLERS]) for first in range(CALLERS)]):
        pushes |= share
    refused = next((reply for reply in pushes.values() if not reply.ok and reply.status != 409), None)
    if refused is not None:
        raise Inconclusive(f"a tag could not be pushed: {refused}", "a registry that accepts images from this login")

    expect_complete(many_tags.pages(), "tags", accepted_tags(pushes))
