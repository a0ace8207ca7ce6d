"""Concurrent pushes, pulls and deletions of the same content do not interfere with each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, filterfalse

import pytest

from conformance.clients.concurrency import SlowBody, at_once, late, reading_while
from conformance.clients.registry.client import NewRepository, Registry, Repository, StoredImage
from conformance.clients.registry.images import Blob, Manifest, NewBlob, NewImage, image, manifest_of, variation
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tags import deleted, is_immutable
from conformance.clients.registry.tokens import ask, pull
from conformance.clients.registry.uploads import open_in_pieces
from conformance.evidence.shared_requests import Once
from conformance.oracles.linearizability import expect_not_mixed_up
from conformance.oracles.registry import (
    descriptors_of,
    expect_bytes,
    expect_listed,
    expect_range,
    pages_from,
    strings_of,
)
from conformance.oracles.status import (
    expect_done_at_once,
    expect_no_server_error,
    expect_status,
    expect_success,
    listed,
    observed,
)
from conformance.sandbox.names import Names
from conformance.sandbox.retry_once import at_second_try
from conformance.vocabulary.check import sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import plural, worded

SESSION_HEADERS = ("location", "docker-upload-uuid")
"""Headers that identify a session."""
CALLERS = 4
# A mix-up of one in forty overlapping responses shows twice among these 96.
READERS, OVERLAPPING_READS = 6, 16
PUSHES = 18
# With the first pushes and reads there are twenty of each kind, so a loss of one in twenty shows.
BLOB_PUSHES, BLOB_READS = 16, 6
# Readers finish before one client has pushed often; two clients disturb them twice as often.
PUSHERS = 2
# Reading ends when the image is gone or both deletions have returned, and after this many reads at the latest.
READS_UNTIL_GONE = 12
REFERRERS = 12  # more than a page of ten, a common default


def broken_for(content: bytes) -> Callable[[Exchange], bool]:
    """Return a test of a response: whether it differs from 200 with these bytes."""
    return lambda reply: reply.status != 200 or reply.body != content


def expect_whole(replies: Sequence[Exchange], content: bytes) -> None:
    """Expect 200 with these bytes from each response."""
    broken = [*filter(broken_for(content), replies)]
    if broken:
        seen = f"another response {plural(len(broken), 'time')}, first {observed(broken[0])}"
        raise NonConformance(f"200 with the same bytes from each of {len(replies)} reads", seen, *broken[:3])


@dataclass(frozen=True)
class ConcurrentBlobPushes:
    """Two blobs, each pushed by two clients concurrently: the responses to the pushes and to GET of each."""

    repository: Repository
    opened: list[Exchange]
    blobs: tuple[Blob, Blob]
    pushes: list[Exchange]
    reads: list[Exchange]


@pytest.fixture
def concurrent_blob_pushes(new_repository: NewRepository, new_blob: NewBlob, once: Once) -> ConcurrentBlobPushes:
    """Two blobs that four clients pushed concurrently to an empty repository."""

    def made() -> ConcurrentBlobPushes:
        repository, blobs = new_repository("twins"), (new_blob(64 * 1024), new_blob(64 * 1024))
        opened = at_once([repository.post_upload] * CALLERS)
        pairs = [(repository.upload_of(reply), blobs[number % 2]) for number, reply in enumerate(opened) if reply.ok]
        pushes = at_once([partial(upload.put, blob.digest, blob.content) for upload, blob in pairs])
        return ConcurrentBlobPushes(repository, opened, blobs, pushes, [repository.get_blob(b.digest) for b in blobs])

    return once("twins", made)


@verifies("registry/concurrency/pushes-of-one-blob-succeed")
def test_identical_blobs(concurrent_blob_pushes: ConcurrentBlobPushes) -> None:
    """Purpose: two builds that push the same layers concurrently both succeed.
    Method: 1. four clients concurrently open sessions in an empty repository: expect 2xx, and that no two sessions
               have the same Location or Docker-Upload-UUID
            2. two of them push one blob, two another: expect 2xx, and exactly the bytes of each blob from GET
    """
    opened = concurrent_blob_pushes.opened
    for reply in opened:
        expect_success(reply, "for each of several sessions opened concurrently")
    for name in SESSION_HEADERS:
        for one, other in combinations([reply for reply in opened if reply.headers.get(name)], 2):
            if (seen := one.headers.get(name)) == other.headers.get(name):
                raise NonConformance("a session for each client", f"{name}: {seen} for two clients", one, other)
    for reply in concurrent_blob_pushes.pushes:
        expect_success(reply, "for each of several concurrent pushes")
    for blob, reply in zip(concurrent_blob_pushes.blobs, concurrent_blob_pushes.reads, strict=True):
        expect_bytes(reply, blob.content)


@verifies("registry/concurrency/pushes-of-one-blob-succeed#mounted")
def test_identical_mounts(new_repository: NewRepository, stored: StoredImage) -> None:
    """Purpose: two builds on one base image that mount its layer concurrently both succeed.
    Method: 1. two clients concurrently mount one blob into one repository; 2. expect 2xx to each
    """
    repository, blob = new_repository("mounted"), stored.image.blobs[-1]
    mount = partial(repository.post_upload, mount=blob.digest, from_=stored.repository.name)
    for reply in at_once([mount] * 2):
        expect_success(reply, "for each of two concurrent mounts")


@verifies("registry/concurrency/pushes-of-one-image-succeed")
def test_identical_manifests(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: two builds that push the same image under the same tag concurrently both succeed.
    Method: 1. four clients concurrently PUT one manifest under one tag: expect 2xx to each, 409 if another succeeded;
               a registry with immutable tags may refuse all but one
            2. expect exactly its bytes by tag and digest
    """
    manifest, tag = new_image(), names.new("same")
    push = partial(repository.put_manifest, tag, manifest.content, manifest.media_type)
    replies = at_once([push] * CALLERS)
    expect_done_at_once(
        [*filterfalse(is_immutable, replies)] or replies, "for each of several concurrent pushes of one image"
    )
    for reference in (tag, manifest.digest):
        expect_bytes(repository.get_manifest(reference), manifest.content)


@pytest.fixture(scope="session")
@at_second_try
def repeatedly_pushed_image(repository: Repository, new_image: NewImage, names: Names) -> StoredImage:
    """An image that checks push repeatedly."""
    tag = names.new("again")
    return StoredImage(repository, repository.given(new_image(), tag), tag)


@verifies("registry/concurrency/pushes-do-not-disturb-pulls")
@pytest.mark.parametrize("name", ["tag", "digest"])
def test_pulled_while_pushed_again(repeatedly_pushed_image: StoredImage, name: str) -> None:
    """Purpose: pushing an existing image again does not disturb clients that pull it.
    Method: 1. two clients push an existing image eighteen times in all, while three others pull it
            2. expect 200 with exactly its bytes to every read, and 2xx to every push, 409 if another succeeded
    """
    repository, manifest = repeatedly_pushed_image.repository, repeatedly_pushed_image.image
    read = partial(repository.get_manifest, repeatedly_pushed_image.tag if name == "tag" else manifest.digest)
    push = partial(repository.put_manifest, repeatedly_pushed_image.tag, manifest.content, manifest.media_type)
    replies, pushes = reading_while(read, push, PUSHES, broken_for(manifest.content), changers=PUSHERS)
    expect_whole(replies, manifest.content)
    expect_done_at_once([*filterfalse(is_immutable, pushes)], "for each push of an existing image")


@verifies("registry/concurrency/pushes-do-not-disturb-pulls#blob")
def test_blob_pulled_while_pushed_again(concurrent_blob_pushes: ConcurrentBlobPushes) -> None:
    """Purpose: pushing an existing layer again does not disturb clients that pull it.
    Method: 1. two clients push an existing blob sixteen times in all, while three others pull it
            2. expect 200 with exactly its bytes to every read, and 2xx to every push
    """
    repository, blob, first = (
        concurrent_blob_pushes.repository,
        concurrent_blob_pushes.blobs[0],
        concurrent_blob_pushes.reads[0],
    )
    if broken_for(blob.content)(first):
        raise Inconclusive(f"the blob is missing: {first}", "a registry that stores a blob that several clients push")
    read = partial(repository.get_blob, blob.digest)
    push = lambda: repository.open_upload().put(blob.digest, blob.content)  # noqa: E731
    replies, pushes = reading_while(read, push, BLOB_PUSHES, broken_for(blob.content), BLOB_READS, PUSHERS)

    expect_whole(replies, blob.content)
    for reply in pushes:
        expect_success(reply, "for each push of an existing blob")


@pytest.fixture
def several_images(new_repository: NewRepository, once: Once) -> tuple[Repository, list[Manifest]]:
    """A repository with six images of different configs, each under the tag of its number."""

    def made() -> tuple[Repository, list[Manifest]]:
        repository = new_repository("several")
        images = [image(f"{repository.name} {number}", layers=0) for number in range(READERS)]
        for number, each in enumerate(images):
            repository.given(each, f"v{number}")
        return repository, images

    return once("several images", made)


@verifies("registry/concurrency/responses-are-not-mixed-up")
@sends_up_to(600)
@pytest.mark.parametrize("kind", ["blob", "digest", "tag"])
def test_responses_are_not_mixed_up(several_images: tuple[Repository, list[Manifest]], kind: str) -> None:
    """Purpose: a client gets the content that it requests, however many requests overlap.
    Method: 1. six clients concurrently GET one blob or manifest each, sixteen times; 2. expect its own bytes each time
    """
    repository, images = several_images
    contents = [each.blobs[0].content if kind == "blob" else each.content for each in images]
    names = {content: f"the {kind} of image {number}" for number, content in enumerate(contents)}

    def read(number: int) -> list[Exchange]:
        reference = f"v{number}" if kind == "tag" else images[number].digest
        get = partial(repository.get_manifest, reference)
        if kind == "blob":
            get = partial(repository.get_blob, images[number].blobs[0].digest)
        return [get() for _ in range(OVERLAPPING_READS)]

    for own, replies in zip(contents, at_once([partial(read, number) for number in range(READERS)]), strict=True):
        for reply in replies:
            expect_not_mixed_up(reply, names[own], names.get(reply.body), names.values())
        expect_whole(replies, own)


@verifies("registry/concurrency/pull-during-deletion-is-whole-or-404")
def test_pulled_while_deleted(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: a client that pulls an image during its deletion gets all of it or nothing.
    Method: 1. two clients concurrently delete an image, while three others pull it by tag until it is gone
            2. expect 200 with exactly its bytes, or 404, to each read; and 404 in the end
            3. expect 202 to one of the deletions, and no 5xx to the other
    """
    tag = names.new("deleted")
    manifest = repository.given(new_image(), tag)
    pull, delete = partial(repository.get_manifest, tag), partial(deleted, repository, manifest, tag)
    replies, deletions = reading_while(pull, delete, 2, lambda reply: reply.status != 200, READS_UNTIL_GONE, changers=2)

    for reply in replies:
        expect_status(reply, {200, 404}, "for a pull during the deletion")
        if reply.status == 200:
            expect_bytes(reply, manifest.content)
    if 202 not in (seen := [reply.status for reply in deletions]):
        raise NonConformance("202 to one of two concurrent deletions", worded(seen), *deletions)
    for reply in deletions:
        expect_no_server_error(reply, "for the second of two concurrent deletions")
    expect_status(repository.get_manifest(tag), 404, "after the deletion")


@verifies("registry/concurrency/no-pushed-referrer-is-lost")
def test_several_referrers(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: none of several signatures that are pushed concurrently is lost.
    Method: 1. four clients concurrently PUT four manifests with one subject, three times: 2xx, or 409 after another
            2. expect all that were stored among the subject's referrers
    """
    subject = variation(base, names.new("signed")).descriptor
    referrers = [manifest_of(base.blobs[0], base.blobs[1:], subject=subject, cf=number) for number in range(REFERRERS)]
    several = [referrers[number : number + CALLERS] for number in range(0, REFERRERS, CALLERS)]
    replies = [reply for some in several for reply in at_once([partial(repository.push, each) for each in some])]
    expect_done_at_once(replies, "for each of several concurrent pushes of referrers")

    pages = pages_from(repository.referrers(subject["digest"]), repository.follow)
    found = [each.get("digest") for page in pages for each in descriptors_of(page)]
    accepted = [each.digest for each, reply in zip(referrers, replies, strict=True) if reply.ok]
    if missing := [digest for digest in accepted if digest not in found]:
        raise NonConformance(f"all {len(accepted)} in the list of referrers", f"missing: {worded(missing)}", *pages)


@verifies("registry/concurrency/no-deleted-tag-comes-back")
def test_several_deletions(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: none of several tags that are deleted concurrently comes back, and no other tag is lost.
    Method: 1. push an image under four tags; three clients concurrently DELETE one tag each: expect 202 or 409
            2. expect the fourth tag in the list, and none of the deleted tags
    """
    mark = names.new("deleted")
    tags, remaining = [f"{mark}-{number}" for number in range(CALLERS - 1)], f"{mark}-kept"
    repository.given(new_image(), *tags, remaining)

    replies = at_once([partial(repository.delete_manifest, tag) for tag in tags])
    for reply in replies:
        expect_status(reply, {202, 409}, "for each of several concurrent deletions of tags")
    removed = {tag for tag, reply in zip(tags, replies, strict=True) if reply.status == 202}
    pages = pages_from(repository.tags(), repository.follow)
    expect_listed(pages, "tags", [remaining])
    if reappeared := {tag for page in pages for tag in strings_of(page, "tags")} & removed:
        raise NonConformance("no deleted tag in the list", f"{worded(sorted(reappeared))} in the list", *pages)


@verifies("registry/concurrency/one-of-equal-chunks-is-stored")
def test_one_session(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: of several concurrent chunks for one place in one session, one is stored.
    Method: 1. PATCH bytes 0-299; three clients concurrently PATCH bytes 300-599, one of them its head first: expect no
               5xx, and 2xx to exactly one; the session's Range to end at 599
            2. two clients concurrently PUT the rest: expect no 5xx, 2xx to one, and exactly the bytes from GET
    """
    upload, length = open_in_pieces(repository, 300)
    blob, end = new_blob(3 * length), 2 * length
    upload.patch(blob.content[:length], f"0-{length - 1}")
    clients = [upload.by(repository.registry) for _ in range(3)]
    chunk, place, fields = blob.content[length:end], f"{length}-{end - 1}", [("Content-Length", str(length))]

    sends: list[Callable[[], Exchange]] = [partial(clients[0].patch, SlowBody(chunk), place, fields)]
    sends += [late(partial(each.patch, chunk, place, fields)) for each in clients[1:]]
    replies = at_once(sends)
    for reply in replies:
        expect_no_server_error(reply, "for a chunk that other clients send as well")
    accepted = [each for each, reply in zip(clients, replies, strict=True) if reply.ok]
    if len(accepted) != 1:
        seen = "the statuses " + worded([reply.status for reply in replies])
        raise NonConformance("2xx for one of three equal chunks", seen, *replies)

    expect_range(accepted[0].status(), end - 1)
    # A registry may store a blob although it refuses both closing requests.
    repository.inventory.blobs.add(blob.digest)
    rest, place = blob.content[end:], f"{end}-{end + length - 1}"
    closing = [accepted[0], accepted[0].by(repository.registry)]
    closed = at_once([partial(each.put, blob.digest, rest, place) for each in closing])
    for reply in closed:
        expect_no_server_error(reply, "for a closing request that another client sends as well")
    expect_success(min(closed, key=lambda reply: reply.status), "for one of two concurrent closing requests")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/token/account-is-who-logs-in#concurrent-logins")
def test_concurrent_logins(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token has no rights of another user who logs in concurrently.
    Method: 1. concurrently request tokens to pull, four with another organization's login and four with ours
            2. pull with each: expect 401, 403 or 404 with the former's, 200 with the latter's
    """
    roles = ("foreign", "pusher")
    scope = bearer.scope(guarded.repository.name, "pull")
    replies = at_once([partial(ask, bearer, role, scope) for _ in range(CALLERS) for role in roles])

    for reply, role in zip(replies, roles * CALLERS, strict=True):
        if not token_in(reply):
            continue
        pulled, right = pull(guarded, token_in(reply)), {200} if role == "pusher" else {401, 403, 404}
        if pulled.status in {200, 401, 403, 404} - right:
            expected = f"{listed(right)} with a token of the {role} that was requested concurrently with others"
            raise NonConformance(expected, observed(pulled), reply, pulled)
