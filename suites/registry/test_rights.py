"""Who may do what: pull-only logins, other organizations, the sessions of others, what is kept from whom."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, Repository, StoredImage, Upload
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, READS, SELDOM_READS, WRITES, Occasion
from conformance.clients.registry.uploads import CANCELS_NONE, at_the_registry
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.registry import (
    expect_bytes,
    expect_denied,
    expect_not_mounted,
    expect_not_stored,
    expect_nothing_changed,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import another_like

CHANGES = [case(name, name) for name in (*WRITES, *DELETIONS)]


@pytest.fixture
def occasion(guarded: StoredImage, new_blob: NewBlob, names: Names) -> Occasion:
    """What the operations are tried on."""
    return Occasion(guarded, new_blob(), names.new("tag"))


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize("operation", [case(name, name) for name in OPERATIONS])
def test_bad_login_opens_nothing(occasion: Occasion, bad_login: str, operation: str) -> None:
    """Purpose: whatever is asked for, the login is verified, and not only seen to be there.

    Method: 1. send each request with a token of which one letter was altered; with the name of nobody where the
               registry takes no tokens
            2. expect 401 (400 or 405 where that deletion is not offered)
            3. expect what it would have changed to be as it was
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.presenting(bad_login), occasion)

    expect_status(reply, {401, *OPERATIONS[operation].unoffered}, "for a login that is none")
    expect_nothing_changed(operation, occasion)


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize("operation", [case("support", "support")])
def test_bad_login_is_told_by_the_support_check(registry: Registry, bad_login: str, operation: str, once: Once) -> None:
    """Purpose: a client that asks whether its login is good is not told so of one that is none.

    Method: 1. GET /v2/ with a token of which one letter was altered; with the name of nobody where there are no tokens
            2. expect 401; not asked where /v2/ takes those without a login
    """
    if once("support", registry.as_role(None).support).status == 200:
        raise Inconclusive("/v2/ asks for no login", "a registry that asks for one")
    expect_status(registry.presenting(bad_login).support(), 401, "for a login that is none")


@verifies("registry/rights/puller-can-pull")
@pytest.mark.parametrize("operation", [case(name, name) for name in READS])
def test_puller_can_pull(occasion: Occasion, operation: str) -> None:
    """Purpose: a login that may pull pulls.

    Method: 1. read tags, manifests and blobs with a pull-only login
            2. expect 200
    """
    expect_status(OPERATIONS[operation].request(occasion.stored.repository.as_role("puller"), occasion), 200)


@verifies("registry/rights/puller-cannot-push")
@pytest.mark.parametrize("operation", CHANGES)
def test_puller_cannot_push(occasion: Occasion, operation: str) -> None:
    """Purpose: a login that may pull changes nothing.

    Method: 1. upload, mount, push and delete with a pull-only login
            2. expect 401 or 403 (or 404; 400 or 405 where that deletion is not offered)
            3. expect what it would have changed to be as it was
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.as_role("puller"), occasion)

    expect_denied(reply, "for a login that may only pull", OPERATIONS[operation].unoffered)
    expect_nothing_changed(operation, occasion)


@verifies("registry/rights/other-organization-cannot-pull")
@pytest.mark.parametrize("operation", [case(name, name) for name in (*READS, *SELDOM_READS)])
def test_other_organization_cannot_pull(occasion: Occasion, operation: str) -> None:
    """Purpose: an organization's images are its own.

    Method: 1. read tags, manifests and blobs with another organization's login; tags also in pages, and a manifest also
               as one who has it already, and compressed, as its owner has just read it, and one of Docker's type
            2. expect 401, 403 or 404
    """
    reads = READS | SELDOM_READS
    reply = reads[operation].request(occasion.stored.repository.as_role("foreign"), occasion)

    expect_denied(reply, "for another organization's login")


@verifies("registry/rights/other-organization-cannot-push")
@pytest.mark.parametrize("operation", CHANGES)
def test_other_organization_cannot_push(occasion: Occasion, operation: str) -> None:
    """Purpose: an organization's repositories are its own.

    Method: 1. upload, mount, push and delete with another organization's login
            2. expect 401, 403 or 404 (400 or 405 where that deletion is not offered)
            3. expect what it would have changed to be as it was
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.as_role("foreign"), occasion)

    expect_denied(reply, "for another organization's login", OPERATIONS[operation].unoffered)
    expect_nothing_changed(operation, occasion)


@verifies("registry/rights/other-organizations-images-are-closed")
@pytest.mark.parametrize("operation", [case(name, name) for name in READS])
def test_their_images_are_closed(
    repository: Repository,
    theirs: StoredImage,
    new_blob: NewBlob,
    operation: str,
) -> None:
    """Purpose: we do not see what another organization has pushed.

    Method: 1. push an image with the other organization's login; read it with that login: expect 200 (the control)
            2. read tags, manifests and blobs of it with ours: expect 401, 403 or 404
    """
    occasion = Occasion(theirs, new_blob(), "unused")
    if OPERATIONS[operation].request(theirs.repository, occasion).status != 200:
        raise Inconclusive("the other organization cannot read its own image", "a login in role foreign that may pull")
    ours = repository.registry.repository(theirs.repository.name)

    expect_denied(OPERATIONS[operation].request(ours, occasion), "for what is another organization's")


@verifies("registry/rights/mount-needs-pull-on-the-source")
@pytest.mark.parametrize(
    "source",
    [
        *(case("named", ["theirs"]), case("unnamed", []), case("ours", ["ours"])),
        *(case("first-of-two", ["theirs", "ours"]), case("last-of-two", ["ours", "theirs"])),
    ],
)
def test_mount_from_another_organization(
    repository: Repository, stored: StoredImage, theirs: StoredImage, source: list[str]
) -> None:
    """Purpose: a mount takes nothing from where the caller may not pull.

    Method: 1. push an image with the other organization's login
            2. mount its layer into our repository; named as the source its repository, another of ours, both, and none
            3. expect no 201, and 404 to GET of it
    """
    layer, named = theirs.image.blobs[-1], {"theirs": theirs.repository.name, "ours": stored.repository.name}
    sources = {"from" + "_" * place: named[each] for place, each in enumerate(source, 1)}
    reply = repository.post_upload(b"", mount=layer.digest, **sources)

    there = repository.get_blob(layer.digest)
    if there.status == 200:
        # Or it would be found by the next case.
        repository.delete_blob(layer.digest)

    expect_not_mounted(reply, (400, 401, 403, 404), "for a mount from where we may not pull")
    expect_not_stored([there])


def expect_strangers(repository: Repository, role: str | None) -> None:
    """Inconclusive where who has no login is no stranger: that the registry is open is told by the checks of it."""
    if role is None:
        repository.registry.door.expect_locked()


@verifies("registry/rights/private-and-absent-are-not-told-apart")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
@pytest.mark.parametrize(
    "operation", [case(name, name) for name in (*READS, "upload", "put-manifest", "delete-manifest")]
)
def test_private_and_absent(occasion: Occasion, operation: str, role: str | None) -> None:
    """Purpose: who may not see a repository does not learn that it is there.

    Method: 1. send the request, as a stranger, for a repository that exists, between two that never did
            2. expect the same status, header fields and body, the name aside; a difference but in status counts if it
               is there each time in eight further rounds
    """
    existing = occasion.stored.repository
    expect_strangers(existing, role)

    def ask(name: str) -> Asked:
        repository = existing.named(name).as_role(role)
        return Asked(name, OPERATIONS[operation].request(repository, occasion))

    def absent() -> str:
        # Of the same length, or Content-Length would differ without telling anything.
        before, _, after = existing.name.rpartition("guarded")
        return before + another_like("guarded") + after

    expect_as_absent(ask, existing.name, absent, "to one who may not see it")


def uses(upload: Upload, content: bytes, digest: str) -> dict[str, Exchange]:
    """The answers to every use of a session."""
    return {
        "GET": upload.status(),
        "PATCH": upload.patch(content, f"0-{len(content) - 1}"),
        "PUT": upload.put(digest, content),
        "DELETE": upload.cancel(),
    }


@verifies("registry/rights/session-is-its-openers")
@pytest.mark.parametrize(
    "role",
    [
        case("puller", "puller"),
        case("other-organization", "foreign"),
        case("anonymous", None),
    ],
)
def test_session_is_its_openers(repository: Repository, new_blob: NewBlob, role: str | None) -> None:
    """Purpose: an upload session is of no use to whoever else learns its location.

    Method: 1. open a session; GET, PATCH, PUT and DELETE it as a stranger: expect 401, 403 or 404 (to GET by who may
               pull see session-tells-others-nothing; 400, 405 or 501 to DELETE, where no upload is cancelled)
            2. expect no such blob; then PUT as the opener: expect 2xx and exactly the bytes
    """
    expect_strangers(repository, role)
    other = repository.registry.as_role(role)
    blob, planted, upload = new_blob(), new_blob(), at_the_registry(repository.open_upload())
    stranger = upload.by(other)
    for method, reply in uses(stranger, planted.content, planted.digest).items():
        if method != "GET" or role != "puller":
            expect_denied(reply, f"to {method} of another's session", CANCELS_NONE if method == "DELETE" else ())

    expect_not_stored([repository.get_blob(planted.digest)])
    expect_success(upload.put(blob.digest, blob.content), "for the opener, afterwards")
    expect_bytes(repository.get_blob(blob.digest), blob.content)
