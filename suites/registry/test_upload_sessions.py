"""Upload sessions: how they end, which logins may use them, and logins that expire or fail during an upload."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Registry, Repository, StoredImage, Upload
from conformance.clients.registry.images import Blob, NewBlob
from conformance.clients.registry.tokens import token_for
from conformance.clients.registry.uploads import CANCELS_NONE, on_registry_host, open_in_pieces, session_requests
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_bytes, expect_denied, expect_not_stored, expect_scope
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from conformance.vocabulary.values import basic_login

USES = [case("patch", "PATCH"), case("put", "PUT"), case("get", "GET")]
UUID = re.compile("/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
"""The end of a location whose session id is a UUID, and which has no query."""
EVERY_USE = pytest.mark.parametrize("method", USES)


@dataclass(frozen=True)
class Cancelled:
    """A cancelled session, the blob it had taken, the responses to GET of the blob, and a second session."""

    upload: Upload
    blob: Blob
    reply: Exchange
    taken: Blob
    before: Exchange
    after: Exchange
    beside: Upload


@pytest.fixture
def cancelled(repository: Repository, new_blob: NewBlob, once: Once) -> Cancelled:
    """A session that received a whole blob and was cancelled."""

    def made() -> Cancelled:
        taken, upload, other_upload = new_blob(), repository.open_upload(), repository.open_upload()
        upload.patch(taken.content, f"0-{len(taken.content) - 1}")
        before = repository.get_blob(taken.digest)
        reply = upload.cancel()
        return Cancelled(upload, new_blob(), reply, taken, before, repository.get_blob(taken.digest), other_upload)

    return once("cancelled session", made)


@verifies("registry/upload/cancelling-is-204")
def test_cancelling(cancelled: Cancelled) -> None:
    """Purpose: a client can cancel an upload.
    Method: 1. open a session, PATCH a chunk, DELETE the session; 2. expect 204
    """
    expect_status(cancelled.reply, 204)


@verifies("registry/upload/cancelled-session-is-gone")
@EVERY_USE
def test_cancelled_session_is_gone(repository: Repository, cancelled: Cancelled, method: str) -> None:
    """Purpose: a cancelled session accepts nothing more.
    Method: 1. open a session, PATCH a chunk, DELETE the session; 2. PATCH, PUT or GET it: expect 404, and no such blob
    """
    if cancelled.reply.status in CANCELS_NONE:
        raise NotApplicable("the registry cancels no uploads")
    if not cancelled.reply.ok:
        raise Inconclusive(f"the session could not be cancelled: {cancelled.reply}", "a registry that cancels uploads")

    expect_status(session_requests(cancelled.upload, cancelled.blob)[method](), 404, "for a cancelled session")
    if method == "PUT":
        expect_not_stored([repository.get_blob(cancelled.blob.digest)])


@verifies("registry/upload/cancelling-affects-no-other-session")
def test_cancelling_ends_no_other(repository: Repository, cancelled: Cancelled) -> None:
    """Purpose: cancelling one upload does not affect another of the same blob.
    Method: 1. open two sessions in one repository, PATCH a whole blob to one of them, and DELETE that session
            2. PUT the blob to the other: expect 201, and exactly its bytes
    """
    blob = cancelled.taken

    expect_success(cancelled.beside.put(blob.digest, blob.content), "for the session that was not cancelled")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/unknown-session-is-404")
@EVERY_USE
def test_unknown_session(repository: Repository, cancelled: Cancelled, new_blob: NewBlob, method: str) -> None:
    """Purpose: a session that was never opened is unknown.
    Method: 1. PATCH, PUT and GET a session under a UUID of our own
            2. expect 404; or 400 if the registry's own ids have another form (Docker Registry V2, PUT Blob Upload,
               lists 400 for "an error processing the upload")
    """
    blob, accepted = new_blob(), {404} if UUID.search(cancelled.beside.location) else {400, 404}
    path = repository.path(f"blobs/uploads/{uuid.UUID(blob.digest[7:39])}")
    upload = Upload(repository, repository.registry.http.base_url + path)

    expect_status(session_requests(upload, blob)[method](), accepted, "for an unknown session")


@verifies("registry/upload/unknown-session-is-404")
@pytest.mark.parametrize(
    ("method", "rest", "statuses"),
    [
        case("no-uuid", "GET", "nonsense" * 40, {400, 404, 414}),
        case("none-in-a-put", "PUT", "", range(400, 500)),
        case("none-in-a-patch", "PATCH", "", range(400, 500)),
    ],
)
def test_no_session(repository: Repository, method: str, rest: str, statuses: Iterable[int]) -> None:
    """Purpose: a session name that the registry would never issue, or none, is reported as a client error.
    Method: 1. GET a session under a word that is no UUID, and longer than a file's name may be: expect 400, 404 or 414
            2. PUT and PATCH the address where uploads are opened: expect a 4xx
    """
    expect_status(repository.send(method, f"blobs/uploads/{rest}"), statuses, "for a request that names no session")


@verifies("registry/upload/session-belongs-to-its-repository")
def test_session_of_another_repository(repository: Repository, stored: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a session of one repository stores nothing in another.
    Method: 1. open a session; replace the repository in its location by another one, and by one with a longer name
            2. expect GET, PATCH, PUT and DELETE to be refused there (501 to DELETE if uploads cannot be cancelled), and
               the blob in neither repository
            3. PUT to the original location: expect 201
    """
    other = stored.repository
    blob, upload = new_blob(), repository.open_upload()
    if f"/{repository.name}/" not in upload.location:
        raise NotApplicable("the location of a session does not name its repository")
    alike = repository.named(f"{repository.name}-x")
    stray, other_upload = (
        Upload(each, upload.location.replace(f"/{repository.name}/", f"/{each.name}/")) for each in (other, alike)
    )

    expect_refused(stray.status(), "to GET of a session of another repository")
    for reply in (other_upload.patch(b"astray"), stray.patch(b"astray")):
        expect_refused(reply, "to PATCH of a session of another repository")
    expect_status(stray.cancel(), {*range(400, 500), *CANCELS_NONE}, "to DELETE of a session of another repository")
    expect_refused(stray.put(blob.digest, blob.content), "for a session of another repository")
    expect_not_stored([other.get_blob(blob.digest), repository.get_blob(blob.digest)])
    expect_success(upload.put(blob.digest, blob.content), "for the session itself, afterwards")


@verifies("registry/upload/cancelled-upload-stores-nothing")
def test_cancelled_bytes(cancelled: Cancelled) -> None:
    """Purpose: bytes of an upload that was never closed are no blob.
    Method: 1. PATCH a whole blob, then DELETE the session; 2. expect 404 to GET of the blob before and after
    """
    expect_no_server_error(cancelled.reply)

    expect_not_stored([cancelled.before, cancelled.after])


def responses_to_every_use(upload: Upload, content: bytes, digest: str) -> dict[str, Exchange]:
    """Use a session in every way and return the responses by method."""
    return {
        "GET": upload.status(),
        "PATCH": upload.patch(content, f"0-{len(content) - 1}"),
        "PUT": upload.put(digest, content),
        "DELETE": upload.cancel(),
    }


@verifies("registry/rights/session-belongs-to-its-opener")
@pytest.mark.parametrize(
    "role", [case("puller", "puller"), case("other-organization", "foreign"), case("anonymous", None)]
)
def test_session_is_its_openers(repository: Repository, new_blob: NewBlob, role: str | None) -> None:
    """Purpose: another client that learns the location of an upload session cannot use it.
    Method: 1. open a session; GET, PATCH, PUT and DELETE it as another client: expect 401, 403 or 404 (400, 405 or 501
               to DELETE if uploads cannot be cancelled; another check judges GET with pull access)
            2. expect no such blob; PUT as the opener: expect 2xx and exactly the bytes
    """
    if role is None:
        repository.registry.auth.expect_login_required()
    other = repository.registry.as_role(role)
    blob, planted, upload = new_blob(), new_blob(), on_registry_host(repository.open_upload())
    anonymous = upload.by(other)
    for method, reply in responses_to_every_use(anonymous, planted.content, planted.digest).items():
        if method != "GET" or role != "puller":
            expect_denied(reply, f"to {method} of another's session", CANCELS_NONE if method == "DELETE" else ())

    expect_not_stored([repository.get_blob(planted.digest)])
    expect_success(upload.put(blob.digest, blob.content), "for the opener, afterwards")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/rights/session-status-is-hidden-from-others")
def test_session_reveals_nothing_to_other_logins(repository: Repository) -> None:
    """Purpose: another login does not see how many bytes an upload has received.
    Method: 1. open a session; GET it with a pull-only login: expect 401, 403 or 404; 2. GET it as the opener: 204
    """
    other, upload = repository.registry.as_role("puller"), on_registry_host(repository.open_upload())

    expect_denied(upload.by(other).status(), "for another login")
    expect_success(upload.status(), "for the opener")


@verifies("registry/token/session-needs-push")
@pytest.mark.parametrize("method", [case("patch", "PATCH"), case("put", "PUT"), case("delete", "DELETE")])
def test_session_needs_push(stored: StoredImage, to_pull: str, new_blob: NewBlob, once: Once, method: str) -> None:
    """Purpose: each request of an upload needs push access, not only the first.
    Method: 1. open a session; pull with a token to pull: expect 200 (the control)
            2. PATCH, PUT or DELETE the session with that token: expect 401, 403 or 404; also 400, 405 or 501 to DELETE
    """
    repository, blob = stored.repository, new_blob()
    session = once("session of one who may push", repository.open_upload)
    upload = on_registry_host(session).by(repository.registry.presenting(f"Bearer {to_pull}"))
    use = {
        "PATCH": lambda: upload.patch(blob.content),
        "PUT": lambda: upload.put(blob.digest, blob.content),
        "DELETE": upload.cancel,
    }[method]

    expect_denied(use(), "with a token to pull", CANCELS_NONE if method == "DELETE" else ())


@verifies("registry/token/is-for-one-repository#chunk")
def test_session_with_a_token_for_another_repository(
    bearer: Registry, token_for_one_repository: str, guarded: StoredImage, new_blob: NewBlob
) -> None:
    """Purpose: the owner of a session still needs a token for its repository.
    Method: 1. open a session; request a token for every action in another repository: expect that it pulls there
            2. PATCH a chunk with that token: expect 401, 403 or 404
    """
    upload = on_registry_host(guarded.repository.open_upload())

    expect_denied(
        upload.by(bearer.presenting(f"Bearer {token_for_one_repository}")).patch(new_blob().content),
        "for another repository",
    )


@dataclass(frozen=True)
class Interrupted:
    """An upload that has received half of a blob, and the response to the rest with an invalid login."""

    upload: Upload
    digest: str
    rest: bytes
    place: str
    reply: Exchange


@pytest.fixture
def interrupted(repository: Repository, new_blob: NewBlob, once: Once) -> Interrupted:
    """Sends the rest of an upload with an invalid login, once."""
    repository.registry.auth.expect_login_required()

    def made() -> Interrupted:
        opened, length = open_in_pieces(repository, 300)
        upload, blob = on_registry_host(opened), new_blob(2 * length)
        upload.patch(blob.content[:length], f"0-{length - 1}")
        nobody = "Bearer junk" if repository.registry.auth.scheme == "bearer" else basic_login("nobody", "nothing")
        anonymous = upload.by(repository.registry.presenting(nobody))
        rest, place = blob.content[length:], f"{length}-{2 * length - 1}"
        return Interrupted(upload, blob.digest, rest, place, anonymous.patch(rest, place))

    return once("interrupted upload", made)


@verifies("registry/login/upload-resumes-after-a-refused-login")
def test_refused_login_during_an_upload(interrupted: Interrupted) -> None:
    """Purpose: a login that expires during an upload does not lose the upload.
    Method: 1. open a session, PATCH a chunk; PATCH the next one with an invalid login: expect 401
            2. PATCH it with the valid login, then PUT: expect 2xx
    """
    upload = interrupted.upload
    expect_status(interrupted.reply, 401, "for an invalid login")
    expect_success(upload.patch(interrupted.rest, interrupted.place), "with the login again")
    expect_success(upload.put(interrupted.digest), "for the closing request")


@verifies("registry/login/challenge-names-the-scope#chunk")
def test_challenge_of_a_chunk(repository: Repository, interrupted: Interrupted) -> None:
    """Purpose: a client whose token expires during an upload learns which token to request.
    Method: 1. open a session, PATCH a chunk; PATCH the next one with an invalid login
            2. if that is 401, expect WWW-Authenticate, and a Bearer scope that names the repository and push
    """
    if interrupted.reply.status != 401:
        raise NotApplicable(f"the chunk is answered {interrupted.reply.status}, not 401")

    expect_header(interrupted.reply, "WWW-Authenticate")
    expect_scope(interrupted.reply, f"repository:{repository.name}", "push")


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize(
    "method", [case("upload-status", "GET"), case("upload-end", "PUT"), case("upload-given-up", "DELETE")]
)
def test_bad_login_during_an_upload(
    guarded: StoredImage, bad_login: str, new_blob: NewBlob, once: Once, method: str
) -> None:
    """Purpose: each request of an upload verifies the login, and not only its presence.
    Method: 1. open a session; GET, PUT and DELETE it with an altered token, or as an unknown user without tokens
            2. expect 401 (also 400, 405 or 501 to DELETE)
    """
    session = once("session under a bad login", guarded.repository.open_upload)
    upload = on_registry_host(session).by(guarded.repository.registry.presenting(bad_login))
    reply = session_requests(upload, new_blob())[method]()

    expect_status(reply, {401, *(CANCELS_NONE if method == "DELETE" else ())}, "for an invalid login")


@verifies("registry/upload/continues-with-a-new-token")
def test_upload_with_a_new_token(bearer: Registry, repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: an upload that takes longer than a token's lifetime continues with the next token.
    Method: 1. open a session, PATCH it and PUT the rest, each with a new token of the same login
            2. expect 202 and 201, and exactly the bytes
    """
    scope = bearer.scope(repository.name, "pull,push")

    def renewed() -> Repository:
        return repository.presenting(f"Bearer {token_for(bearer, 'pusher', scope)}")

    upload, length = open_in_pieces(renewed(), 300)
    blob = new_blob(2 * length)
    upload.repository = renewed()
    expect_success(upload.patch(blob.content[:length], f"0-{length - 1}"), "with a new token")
    upload.repository = renewed()
    rest, place = blob.content[length:], f"{length}-{2 * length - 1}"
    expect_success(upload.put(blob.digest, rest, place), "with a new token")
    expect_bytes(repository.get_blob(blob.digest), blob.content)
