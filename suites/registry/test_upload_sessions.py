"""What ends an upload session, and the sessions of others."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, StoredImage, Upload
from conformance.clients.registry.images import Blob, NewBlob
from conformance.clients.registry.uploads import CANCELS_NONE, uses
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

USES = [case("patch", "PATCH"), case("put", "PUT"), case("get", "GET")]
EVERY_USE = pytest.mark.parametrize("method", USES)


@dataclass(frozen=True)
class Cancelled:
    """A session that was cancelled, what it had taken, the answers to GET of that, and a session beside it."""

    upload: Upload
    blob: Blob
    reply: Exchange
    taken: Blob
    before: Exchange
    after: Exchange
    beside: Upload


@pytest.fixture
def cancelled(repository: Repository, new_blob: NewBlob, once: Once) -> Cancelled:
    """A session that took a whole blob and was cancelled."""

    def made() -> Cancelled:
        taken, upload, beside = new_blob(), repository.open_upload(), repository.open_upload()
        upload.patch(taken.content, f"0-{len(taken.content) - 1}")
        before = repository.get_blob(taken.digest)
        reply = upload.cancel()
        return Cancelled(upload, new_blob(), reply, taken, before, repository.get_blob(taken.digest), beside)

    return once("cancelled session", made)


@verifies("registry/upload/cancelling-is-answered-204")
def test_cancelling(cancelled: Cancelled) -> None:
    """Purpose: a session can be given up.

    Method: 1. open a session, PATCH a chunk, DELETE the session
            2. expect 204
    """
    expect_status(cancelled.reply, 204)


@verifies("registry/upload/cancelled-session-is-gone")
@EVERY_USE
def test_cancelled_session_is_gone(repository: Repository, cancelled: Cancelled, method: str) -> None:
    """Purpose: a cancelled session takes nothing more.

    Method: 1. open a session, PATCH a chunk, DELETE the session
            2. PATCH, PUT or GET it: expect 404, and no such blob
    """
    if cancelled.reply.status in CANCELS_NONE:
        raise NotApplicable("the registry cancels no uploads")
    if not cancelled.reply.ok:
        raise Inconclusive(f"the session could not be cancelled: {cancelled.reply}", "a registry that cancels uploads")

    expect_status(uses(cancelled.upload, cancelled.blob)[method](), 404, "for a cancelled session")
    if method == "PUT":
        expect_not_stored([repository.get_blob(cancelled.blob.digest)])


@verifies("registry/upload/cancelling-ends-no-other")
def test_cancelling_ends_no_other(repository: Repository, cancelled: Cancelled) -> None:
    """Purpose: who gives up one upload gives up no other, nor what was to come of it.

    Method: 1. open two sessions of one repository, PATCH a whole blob to one of them, and DELETE that
            2. PUT the blob to the other: expect 201, and exactly its bytes
    """
    blob = cancelled.taken

    expect_success(cancelled.beside.put(blob.digest, blob.content), "to a session that was not cancelled")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/unknown-session-is-404")
@EVERY_USE
def test_unknown_session(repository: Repository, cancelled: Cancelled, new_blob: NewBlob, method: str) -> None:
    """Purpose: a session that was never opened is unknown.

    Method: 1. PATCH, PUT and GET a session under a UUID of our own
            2. expect 404; or 400, where sessions have a state in their query, which this one lacks
    """
    blob, accepted = new_blob(), {404, 400} if "?" in cancelled.beside.location else {404}
    path = repository.path(f"blobs/uploads/{uuid.UUID(blob.digest[7:39])}")
    upload = Upload(repository, repository.registry.http.base_url + path)

    expect_status(uses(upload, blob)[method](), accepted, "for an unknown session")


@verifies("registry/upload/unknown-session-is-404")
@pytest.mark.parametrize("name", [case("no-uuid", "nonsense" * 40)])
def test_session_of_another_form(repository: Repository, name: str) -> None:
    """Purpose: nor is a session known whose name is none that the registry would give.

    Method: 1. GET a session under a word that is no UUID, and longer than the name of a file may be
            2. expect 404, or 400 or 414
    """
    reply = repository.send("GET", f"blobs/uploads/{name}")

    expect_status(reply, {400, 404, 414}, "for what is no session's name")


@verifies("registry/upload/session-belongs-to-its-repository")
def test_session_of_another_repository(repository: Repository, stored: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a session that was opened for one repository puts nothing into another.

    Method: 1. open a session; use its location with another repository's name in it, that of one whose name begins like
               its own among them
            2. expect GET, PATCH, DELETE and PUT to be refused there, and the blob in neither repository; 501 to DELETE,
               too, where no upload is cancelled
            3. PUT to the true location and expect 201
    """
    other = stored.repository
    blob, upload = new_blob(), repository.open_upload()
    if f"/{repository.name}/" not in upload.location:
        raise NotApplicable("the location of a session does not name its repository")
    alike = repository.named(f"{repository.name}-x")
    stray, beside = (
        Upload(each, upload.location.replace(f"/{repository.name}/", f"/{each.name}/")) for each in (other, alike)
    )

    expect_refused(stray.status(), "to GET of a session of another repository")
    for reply in (beside.patch(b"astray"), stray.patch(b"astray")):
        expect_refused(reply, "to PATCH of a session of another repository")
    expect_status(stray.cancel(), {*range(400, 500), *CANCELS_NONE}, "to DELETE of a session of another repository")
    expect_refused(stray.put(blob.digest, blob.content), "for a session of another repository")
    expect_not_stored([other.get_blob(blob.digest), repository.get_blob(blob.digest)])
    expect_success(upload.put(blob.digest, blob.content), "for the session itself, afterwards")


@verifies("registry/upload/cancelled-bytes-are-stored-nowhere")
def test_cancelled_bytes(cancelled: Cancelled) -> None:
    """Purpose: what was uploaded and never closed is no blob.

    Method: 1. PATCH a whole blob, then DELETE the session
            2. expect 404 to GET of the blob before and after
    """
    expect_no_server_error(cancelled.reply)

    expect_not_stored([cancelled.before, cancelled.after])
