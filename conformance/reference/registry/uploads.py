"""Pushing blobs: upload sessions, chunks, single requests and mounts (distribution-spec 1.1, "Pushing blobs")."""

from __future__ import annotations

from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Access, AccessControl, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload


class Uploads(AccessControl):
    """Takes blobs in."""

    async def post_upload(self, call: Call) -> Answer:
        """Opens a session, or mounts, or takes a whole blob at once."""
        mounted, whole = call.request.parameter("mount"), call.request.parameter("digest")
        if mounted is not None:
            return await self.post_mount(call, self.check_digest(mounted))
        if whole is not None:
            return await self.post_whole(call, self.check_digest(whole))
        return self.session_opened(call)

    def session_opened(self, call: Call) -> Answer:
        """202 with a new session's Location."""
        upload = Upload(call.name, call.caller.subject)
        self.uploads[upload.session] = upload
        return self.upload_answer(202, call.request, upload)

    async def post_whole(self, call: Call, digest: str) -> Answer:
        """A blob pushed in a single POST."""
        await self.commit_blob(call.name, digest, call.request.body)
        return self.blob_created(call, digest)

    async def post_mount(self, call: Call, digest: str) -> Answer:
        """201 when mounted; otherwise a session, as for a client that asks for none."""
        source = call.request.parameter("from")
        if source and not self.is_name(source):
            raise Refusal("NAME_INVALID", {"name": source})
        if source and self.may_mount(call.caller, source) and await self.mount_blob(source, call.name, digest):
            return self.blob_created(call, digest)
        return self.session_opened(call)

    def may_mount(self, caller: Caller, source: str) -> bool:
        """Whether the caller may pull from the source."""
        return self.permits(caller, Access("repository", source, ("pull",)))

    async def mount_blob(self, source: str, target: str, digest: str) -> bool:
        """Makes a blob of the source one of the target; False where the source has none such."""
        content = self.stored(source).blobs.get(digest)
        if content is None:
            return False
        await self.store_blob(target, digest, content)
        return True

    async def patch_upload(self, call: Call) -> Answer:
        """Takes the next chunk, or a stream where there is no Content-Range."""
        upload = self.find_upload(call)
        await self.append_chunk(call.request, upload)
        return self.chunk_accepted(call.request, upload)

    def chunk_accepted(self, request: Request, upload: Upload) -> Answer:
        return self.upload_answer(202, request, upload)

    async def append_chunk(self, request: Request, upload: Upload) -> None:
        """Appends the body; refuses it, whole, where its Content-Range is not what comes next."""
        self.check_chunk(request, upload)
        upload.content += request.body

    def check_chunk(self, request: Request, upload: Upload) -> None:
        """RANGE_INVALID for a chunk out of order, SIZE_INVALID for a range that is not the body's length."""
        header = request.headers.get("content-range")
        if header is None:
            return
        chunk = grammar.content_range(header)
        if chunk is None or not self.chunk_is_next(chunk[0], upload):
            raise self.out_of_order(request, upload)
        if not self.chunk_length_matches(chunk, request.body):
            raise Refusal("SIZE_INVALID", {"contentRange": header, "received": len(request.body)})

    def chunk_is_next(self, first: int, upload: Upload) -> bool:
        return first == len(upload.content)

    def chunk_length_matches(self, chunk: tuple[int, int], body: bytes) -> bool:
        return chunk[1] - chunk[0] + 1 == len(body)

    def out_of_order(self, request: Request, upload: Upload) -> Refusal:
        """416, with what the client needs to go on: Location and Range of what was accepted."""
        headers = list(self.upload_answer(416, request, upload).headers.items())
        return Refusal("RANGE_INVALID", {"accepted": len(upload.content)}, headers=headers)

    async def put_upload(self, call: Call) -> Answer:
        """Closes a session, with or without last bytes."""
        upload = self.find_upload(call)
        digest = self.closing_digest(call.request, upload)
        self.check_chunk(call.request, upload)
        content = self.whole_content(upload, call.request.body)
        await self.finish_upload(upload, digest, content)
        return self.blob_created(call, digest)

    def closing_digest(self, request: Request, upload: Upload) -> str:
        """The digest that the session is closed with; DIGEST_INVALID where there is none."""
        return self.check_digest(request.parameter("digest"))

    def whole_content(self, upload: Upload, last: bytes) -> bytes:
        return bytes(upload.content) + last

    async def finish_upload(self, upload: Upload, digest: str, content: bytes) -> None:
        """Ends the session, and stores the content where the digest is its own."""
        self.close_session(upload)
        await self.commit_blob(upload.repository, digest, content)

    def close_session(self, upload: Upload) -> None:
        self.uploads.pop(upload.session, None)

    async def commit_blob(self, name: str, digest: str, content: bytes) -> None:
        """Stores the blob; DIGEST_INVALID, and nothing stored, where the digest is not the content's."""
        if not self.digest_matches(digest, content):
            raise self.wrong_digest(digest)
        await self.store_blob(name, digest, content)

    def wrong_digest(self, digest: str) -> Refusal:
        return Refusal("DIGEST_INVALID", {"digest": digest})

    async def store_blob(self, name: str, digest: str, content: bytes) -> None:
        """Makes the blob one of the repository; storing it again disturbs no reader."""
        self.opened(name).blobs[digest] = content

    async def get_upload(self, call: Call) -> Answer:
        """How far a session has come."""
        return self.upload_answer(204, call.request, self.find_upload(call))

    async def delete_upload(self, call: Call) -> Answer:
        """Cancels a session."""
        await self.cancel_upload(self.find_upload(call))
        return Answer(204)

    async def cancel_upload(self, upload: Upload) -> None:
        self.close_session(upload)

    def find_upload(self, call: Call) -> Upload:
        """The open session; BLOB_UPLOAD_UNKNOWN where it is ended, never was, or is another's."""
        upload = self.uploads.get(call.reference)
        if upload is None or not self.is_of(upload, call.name) or not self.owns(call.caller, upload):
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": call.reference})
        return upload

    def is_of(self, upload: Upload, name: str) -> bool:
        """Whether the session is of that repository."""
        return upload.repository == name

    def owns(self, caller: Caller, upload: Upload) -> bool:
        """Whether the session was opened by the caller."""
        return upload.subject == caller.subject

    def upload_answer(self, status: int, request: Request, upload: Upload) -> Answer:
        """The state of a session: Location, Range, Docker-Upload-UUID."""
        answer = Answer(status)
        answer.headers["Location"] = self.upload_url(request, upload)
        answer.headers["Range"] = self.upload_range(upload)
        answer.headers["Docker-Upload-UUID"] = upload.session
        return answer

    def upload_url(self, request: Request, upload: Upload) -> str:
        return self.url(request, f"/v2/{upload.repository}/blobs/uploads/{upload.session}")

    def upload_range(self, upload: Upload) -> str:
        """First and last byte accepted; ``0-0`` for none, as Docker's registry says it."""
        return f"0-{max(0, len(upload.content) - 1)}"

    def blob_created(self, call: Call, digest: str) -> Answer:
        """201 with where the blob can be pulled."""
        answer = Answer(201)
        answer.headers["Location"] = self.blob_url(call.request, call.name, digest)
        answer.headers["Docker-Content-Digest"] = digest
        return answer

    def blob_url(self, request: Request, name: str, digest: str) -> str:
        return self.url(request, f"/v2/{name}/blobs/{digest}")
