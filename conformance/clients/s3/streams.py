"""Streamed transfers of objects that may not fit into memory.

Their bytes are generated each time they are hashed, sent or compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from conformance.clients.s3.client import Bucket
from conformance.clients.s3.sigv4 import Signing
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NoAnswer, Unreachable

PART = 64 * 1024
HALT_S = 2.0
"""How long a slow reader waits for the other request, which in turn may wait for the reader."""


class Content(Protocol):
    """Bytes of a known size that can be generated repeatedly in parts."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def parts(self) -> Iterator[bytes]:
        """Yield the bytes."""


@dataclass(frozen=True)
class Pattern:
    """Bytes without repetition: the key stream of AES in counter mode."""

    size: int

    def parts(self) -> Iterator[bytes]:
        """Yield the bytes, 64 KiB at a time."""
        # Imported here, because most runs do not need it.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        stream = Cipher(algorithms.AES(bytes(16)), modes.CTR(bytes(16))).encryptor()
        nothing = bytes(PART)
        for place in range(0, self.size, PART):
            yield stream.update(nothing[: self.size - place])


@dataclass(frozen=True)
class Joined:
    """Concatenated pieces in memory."""

    pieces: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(map(len, self.pieces))

    def parts(self) -> Iterator[bytes]:
        """Yield the pieces."""
        yield from filter(None, self.pieces)


@dataclass(frozen=True)
class Parts:
    """A body that is generated each time it is sent."""

    content: Content

    def __iter__(self) -> Iterator[bytes]:
        return self.content.parts()


@dataclass
class Comparison:
    """Compares received bytes with the expected content: counts them, and finds the first difference."""

    expected: Content
    received: int = 0
    differs_at: int | None = None
    _parts: Iterator[bytes] = field(init=False)
    _next: bytes = b""

    def __post_init__(self) -> None:
        self._parts = self.expected.parts()

    def take(self, part: bytes) -> None:
        """Compare the next received bytes."""
        # Slices of bytes: comparing memory views is slow.
        while part and self.differs_at is None:
            self._next = self._next or next(self._parts, b"")
            due, got = self._next[: len(part)], part[: len(self._next)]
            if due != got or not due:
                pairs = enumerate(zip(due, got, strict=False))
                self.differs_at = self.received + next((n for n, (one, other) in pairs if one != other), len(due))
            self._next, self.received, part = self._next[len(due) :], self.received + len(due), part[len(due) :]
        self.received += len(part)

    def __str__(self) -> str:
        if self.differs_at is not None:
            return f"{self.received} bytes, of which the one at {self.differs_at} is another"
        return f"the first {self.received} bytes of it"

    @property
    def equal(self) -> bool:
        """Whether exactly the expected bytes were received."""
        return self.differs_at is None and self.received == self.expected.size


def upload(bucket: Bucket, key: str, content: Content) -> Exchange:
    """PutObject with Content-Length and a signed payload hash."""
    digest = hashlib.sha256()
    for part in content.parts():
        digest.update(part)
    request = bucket.request("PUT", key, headers={"Content-Length": str(content.size)})
    signed = bucket.s3.sign(request, Signing(payload=digest.hexdigest(), unsigned=frozenset({"content-length"})))
    return bucket.s3.signed.send("PUT", bucket.s3.origin + signed.target, signed.headers, Parts(content))


def download(bucket: Bucket, key: str, content: Content) -> tuple[Exchange, Comparison]:
    """GetObject, compared with the expected content; the exchange has the start of the body."""
    compared = Comparison(content)
    signed = bucket.s3.sign(bucket.request("GET", key))
    client = bucket.s3.signed.into(compared.take)
    return client.send("GET", bucket.s3.origin + signed.target, signed.headers), compared


def read_slowly(
    bucket: Bucket, key: str, meanwhile: Callable[[], Exchange], compared: Sequence[Comparison]
) -> tuple[Exchange | None, Exchange]:
    """GetObject whose reader pauses after the first bytes for another request; return both responses.

    Each comparison receives the bytes. If the connection breaks after the first bytes, the first response is None.
    """
    signed = bucket.s3.sign(bucket.request("GET", key))
    with ThreadPoolExecutor(1) as pool:
        other: Future[Exchange] | None = None

        def take(part: bytes) -> None:
            nonlocal other
            if other is None:
                other = pool.submit(meanwhile)
                wait([other], HALT_S)
            for each in compared:
                each.take(part)

        reply: Exchange | None
        try:
            reply = bucket.s3.signed.into(take).send("GET", bucket.s3.origin + signed.target, signed.headers)
        except (NoAnswer, Unreachable):
            if other is None:
                raise
            reply = None
    if other is None:
        raise Inconclusive(
            f"{reply} to a GET of an object that was just stored", "a key that can be read after it was written"
        )
    return reply, other.result()
