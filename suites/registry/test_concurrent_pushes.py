"""Concurrent pushes, pulls and deletions of the same content do not interfere with each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import filterfalse

import pytest

from conformance.clients.concurrency import SlowBody, at_once, late, reading_while
from conformance.clients.registry.client import NewRepository, Registry, Repository, StoredImage, Upload
from conformance.clients.registry.images import Blob, Manifest, NewBlob, NewImage, manifest_of, variation
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tags import deleted, stays
from conformance.clients.registry.tokens import ask, pull
from conformance.clients.registry.uploads import open_in_pieces
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import another_field
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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.wording import plural, worded

SESSION_HEADERS = ("location", "docker-upload-uuid")
"""Headers that identify a session."""
CALLERS = 4
PUSHES = 18
# A registry that forgets one in twenty is found: with those that are pushed and read first there are twenty of a kind.
BLOB_PUSHES, BLOB_READS = 16, 6
# Readers are done before one caller has pushed often: two at once disturb them twice as often meanwhile.
PUSHERS = 2
# They end where it is gone, or both deletions are answered: a slow deletion has so many reads of each at most.
READS_UNTIL_GONE = 12
REFERRERS = 12  # more than a page of ten, which many lists have that nobody told how long to be
ONE_AFTER_ANOTHER = Proof(beyond="it is about logins at one moment, and those of a script come one after another")


def broken_for(content: bytes) -> Callable[[Exchange], bool]:
    """Return a test of a response: whether it differs from 200 with these bytes."""
    return lambda reply: reply.status != 200 or reply.body != content


def expect_whole(replies: Sequence[Exchange], content: bytes) -> None:
    """Expect 200 with these bytes from each response."""
    broken = [*filter(broken_for(content), replies)]
    if broken:
        raise NonConformance(
            f"200 with the same bytes from each of {len(replies)} reads",
            f"{plural(len(broken), 'time')} otherwise, first {observed(broken[0])}",
            *broken[:3],
        )


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
        reads = [repository.get_blob(blob.digest) for blob in blobs]
        return ConcurrentBlobPushes(repository, opened, blobs, pushes, reads)

    return once("twins", made)


@verifies("registry/at-once/identical-blobs")
def test_identical_blobs(concurrent_blob_pushes: ConcurrentBlobPushes) -> None:
    """Purpose: two builds that push the same layers at once both succeed.

    Method: 1. four callers open sessions at the same moment, in a repository that nothing was pushed to, and push at
               the same moment, two of them one blob, two another
            2. expect 2xx to each, sessions that are not one, nor of one Docker-Upload-UUID, where that is told, and
               exactly the bytes of each blob from GET
    """
    for reply in concurrent_blob_pushes.opened:
        expect_success(reply, "to each of those who open a session at once")
    for name in SESSION_HEADERS:
        told = [reply.headers.get(name) for reply in concurrent_blob_pushes.opened]
        if twice := [
            reply
            for reply, named in zip(concurrent_blob_pushes.opened, told, strict=True)
            if named and told.count(named) > 1
        ]:
            one, other = [each for each in twice if each.headers.get(name) == twice[0].headers.get(name)][:2]
            shown, proof = f"{plural(len(twice), 'time')} {one.headers.get(name)}", another_field(one, other, name)
            wanted = "a session of its own for each of those who open one at once"
            raise NonConformance(wanted, shown, one, other, proof=proof)
    for reply in concurrent_blob_pushes.pushes:
        expect_success(reply, "to each of those who push at once")
    for blob, reply in zip(concurrent_blob_pushes.blobs, concurrent_blob_pushes.reads, strict=True):
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
def repeatedly_pushed_image(repository: Repository, new_image: NewImage, names: Names) -> StoredImage:
    """An image that checks push repeatedly."""
    tag = names.new("again")
    return StoredImage(repository, repository.given(new_image(), tag), tag)


@verifies("registry/at-once/pulled-while-pushed-again")
@pytest.mark.parametrize("what", [case("tag", "tag"), case("digest", "digest")])
def test_pulled_while_pushed_again(repeatedly_pushed_image: StoredImage, what: str) -> None:
    """Purpose: pushing what is there already disturbs nobody who pulls it.

    Method: 1. push an image; two callers push it again, eighteen times in all, three others pull it
            2. expect 200 with exactly its bytes from every read, and 2xx to every push, or 409 beside one
    """
    repository, manifest = repeatedly_pushed_image.repository, repeatedly_pushed_image.image
    read = partial(repository.get_manifest, repeatedly_pushed_image.tag if what == "tag" else manifest.digest)
    push = partial(repository.put_manifest, repeatedly_pushed_image.tag, manifest.content, manifest.media_type)
    replies, pushes = reading_while(read, push, PUSHES, broken_for(manifest.content), changers=PUSHERS)

    expect_whole(replies, manifest.content)
    expect_done_at_once([*filterfalse(stays, pushes)], "to each who pushes again")


@verifies("registry/at-once/pulled-while-pushed-again")
@pytest.mark.parametrize("number", [case("blob", 0)])
def test_blob_pulled_while_pushed_again(concurrent_blob_pushes: ConcurrentBlobPushes, number: int) -> None:
    """Purpose: pushing a layer that is there already disturbs nobody who pulls it.

    Method: 1. push a blob; two callers push it again, sixteen times in all, three others pull it
            2. expect 200 with exactly its bytes from every read, and 2xx to every push
    """
    repository, blob = concurrent_blob_pushes.repository, concurrent_blob_pushes.blobs[number]
    broken = broken_for(blob.content)
    if broken(concurrent_blob_pushes.reads[number]):
        raise Inconclusive(
            f"a blob is not there: {concurrent_blob_pushes.reads[number]}", "a registry that keeps what several push"
        )
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


@verifies("registry/at-once/several-referrers")
def test_several_referrers(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: of several signatures that are pushed at once, none is lost.

    Method: 1. four callers PUT four manifests whose subject is one image at the same moment, three times: expect 2xx to
               each, or 409 beside one
            2. expect all that were taken among its referrers, following links
    """
    subject = variation(base, names.new("signed")).descriptor
    referrers = [manifest_of(base.blobs[0], base.blobs[1:], subject=subject, cf=number) for number in range(REFERRERS)]

    def pushing(manifest: Manifest) -> Callable[[], Exchange]:
        return lambda: repository.push(manifest)

    several = [referrers[number : number + CALLERS] for number in range(0, REFERRERS, CALLERS)]
    replies = [reply for some in several for reply in at_once([pushing(each) for each in some])]
    expect_done_at_once(replies, "to each of those who push a referrer at once")
    pages = pages_from(repository.referrers(subject["digest"]), repository.follow)
    found = [each.get("digest") for page in pages for each in descriptors_of(page)]
    taken = [each.digest for each, reply in zip(referrers, replies, strict=True) if reply.ok]
    if lost := [digest for digest in taken if digest not in found]:
        raise NonConformance(f"all {len(taken)} among the referrers", f"lost {worded(lost)}", *pages)


@verifies("registry/at-once/several-deletions")
def test_several_deletions(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: of several tags that are deleted at once, none comes back, and no other goes.

    Method: 1. push an image under four tags; three callers DELETE three of them at the same moment
            2. expect 202 to each, or 409; the fourth in the list, and none of those that were deleted
    """
    mark = names.new("deleted")
    gone, kept = [f"{mark}-{number}" for number in range(CALLERS - 1)], f"{mark}-kept"
    repository.given(new_image(), *gone, kept)

    def deleting(tag: str) -> Callable[[], Exchange]:
        return lambda: repository.delete_manifest(tag)

    replies = at_once([deleting(tag) for tag in gone])
    for reply in replies:
        expect_status(reply, {202, 409}, "to each of those who delete a tag at once")
    gone = [tag for tag, reply in zip(gone, replies, strict=True) if reply.status == 202]
    pages = pages_from(repository.tags(), repository.follow)
    expect_listed(pages, "tags", [kept])
    if back := {tag for page in pages for tag in strings_of(page, "tags")} & set(gone):
        raise NonConformance("none of the tags that were deleted", f"{worded(sorted(back))} in the list", *pages)


@verifies("registry/at-once/one-session")
def test_one_session(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: of several chunks for one place in one session, one is taken.

    Method: 1. PATCH bytes 0-299; three callers PATCH bytes 300-599 of it at the same moment, one of them its head first
            2. expect no 5xx, and one of them taken; the session to stand at 599
            3. two callers PUT the rest at the same moment: expect no 5xx, 2xx to one, and exactly the bytes
    """
    upload, length = open_in_pieces(repository, 300)
    blob, end = new_blob(3 * length), 2 * length
    upload.patch(blob.content[:length], f"0-{length - 1}")
    concurrent_blob_pushes = [upload.by(repository.registry) for _ in range(3)]
    chunk, place, told = blob.content[length:end], f"{length}-{end - 1}", [("Content-Length", str(length))]

    def patching(twin: Upload, body: bytes | SlowBody) -> Callable[[], Exchange]:
        return lambda: twin.patch(body, place, told)

    replies = at_once(
        [
            patching(concurrent_blob_pushes[0], SlowBody(chunk)),
            *(late(patching(twin, chunk)) for twin in concurrent_blob_pushes[1:]),
        ]
    )
    for reply in replies:
        expect_no_server_error(reply, "for a chunk that another sends as well")
    taken = [twin for twin, reply in zip(concurrent_blob_pushes, replies, strict=True) if reply.ok]
    if len(taken) != 1:
        statuses = ", ".join(str(reply.status) for reply in replies)
        raise NonConformance("one of three equal chunks to be taken", statuses, *replies)

    expect_range(taken[0].status(), end - 1)
    closing = [taken[0], taken[0].by(repository.registry)]
    # A registry may store what it refuses to both.
    repository.inventory.blobs.add(blob.digest)
    rest, place = blob.content[end:], f"{end}-{end + length - 1}"
    closed = at_once([partial(each.put, blob.digest, rest, place) for each in closing])
    for reply in closed:
        expect_no_server_error(reply, "for a closing request that another sends as well")
    expect_success(min(closed, key=lambda reply: reply.status), "to one of two closing requests")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/token/account-is-who-logs-in")
@pytest.mark.parametrize("roles", [case("at-once", ("foreign", "pusher"))])
def test_logins_at_once(bearer: Registry, guarded: StoredImage, roles: tuple[str, str]) -> None:
    """Purpose: a token has not the rights of another who logs in at the same moment.

    Method: 1. ask for tokens to pull, at one moment, four times with another organization's login and four times with
               one that may
            2. pull with each: expect 401, 403 or 404 with the former's, 200 with the latter's
    """
    scope = bearer.scope(guarded.repository.name, "pull")
    replies = at_once([partial(ask, bearer, role, scope) for _ in range(CALLERS) for role in roles])

    for reply, role in zip(replies, roles * CALLERS, strict=True):
        if not token_in(reply):
            continue
        pulled, right = pull(guarded, token_in(reply)), {200} if role == "pusher" else {401, 403, 404}
        if pulled.status in {200, 401, 403, 404} - right:
            wanted = f"{listed(right)} with a token that the {role} asked for beside another"
            raise NonConformance(wanted, observed(pulled), reply, pulled, proof=ONE_AFTER_ANOTHER)
