"""Pulling and deleting blobs (distribution-spec 1.1, "Pulling blobs", "Deleting Blobs"; RFC 9110 section 14)."""

from __future__ import annotations

from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.base import Base
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call


class Blobs(Base):
    """Serves and deletes blobs."""

    async def get_blob(self, call: Call) -> Answer:
        digest = self.check_digest(call.reference)
        content = self.blob_of(call.name, digest)
        if self.not_modified(call.request, digest):
            return self.unchanged(digest)
        part = self.part_wanted(call.request, digest, len(content))
        if part is None:
            return self.blob_answer(200, digest, content)
        return self.part_answer(digest, content, *part)

    async def head_blob(self, call: Call) -> Answer:
        """Respond like GET, without the body; a Range is for GET only (RFC 9110 section 14.2)."""
        digest = self.check_digest(call.reference)
        content = self.blob_of(call.name, digest)
        return self.unchanged(digest) if self.not_modified(call.request, digest) else self.head_answer(digest, content)

    def head_answer(self, digest: str, content: bytes) -> Answer:
        return self.blob_answer(200, digest, content)

    def blob_of(self, name: str, digest: str) -> bytes:
        """Return the blob's bytes; BLOB_UNKNOWN if it is not in this repository."""
        content = self.stored(name).blobs.get(digest)
        if content is None:
            raise Refusal("BLOB_UNKNOWN", {"digest": digest})
        return content

    def blob_answer(self, status: int, digest: str, content: bytes) -> Answer:
        answer = Answer(status, content)
        answer.headers["Content-Type"] = "application/octet-stream"
        answer.headers["Content-Length"] = str(len(content))
        answer.headers["Docker-Content-Digest"] = self.reported_digest(digest)
        answer.headers["ETag"] = f'"{digest}"'
        answer.headers["Accept-Ranges"] = "bytes"
        return answer

    def reported_digest(self, digest: str) -> str:
        return digest

    def part_wanted(self, request: Request, digest: str, size: int) -> tuple[int, int] | None:
        """Return first byte and end of the range to send, None for the whole; RANGE_INVALID if it is beyond the end."""
        header = request.headers.get("range")
        if header is None or request.headers.get("if-range", f'"{digest}"') != f'"{digest}"':
            return None
        try:
            return self.byte_range(header, size)
        except grammar.UnsatisfiableRange:
            raise self.unsatisfiable(header, size) from None

    def byte_range(self, header: str, size: int) -> tuple[int, int] | None:
        return grammar.byte_range(header, size)

    def unsatisfiable(self, header: str, size: int) -> Refusal:
        """Return 416 with the size (RFC 9110 section 15.5.17)."""
        return Refusal("RANGE_INVALID", {"range": header}, headers=[("Content-Range", f"bytes */{size}")])

    def part_answer(self, digest: str, content: bytes, first: int, end: int) -> Answer:
        """Return 206 with one range (RFC 9110 section 15.3.7)."""
        answer = self.blob_answer(206, digest, content[first:end])
        answer.headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return answer

    def not_modified(self, request: Request, digest: str) -> bool:
        """Return whether the caller has the current content (RFC 9110 section 13.1.2)."""
        return grammar.entity_tag_matches(request.headers.get("if-none-match", ""), f'"{digest}"')

    def unchanged(self, digest: str) -> Answer:
        """Return 304 (RFC 9110 section 15.4.5)."""
        answer = Answer(304)
        answer.headers["ETag"] = f'"{digest}"'
        answer.headers["Docker-Content-Digest"] = digest
        return answer

    async def delete_blob(self, call: Call) -> Answer:
        """Delete the blob from the repository and return 202."""
        digest = self.check_digest(call.reference)
        self.blob_of(call.name, digest)
        await self.remove_blob(call.name, digest)
        return self.deleted()

    async def remove_blob(self, name: str, digest: str) -> None:
        self.stored(name).blobs.pop(digest, None)

    def deleted(self) -> Answer:
        return Answer(202)
