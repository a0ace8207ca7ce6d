"""Upload sessions for what not every registry's can show: chunks of a size, a login; and every form of a push."""

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
# What a check of a few chunks may cost: a registry that takes longer ones alone is not asked.
LONGEST_CHUNK = 64 * 1024
CANCELS_NONE = frozenset({400, 404, 405, 501})
"""What DELETE of a session is answered where no upload is cancelled: OCI 1.1 knows no such endpoint."""


def open_for_chunks(repository: Repository, size: int) -> Upload:
    """A new session that takes chunks of ``size`` bytes; not asked of a registry that takes longer ones alone."""
    reply = repository.post_upload()
    upload = repository.upload_of(reply)
    require_chunks(reply, size)
    return upload


def open_in_pieces(repository: Repository, size: int) -> tuple[Upload, int]:
    """A new session, and how long a chunk of it is: ``size``, or as long as the registry says a chunk must be."""
    reply = repository.post_upload()
    upload = repository.upload_of(reply)
    require_chunks(reply, LONGEST_CHUNK)
    return upload, max(size, least_chunk(reply))


def require_chunks(opened: Exchange, size: int) -> None:
    """NotApplicable where chunks but the last must be longer (OCI-Chunk-Min-Length; "Pushing a blob in chunks")."""
    if (least := least_chunk(opened)) > size:
        raise NotApplicable(f"the registry requires chunks of at least {least} bytes")


def least_chunk(opened: Exchange) -> int:
    """How many bytes each chunk but the last must have, as the answer that opened the session tells; 0 for any."""
    least = opened.headers.get("oci-chunk-min-length") or ""
    return int(least) if least.isascii() and least.isdigit() and len(least) <= DIGITS_OF_A_SIZE else 0


def opens_an_upload(repository: Repository) -> bool:
    """Whether the login may open an upload in a repository; the upload is cancelled, if possible."""
    reply = repository.post_upload()
    if reply.ok and reply.headers.get("location"):
        repository.upload_of(reply).cancel()
    return reply.ok


def pushed(repository: Repository, content: bytes, digest: str, form: str) -> Exchange:
    """The last answer to a push of content under a digest, in one of the forms: ``put``, ``chunks`` or ``post``."""
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
    """The answers to chunks that end there, each with its Content-Range and with the place of its last byte."""
    for end in ends:
        yield upload.patch(content[first:end], f"{first}-{end - 1}"), end - 1
        first = end


def uses(upload: Upload, blob: Blob) -> dict[str, Callable[[], Exchange]]:
    """The requests that a session takes, by method."""
    return {
        "PATCH": lambda: upload.patch(blob.content),
        "PUT": lambda: upload.put(blob.digest, blob.content),
        "GET": upload.status,
        "DELETE": upload.cancel,
    }


@dataclass
class Refusing:
    """A session that refuses what it is sent, again and again; another where it is over, or has taken it."""

    repository: Repository
    once: Once
    opened: int = 0
    used: bool = False

    @property
    def session(self) -> Upload:
        """The session that is asked next."""
        return self.once(("refusing", self.opened), self.repository.open_upload)

    def unknown(self, name: str) -> Upload:
        """A session of that name, which never was; not asked where sessions are elsewhere, as that is no endpoint."""
        if "/blobs/uploads/" not in self.session.location:
            raise NotApplicable("the registry's upload sessions are not below blobs/uploads/")
        path = self.repository.path(f"blobs/uploads/{name}")
        return Upload(self.repository, self.repository.registry.http.base_url + path)

    def put(self, digest: str | None, content: bytes) -> Exchange:
        """The closing PUT; of a session that was open before and is over now, that to a new one."""
        return self._asked(lambda upload: upload.put(digest, content))

    def patch(self, chunk: bytes, content_range: str) -> Exchange:
        """The same with a chunk, behind which it may stand elsewhere."""
        reply = self._asked(lambda upload: upload.patch(chunk, content_range))
        self._leave()
        return reply

    def _asked(self, request: Callable[[Upload], Exchange]) -> Exchange:
        reply = request(self.session)
        # What a session that is over makes of a request is another check's to judge.
        again, self.used = self.used and (reply.status == 404 or reply.status >= 500), True
        if again or not 400 <= reply.status < 500:
            self._leave()
        return self._asked(request) if again else reply

    def _leave(self) -> None:
        self.opened, self.used = self.opened + 1, False


def at_the_registry(upload: Upload) -> Upload:
    """A session that a login is shown to; not asked where its Location is on another host, which no login is sent to.

    Whoever has that Location may use it, as the address of a blob in a storage that a pull is redirected to.
    """
    here, there = upload.repository.registry.http.base_url, upload.location
    # The address is the registry's word, and may be none that can be taken apart.
    if (there.partition("://")[0], authority_of(there)) != (here.partition("://")[0], authority_of(here)):
        raise NotApplicable(f"the upload session is on another host, {authority_of(there)}, to which no login is sent")
    return upload
