"""Upload sessions with chunks of a size, invalid requests, and all forms of a push."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from conformance.clients.http import authority_of
from conformance.clients.registry.client import Repository, Upload
from conformance.clients.registry.images import Blob
from conformance.evidence.shared_requests import Once
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

DIGITS_OF_A_SIZE = 15
# The longest chunk for a check of a few chunks; a registry that requires longer ones makes it not applicable.
LONGEST_CHUNK = 64 * 1024
CANCELS_NONE = frozenset({400, 404, 405, 501})
"""Responses to DELETE of a session if uploads cannot be cancelled: OCI 1.1 has no such endpoint."""


def open_for_chunks(repository: Repository, size: int) -> Upload:
    """Open a session for chunks of ``size`` bytes; NotApplicable if the registry requires longer ones."""
    reply = repository.post_upload()
    upload = repository.upload_of(reply)
    require_chunks(reply, size)
    return upload


def open_in_pieces(repository: Repository, size: int) -> tuple[Upload, int]:
    """Open a session; return it with the chunk length: ``size``, or the registry's minimum."""
    reply = repository.post_upload()
    upload = repository.upload_of(reply)
    require_chunks(reply, LONGEST_CHUNK)
    return upload, max(size, least_chunk(reply))


def require_chunks(opened: Exchange, size: int) -> None:
    """Raise NotApplicable if chunks must be longer (OCI-Chunk-Min-Length; "Pushing a blob in chunks")."""
    if (least := least_chunk(opened)) > size:
        raise NotApplicable(f"the registry requires chunks of at least {least} bytes")


def least_chunk(opened: Exchange) -> int:
    """Return the least bytes of each chunk but the last, from the response that opened the session; 0 for any."""
    least = opened.headers.get("oci-chunk-min-length") or ""
    return int(least) if least.isascii() and least.isdigit() and len(least) <= DIGITS_OF_A_SIZE else 0


def opens_an_upload(repository: Repository) -> bool:
    """Return whether the login may open an upload in a repository; cancel the upload if possible."""
    reply = repository.post_upload()
    if reply.ok and reply.headers.get("location"):
        repository.upload_of(reply).cancel()
    return reply.ok


def pushed(repository: Repository, content: bytes, digest: str, form: str) -> Exchange:
    """Push a content under a digest by ``put``, ``chunks`` or ``post``; return the last response."""
    if form == "post":
        reply = repository.post_upload(content, digest=digest)
        return repository.upload_of(reply).put(digest, content) if reply.status == 202 else reply
    opened = repository.post_upload()
    upload = repository.upload_of(opened)
    if form == "chunks":
        length = max(len(content) // 2, least_chunk(opened))
        for first in range(0, len(content), length):
            part = content[first : first + length]
            upload.patch(part, f"{first}-{first + len(part) - 1}")
        return upload.put(digest)
    return upload.put(digest, content)


def patched(upload: Upload, content: bytes, ends: Iterable[int], first: int = 0) -> Iterator[tuple[Exchange, int]]:
    """PATCH chunks that end at these places, with their Content-Range; yield responses and last byte positions."""
    for end in ends:
        yield upload.patch(content[first:end], f"{first}-{end - 1}"), end - 1
        first = end


def session_requests(upload: Upload, blob: Blob) -> dict[str, Callable[[], Exchange]]:
    """Return the requests to a session by method."""
    return {
        "PATCH": lambda: upload.patch(blob.content),
        "PUT": lambda: upload.put(blob.digest, blob.content),
        "GET": upload.status,
        "DELETE": upload.cancel,
    }


@dataclass
class ReusableUpload:
    """An upload session for invalid requests, replaced if it ended or accepted one."""

    repository: Repository
    once: Once
    opened: int = 0
    used: bool = False

    @property
    def session(self) -> Upload:
        """The current session."""
        return self.once(("refusing", self.opened), self.repository.open_upload)

    def unknown(self, name: str) -> Upload:
        """Return a session of that name that never existed; NotApplicable if sessions have other paths."""
        if "/blobs/uploads/" not in self.session.location:
            raise NotApplicable("the registry's upload sessions are not below blobs/uploads/")
        path = self.repository.path(f"blobs/uploads/{name}")
        return Upload(self.repository, self.repository.registry.http.base_url + path)

    def put(self, digest: str | None, content: bytes) -> Exchange:
        """Send the closing PUT, again to a new session if the current one has ended."""
        return self._repeated(lambda upload: upload.put(digest, content))

    def patch(self, chunk: bytes, content_range: str) -> Exchange:
        """PATCH a chunk likewise; then use a new session, since this one may have moved."""
        reply = self._repeated(lambda upload: upload.patch(chunk, content_range))
        self._leave()
        return reply

    def _repeated(self, request: Callable[[Upload], Exchange]) -> Exchange:
        reply = request(self.session)
        # Other checks judge requests to an ended session.
        again, self.used = self.used and (reply.status == 404 or reply.status >= 500), True
        if again or not 400 <= reply.status < 500:
            self._leave()
        return self._repeated(request) if again else reply

    def _leave(self) -> None:
        self.opened, self.used = self.opened + 1, False


def on_registry_host(upload: Upload) -> Upload:
    """Return the session; NotApplicable if its Location is on another host, which gets no login.

    Such a Location may be usable by any client, like a redirected pull.
    """
    here, there = upload.repository.registry.http.base_url, upload.location
    if (there.partition("://")[0], authority_of(there)) != (here.partition("://")[0], authority_of(here)):
        raise NotApplicable(f"the upload session is on another host, {authority_of(there)}, to which no login is sent")
    return upload
