"""Objects of any size, sent and received without ever being whole in memory.

Their bytes are made anew wherever they are needed: to hash them, to send them, to compare what comes back.
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
"""How long a slow reader waits for the other at most, who may have to wait for him."""


class Content(Protocol):
    """Bytes whose number is known and which can be had again and again, part by part."""

    @property
    def size(self) -> int:
        """How many bytes."""

    def parts(self) -> Iterator[bytes]:
        """The bytes."""


@dataclass(frozen=True)
class Pattern:
    """So many bytes, which repeat nowhere: the key stream of a block cipher that counts."""

    size: int

    def parts(self) -> Iterator[bytes]:
        """The bytes, 64 KiB at a time."""
        # Here, since most runs need none of it: it makes bytes faster than anything else at hand.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        stream = Cipher(algorithms.AES(bytes(16)), modes.CTR(bytes(16))).encryptor()
        nothing = bytes(PART)
        for place in range(0, self.size, PART):
            yield stream.update(nothing[: self.size - place])


@dataclass(frozen=True)
class Joined:
    """Pieces that are at hand, one after the other."""

    pieces: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """How many bytes they are together."""
        return sum(map(len, self.pieces))

    def parts(self) -> Iterator[bytes]:
        """The pieces."""
        yield from filter(None, self.pieces)


@dataclass(frozen=True)
class Parts:
    """A body that is made as it is sent, and again where it has to be sent again."""

    content: Content

    def __iter__(self) -> Iterator[bytes]:
        return self.content.parts()


@dataclass
class Comparison:
    """Compares bytes with what is due as they come: how many came, and where the first one differs."""

    wanted: Content
    received: int = 0
    differs_at: int | None = None
    _parts: Iterator[bytes] = field(init=False)
    _due: bytes = b""

    def __post_init__(self) -> None:
        self._parts = self.wanted.parts()

    def take(self, part: bytes) -> None:
        """The next bytes, however many."""
        # As bytes, not as views of them: views are compared one byte at a time.
        while part and self.differs_at is None:
            self._due = self._due or next(self._parts, b"")
            due, came = self._due[: len(part)], part[: len(self._due)]
            if due != came or not due:
                same = next(
                    (n for n, (one, other) in enumerate(zip(due, came, strict=False)) if one != other), len(due)
                )
                self.differs_at = self.received + same
            self._due, self.received, part = self._due[len(due) :], self.received + len(due), part[len(due) :]
        self.received += len(part)

    def __str__(self) -> str:
        if self.differs_at is not None:
            return f"{self.received} bytes, of which the one at {self.differs_at} is another"
        return f"the first {self.received} bytes of it"

    @property
    def equal(self) -> bool:
        """Whether every byte came, and no other."""
        return self.differs_at is None and self.received == self.wanted.size


def upload(bucket: Bucket, key: str, content: Content) -> Exchange:
    """PutObject with Content-Length, and the hash of the whole payload in the signature."""
    digest = hashlib.sha256()
    for part in content.parts():
        digest.update(part)
    request = bucket.request("PUT", key, headers={"Content-Length": str(content.size)})
    signed = bucket.s3.sign(request, Signing(payload=digest.hexdigest(), unsigned=frozenset({"content-length"})))
    return bucket.s3.signed.send("PUT", bucket.s3.origin + signed.target, signed.headers, Parts(content))


def download(bucket: Bucket, key: str, content: Content) -> tuple[Exchange, Comparison]:
    """GetObject, compared with what it should be as it comes; the exchange has the body's beginning."""
    compared = Comparison(content)
    signed = bucket.s3.sign(bucket.request("GET", key))
    client = bucket.s3.signed.into(compared.take)
    return client.send("GET", bucket.s3.origin + signed.target, signed.headers), compared


def read_slowly(
    bucket: Bucket, key: str, meanwhile: Callable[[], Exchange], compared: Sequence[Comparison]
) -> tuple[Exchange | None, Exchange]:
    """GetObject whose reader stops behind the first bytes until another request is answered; both answers.

    Each comparison is given what comes. Where the connection breaks behind the first bytes, its answer is None.
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
