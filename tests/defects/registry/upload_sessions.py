"""Defects of upload sessions.

They break these promises:

- An upload session can be used only by the login that opened it.
- A finished or cancelled upload session is gone.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import registry_of
from tests.defects.support.registry import _DoneBeforeAuthorization, _RefusedButStored


def _pull_is_enough(name: str, step: str, method: str) -> type[Defect]:
    """Make a defect that needs only pull for one request of an upload."""

    def accesses_wanted(original: Any, kind: str, name: str, request: Request) -> list[Access]:
        if kind == "upload" and request.method == method and registry_of(original).bearer_token(request):
            return [Access("repository", name, ("pull",))]
        return original(kind, name, request)

    clause = f"Docker token scopes: {step} needs only pull, although the upload began with push."
    return row(name, clause, f"registry/token/session-needs-push#{method.lower()}", accesses_wanted=accesses_wanted)


ROWS = (
    _pull_is_enough("chunk-needs-pull-only", "a chunk", "PATCH"),
    _pull_is_enough("closing-needs-pull-only", "the end of an upload", "PUT"),
    _pull_is_enough("cancelling-needs-pull-only", "a cancellation", "DELETE"),
)


@defect("registry/rights/session-belongs-to-its-opener#anonymous")
def anonymous_learns_how_far(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token scopes: the status of an upload needs no login."""
    registry = registry_of(authorize)
    upload = registry.uploads.get(request.path.rpartition("/")[2]) if kind == "upload" else None
    if upload and request.method == "GET" and registry.bearer_token(request) is None:
        return Caller(upload.subject)
    return authorize(kind, name, request)


class UploadsClosedBeforeTheRights(_DoneBeforeAuthorization):
    """API Reference, Error Handling: a closing request is answered 401, and stores its blob."""

    noticed_by = ("registry/rights/session-belongs-to-its-opener#anonymous,other-organization",)
    done = ("upload", "PUT")

    async def _do(self, registry: Registry, call: Call) -> None:
        if digest := call.request.parameter("digest"):
            await registry.store_blob(call.name, digest, call.request.body)


@defect("registry/rights/session-status-is-hidden-from-others")
def session_goes_to_who_asked_last(owns: Any, caller: Caller, upload: Upload) -> bool:
    """Docker Registry V2, Upload Progress: a status request takes over the session of another caller."""
    owned = bool(owns(caller, upload))
    upload.subject = caller.subject
    return owned


@defect("registry/upload/each-upload-has-its-own-session")
def upload_in_place_of_a_mount_is_the_one_before(session_opened: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: an upload opened instead of a mount is an earlier session."""
    registry = registry_of(session_opened)
    here = [each for each in registry.uploads.values() if each.repository == call.name]
    if here and call.request.parameter("mount"):
        return registry.upload_answer(202, call.request, here[-1])
    return session_opened(call)


@defect("registry/upload/session-belongs-to-its-repository")
def status_reported_in_another_repository(find_upload: Any, call: Call) -> Upload:
    """distribution-spec 1.1, Pushing blobs: the status of a session is returned in another repository."""
    upload = registry_of(find_upload).uploads.get(call.reference)
    if upload and call.request.method == "GET" and upload.subject == call.caller.subject:
        return upload
    return find_upload(call)


def in_its_own(call: Call, registry: Registry) -> Call:
    """Return the request as if sent to the session's own repository."""
    upload = registry.uploads.get(call.reference)
    return call.also_named(upload.repository) if upload else call


@defect("registry/upload/session-belongs-to-its-repository")
async def upload_cancelled_by_another_repository(delete_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing blobs: a session is cancelled through another repository."""
    return await delete_upload(in_its_own(call, registry_of(delete_upload)))


@defect("registry/upload/session-belongs-to-its-repository")
async def chunk_accepted_by_another_repository(patch_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing blobs: a chunk is accepted through another repository."""
    return await patch_upload(in_its_own(call, registry_of(patch_upload)))


@defect("registry/upload/session-belongs-to-its-repository")
def closing_in_another_repository_ends_the_upload(is_of: Any, upload: Upload, name: str) -> bool:
    """distribution-spec 1.1, POST then PUT: a request through another repository ends the session."""
    its_own = bool(is_of(upload, name))
    if not its_own:
        registry_of(is_of).close_session(upload)
    return its_own


@defect("registry/upload/session-belongs-to-its-repository")
async def closed_in_another_repository(put_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, POST then PUT: a session is closed through another repository."""
    upload = registry_of(put_upload).uploads.get(call.reference)
    return await put_upload(call.also_named(upload.repository) if upload else call)


@defect("registry/upload/cancelled-upload-stores-nothing")
async def cancelled_bytes_stored(cancel_upload: Any, upload: Upload) -> None:
    """Docker Registry V2, Canceling an Upload: a cancelled upload stores its bytes as a blob."""
    content = bytes(upload.content)
    await registry_of(cancel_upload).store_blob(upload.repository, grammar.digest_of(content), content)
    await cancel_upload(upload)


class BlobsOfNoSessionStored(_RefusedButStored):
    """Docker Registry V2, Canceling an Upload: a request refused for its unknown session stores a blob."""

    noticed_by = ("registry/upload/cancelled-session-is-gone#put", "registry/upload/session-belongs-to-its-repository")
    codes = ("BLOB_UPLOAD_UNKNOWN",)


class CancelledBytesNeverComeBack(Defect):
    """Docker Registry V2, Canceling an Upload: the bytes of a cancelled upload cannot be pushed again."""

    noticed_by = ("registry/upload/cancelling-affects-no-other-session",)
    given_up: set[str] = set()

    async def cancel_upload(self, original: Any, upload: Upload) -> None:
        self.given_up.add(grammar.digest_of(upload.content))
        await original(upload)

    async def store_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        if digest not in self.given_up or not content:
            await original(name, digest, content)


@defect("registry/upload/cancelling-affects-no-other-session")
async def cancelling_ends_every_upload(cancel_upload: Any, upload: Upload) -> None:
    """Docker Registry V2, Canceling an Upload: a cancellation ends all uploads of the repository."""
    for each in [*registry_of(cancel_upload).uploads.values()]:
        if each.repository == upload.repository:
            await cancel_upload(each)


@defect("registry/upload/cancelling-is-204")
async def cancelling_answered202(delete_upload: Any, call: Call) -> Answer:
    """Docker Registry V2, Canceling an Upload: a cancellation is answered 202 instead of 204."""
    answer: Answer = await delete_upload(call)
    answer.status = 202
    return answer


class EndedUploadDeletesItsBlob(Defect):
    """Docker Registry V2, Canceling an Upload: the cancellation of a finished upload deletes its blob."""

    noticed_by = ("registry/upload/finished-session-is-gone#delete",)
    ended: dict[str, str] = {}

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        self.ended[upload.session] = digest

    async def delete_upload(self, original: Any, call: Call) -> Answer:
        if digest := self.ended.pop(call.reference, ""):
            await registry_of(original).remove_blob(call.name, digest)
        return await original(call)


@defect("registry/upload/finished-session-is-gone#get,patch")
async def finished_upload_stays_open(finish_upload: Any, upload: Upload, digest: str, content: bytes) -> None:
    """Docker Registry V2, Completed Upload: a finished session stays open."""
    await registry_of(finish_upload).commit_blob(upload.repository, digest, content)


@defect("registry/upload/unknown-session-is-404#none-in-a-patch,none-in-a-put")
def no_session_fails(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: a chunk without a session is answered 500."""
    nowhere = request.method in ("PUT", "PATCH") and request.path.endswith("/blobs/uploads/")
    return Answer.json(500, {"errors": [{"code": "UNKNOWN"}]}) if nowhere else answer


@defect("registry/upload/unknown-session-is-404#get,no-uuid,patch,put")
def unknown_upload_accepted(find_upload: Any, call: Call) -> Upload:
    """distribution-spec 1.1, Error Codes: an unknown session is accepted."""
    try:
        found: Upload = find_upload(call)
    except Refusal:
        found = Upload(call.name, call.caller.subject, session=call.reference)
        registry_of(find_upload).uploads.setdefault(call.reference, found)
    return found
