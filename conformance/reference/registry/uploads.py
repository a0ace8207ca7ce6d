"""Pushing blobs: upload sessions, chunks, single requests and mounts (distribution-spec 1.1, "Pushing blobs")."""

from __future__ import annotations

from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Access, AccessControl, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload


class Uploads(AccessControl):
    """Accepts blobs."""

    async def post_upload(self, call: Call) -> Answer:
        """Open a session, mount a blob, or accept a whole blob at once."""
        mounted, whole = call.request.parameter("mount"), call.request.parameter("digest")
        if mounted is not None:
            return await self.post_mount(call, self.check_digest(mounted))
        if whole is not None:
            return await self.post_whole(call, self.check_digest(whole))
        return self.session_opened(call)

    def session_opened(self, call: Call) -> Answer:
        upload = Upload(call.name, call.caller.subject)
        self.uploads[upload.session] = upload
        return self.upload_answer(202, call.request, upload)

    async def post_whole(self, call: Call, digest: str) -> Answer:
        await self.commit_blob(call.name, digest, call.request.body)
        return self.blob_created(call, digest)

    async def post_mount(self, call: Call, digest: str) -> Answer:
        """Return 201 if the blob is mounted; else open a session."""
        source = call.request.parameter("from")
        if source and not self.is_name(source):
            raise Refusal("NAME_INVALID", {"name": source})
        if source and self.may_mount(call.caller, source) and await self.mount_blob(source, call.name, digest):
            return self.blob_created(call, digest)
        return self.session_opened(call)

    def may_mount(self, caller: Caller, source: str) -> bool:
        return self.permits(caller, Access("repository", source, ("pull",)))

    async def mount_blob(self, source: str, target: str, digest: str) -> bool:
        """Mount a blob of the source in the target; return False if the source lacks it."""
        content = self.stored(source).blobs.get(digest)
        if content is None:
            return False
        await self.store_blob(target, digest, content)
        return True

    async def patch_upload(self, call: Call) -> Answer:
        """Append the next chunk, or a stream without Content-Range."""
        upload = self.find_upload(call)
        await self.append_chunk(call.request, upload)
        return self.chunk_accepted(call.request, upload)

    def chunk_accepted(self, request: Request, upload: Upload) -> Answer:
        return self.upload_answer(202, request, upload)

    async def append_chunk(self, request: Request, upload: Upload) -> None:
        """Append the body, or refuse it as a whole if its Content-Range is not the next one."""
        self.check_chunk(request, upload)
        upload.content += request.body

    def check_chunk(self, request: Request, upload: Upload) -> None:
        """Raise RANGE_INVALID for a chunk out of order, SIZE_INVALID if the range does not match the body's length."""
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
        """Return 416 with Location and the accepted Range, which the client needs to continue."""
        headers = list(self.upload_answer(416, request, upload).headers.items())
        return Refusal("RANGE_INVALID", {"accepted": len(upload.content)}, headers=headers)

    async def put_upload(self, call: Call) -> Answer:
        upload = self.find_upload(call)
        digest = self.closing_digest(call.request, upload)
        self.check_chunk(call.request, upload)
        content = self.whole_content(upload, call.request.body)
        await self.finish_upload(upload, digest, content)
        return self.blob_created(call, digest)

    def closing_digest(self, request: Request, upload: Upload) -> str:
        """Return the digest of the closing request; DIGEST_INVALID without one."""
        return self.check_digest(request.parameter("digest"))

    def whole_content(self, upload: Upload, last: bytes) -> bytes:
        return bytes(upload.content) + last

    async def finish_upload(self, upload: Upload, digest: str, content: bytes) -> None:
        """End the session, and store the content if the digest matches."""
        self.close_session(upload)
        await self.commit_blob(upload.repository, digest, content)

    def close_session(self, upload: Upload) -> None:
        self.uploads.pop(upload.session, None)

    async def commit_blob(self, name: str, digest: str, content: bytes) -> None:
        """Store the blob; DIGEST_INVALID, and nothing stored, if the digest does not match."""
        if not self.digest_matches(digest, content):
            raise self.wrong_digest(digest)
        await self.store_blob(name, digest, content)

    def wrong_digest(self, digest: str) -> Refusal:
        return Refusal("DIGEST_INVALID", {"digest": digest})

    async def store_blob(self, name: str, digest: str, content: bytes) -> None:
        """Store the blob in the repository; storing it again does not disturb readers."""
        self.opened(name).blobs[digest] = content

    async def get_upload(self, call: Call) -> Answer:
        return self.upload_answer(204, call.request, self.find_upload(call))

    async def delete_upload(self, call: Call) -> Answer:
        await self.cancel_upload(self.find_upload(call))
        return Answer(204)

    async def cancel_upload(self, upload: Upload) -> None:
        self.close_session(upload)

    def find_upload(self, call: Call) -> Upload:
        """Return the open session; BLOB_UPLOAD_UNKNOWN if it ended, never existed, or is another caller's."""
        upload = self.uploads.get(call.reference)
        if upload is None or not self.is_of(upload, call.name) or not self.owns(call.caller, upload):
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": call.reference})
        return upload

    def is_of(self, upload: Upload, name: str) -> bool:
        return upload.repository == name

    def owns(self, caller: Caller, upload: Upload) -> bool:
        return upload.subject == caller.subject

    def upload_answer(self, status: int, request: Request, upload: Upload) -> Answer:
        answer = Answer(status)
        answer.headers["Location"] = self.upload_url(request, upload)
        answer.headers["Range"] = self.upload_range(upload)
        answer.headers["Docker-Upload-UUID"] = upload.session
        return answer

    def upload_url(self, request: Request, upload: Upload) -> str:
        return self.url(request, f"/v2/{upload.repository}/blobs/uploads/{upload.session}")

    def upload_range(self, upload: Upload) -> str:
        """Return the accepted range; ``0-0`` for none, like Docker's registry."""
        return f"0-{max(0, len(upload.content) - 1)}"

    def blob_created(self, call: Call, digest: str) -> Answer:
        answer = Answer(201)
        answer.headers["Location"] = self.blob_url(call.request, call.name, digest)
        answer.headers["Docker-Content-Digest"] = digest
        return answer

    def blob_url(self, request: Request, name: str, digest: str) -> str:
        return self.url(request, f"/v2/{name}/blobs/{digest}")
