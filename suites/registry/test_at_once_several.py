"""What several callers push at one moment, beside each other or into one session: none of it is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from conformance.clients.concurrency import SlowBody, at_once, late
from conformance.clients.registry.client import Registry, Repository, StoredImage, Upload
from conformance.clients.registry.images import Manifest, NewBlob, NewImage, manifest_of, variation
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import ask, pull
from conformance.clients.registry.uploads import open_in_pieces
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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

CALLERS = 4
REFERRERS = 12  # more than a page of ten, which many lists have that nobody told how long to be
ONE_AFTER_ANOTHER = Proof(beyond="it is about logins at one moment, and those of a script come one after another")


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
    twins = [upload.by(repository.registry) for _ in range(3)]
    chunk, place, told = blob.content[length:end], f"{length}-{end - 1}", [("Content-Length", str(length))]

    def patching(twin: Upload, body: bytes | SlowBody) -> Callable[[], Exchange]:
        return lambda: twin.patch(body, place, told)

    replies = at_once([patching(twins[0], SlowBody(chunk)), *(late(patching(twin, chunk)) for twin in twins[1:])])
    for reply in replies:
        expect_no_server_error(reply, "for a chunk that another sends as well")
    taken = [twin for twin, reply in zip(twins, replies, strict=True) if reply.ok]
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
