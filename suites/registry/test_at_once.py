"""What several callers do at one moment: no one's pull is disturbed by another's push of the same content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import filterfalse

import pytest

from conformance.clients.concurrency import at_once, reading_while
from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import Blob, NewBlob, NewImage
from conformance.clients.registry.tags import deleted, stays
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import another_field
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import (
    expect_done_at_once,
    expect_no_server_error,
    expect_status,
    expect_success,
    observed,
)
from conformance.sandbox.names import Names
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.wording import plural, worded

NAMING = ("location", "docker-upload-uuid")
"""What names a session."""
CALLERS = 4
PUSHES = 18
# A registry that forgets one in twenty is found: with those that are pushed and read first there are twenty of a kind.
BLOB_PUSHES, BLOB_READS = 16, 6
# Readers are done before one caller has pushed often: two at once disturb them twice as often meanwhile.
PUSHERS = 2
# They end where it is gone, or both deletions are answered: a slow deletion has so many reads of each at most.
READS_UNTIL_GONE = 12


def broken_for(content: bytes) -> Callable[[Exchange], bool]:
    """Whether an answer is anything but 200 with these bytes."""
    return lambda reply: reply.status != 200 or reply.body != content


def expect_whole(replies: Sequence[Exchange], content: bytes) -> None:
    """Each answer is 200 with these bytes."""
    broken = [*filter(broken_for(content), replies)]
    if broken:
        raise NonConformance(
            f"200 with the same bytes from each of {len(replies)} reads",
            f"{plural(len(broken), 'time')} otherwise, first {observed(broken[0])}",
            *broken[:3],
        )


@dataclass(frozen=True)
class Twins:
    """Two blobs, each pushed by two callers at the same moment: how that was answered, and what is read of each."""

    repository: Repository
    opened: list[Exchange]
    blobs: tuple[Blob, Blob]
    pushes: list[Exchange]
    reads: list[Exchange]


@pytest.fixture
def twins(new_repository: NewRepository, new_blob: NewBlob, once: Once) -> Twins:
    """Two blobs that four callers have pushed, the first that were pushed to their repository."""

    def made() -> Twins:
        repository, blobs = new_repository("twins"), (new_blob(64 * 1024), new_blob(64 * 1024))
        opened = at_once([repository.post_upload] * CALLERS)
        pairs = [(repository.upload_of(reply), blobs[number % 2]) for number, reply in enumerate(opened) if reply.ok]
        pushes = at_once([partial(upload.put, blob.digest, blob.content) for upload, blob in pairs])
        reads = [repository.get_blob(blob.digest) for blob in blobs]
        return Twins(repository, opened, blobs, pushes, reads)

    return once("twins", made)


@verifies("registry/at-once/identical-blobs")
def test_identical_blobs(twins: Twins) -> None:
    """Purpose: two builds that push the same layers at once both succeed.

    Method: 1. four callers open sessions at the same moment, in a repository that nothing was pushed to, and push at
               the same moment, two of them one blob, two another
            2. expect 2xx to each, sessions that are not one, nor of one Docker-Upload-UUID, where that is told, and
               exactly the bytes of each blob from GET
    """
    for reply in twins.opened:
        expect_success(reply, "to each of those who open a session at once")
    for name in NAMING:
        told = [reply.headers.get(name) for reply in twins.opened]
        if twice := [reply for reply, named in zip(twins.opened, told, strict=True) if named and told.count(named) > 1]:
            one, other = [each for each in twice if each.headers.get(name) == twice[0].headers.get(name)][:2]
            shown, proof = f"{plural(len(twice), 'time')} {one.headers.get(name)}", another_field(one, other, name)
            wanted = "a session of its own for each of those who open one at once"
            raise NonConformance(wanted, shown, one, other, proof=proof)
    for reply in twins.pushes:
        expect_success(reply, "to each of those who push at once")
    for blob, reply in zip(twins.blobs, twins.reads, strict=True):
        expect_bytes(reply, blob.content)


@verifies("registry/at-once/identical-blobs")
@pytest.mark.parametrize("number", [case("mounted", 2)])
def test_identical_mounts(new_repository: NewRepository, stored: StoredImage, number: int) -> None:
    """Purpose: two builds on one base that mount its layer at once both succeed.

    Method: 1. two callers mount one blob into one repository at the same moment
            2. expect 2xx to each
    """
    repository, blob = new_repository("mounted"), stored.image.blobs[-1]
    mount = partial(repository.post_upload, mount=blob.digest, from_=stored.repository.name)
    for reply in at_once([mount] * number):
        expect_success(reply, "to each of those who mount at once")


@verifies("registry/at-once/identical-manifests")
def test_identical_manifests(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: two builds that push the same image under the same tag at once both succeed.

    Method: 1. four callers PUT one manifest under one tag at the same moment
            2. expect 2xx to each (to one, where tags stay; or 409 beside one), and exactly its bytes by tag and digest
    """
    manifest, tag = new_image(), names.new("same")
    push = lambda: repository.put_manifest(tag, manifest.content, manifest.media_type)  # noqa: E731
    replies = at_once([push] * CALLERS)
    expect_done_at_once([*filterfalse(stays, replies)] or replies, "to each of those who push one image at once")

    for reference in (tag, manifest.digest):
        expect_bytes(repository.get_manifest(reference), manifest.content)


@pytest.fixture(scope="session")
@at_second_try
def again(repository: Repository, new_image: NewImage, names: Names) -> StoredImage:
    """An image that is pushed again and again."""
    tag = names.new("again")
    return StoredImage(repository, repository.given(new_image(), tag), tag)


@verifies("registry/at-once/pulled-while-pushed-again")
@pytest.mark.parametrize("what", [case("tag", "tag"), case("digest", "digest")])
def test_pulled_while_pushed_again(again: StoredImage, what: str) -> None:
    """Purpose: pushing what is there already disturbs nobody who pulls it.

    Method: 1. push an image; two callers push it again, eighteen times in all, three others pull it
            2. expect 200 with exactly its bytes from every read, and 2xx to every push, or 409 beside one
    """
    repository, manifest = again.repository, again.image
    read = partial(repository.get_manifest, again.tag if what == "tag" else manifest.digest)
    push = partial(repository.put_manifest, again.tag, manifest.content, manifest.media_type)
    replies, pushes = reading_while(read, push, PUSHES, broken_for(manifest.content), changers=PUSHERS)

    expect_whole(replies, manifest.content)
    expect_done_at_once([*filterfalse(stays, pushes)], "to each who pushes again")


@verifies("registry/at-once/pulled-while-pushed-again")
@pytest.mark.parametrize("number", [case("blob", 0)])
def test_blob_pulled_while_pushed_again(twins: Twins, number: int) -> None:
    """Purpose: pushing a layer that is there already disturbs nobody who pulls it.

    Method: 1. push a blob; two callers push it again, sixteen times in all, three others pull it
            2. expect 200 with exactly its bytes from every read, and 2xx to every push
    """
    repository, blob = twins.repository, twins.blobs[number]
    broken = broken_for(blob.content)
    if broken(twins.reads[number]):
        raise Inconclusive(f"a blob is not there: {twins.reads[number]}", "a registry that keeps what several push")
    read = partial(repository.get_blob, blob.digest)
    push = lambda: repository.open_upload().put(blob.digest, blob.content)  # noqa: E731
    replies, pushes = reading_while(read, push, BLOB_PUSHES, broken, BLOB_READS, PUSHERS)

    expect_whole(replies, blob.content)
    for reply in pushes:
        expect_success(reply, "to each who pushes again")


@verifies("registry/at-once/pulled-while-deleted")
def test_pulled_while_deleted(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: who pulls what is being deleted gets all of it or nothing.

    Method: 1. push an image; two callers delete it at the same moment, three others pull it by tag until it is gone
            2. expect 200 with exactly its bytes, or 404; and 404 in the end
            3. expect 202 to one of the deletions, and no 5xx to the other
    """
    tag = names.new("deleted")
    manifest = repository.given(new_image(), tag)
    pull, delete = partial(repository.get_manifest, tag), partial(deleted, repository, manifest, tag)
    replies, twice = reading_while(pull, delete, 2, lambda reply: reply.status != 200, READS_UNTIL_GONE, changers=2)

    for reply in replies:
        expect_status(reply, {200, 404}, "to one who pulls what is being deleted")
        if reply.status == 200:
            expect_bytes(reply, manifest.content)
    if 202 not in (told := [reply.status for reply in twice]):
        proof = Proof(beyond="it is about which of two requests at once was done")
        raise NonConformance("202 to one of two who delete at once", worded(told), *twice, proof=proof)
    for reply in twice:
        expect_no_server_error(reply, "to one who deletes what another deletes")
    expect_status(repository.get_manifest(tag), 404, "after the deletion")
