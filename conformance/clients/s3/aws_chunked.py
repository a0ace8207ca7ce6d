"""The ``aws-chunked`` payloads that SDKs send: signed chunks, signed chunks with a trailer, unsigned with a trailer.

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload
in Multiple Chunks (Chunked Upload)" and "… with trailing headers".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import (
    EMPTY_HASH,
    Keys,
    Request,
    Signing,
    hmac_sha256,
    scope_of,
    sha256_hex,
    sign,
    signature_in,
    signing_key,
)

NOW = Signing()
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
FALSE_END = b"\r\n0\r\n\r\n"
"""Bytes within a chunk that look like the last chunk: a server that ignores the chunk size loses the rest."""


@dataclass(frozen=True)
class Chunk:
    """One chunk; ``signature`` is "" in unsigned payloads."""

    data: bytes
    signature: str = ""

    def framed(self) -> bytes:
        """Return the chunk as on the wire: size in hex, signature, data."""
        signature = f";chunk-signature={self.signature}" if self.signature else ""
        return f"{len(self.data):x}{signature}\r\n".encode() + self.data + (b"\r\n" if self.data else b"")


@dataclass(frozen=True)
class ChunkedUpload:
    """A signed request with its chunks, the last one empty, and its trailer lines ("name:value")."""

    request: Request
    chunks: tuple[Chunk, ...]
    trailers: tuple[str, ...] = ()

    def assembled(self) -> Request:
        """Return the request with the whole payload as its body."""
        frames = b"".join(chunk.framed() for chunk in self.chunks)
        tail = "".join(f"{line}\r\n" for line in self.trailers) + "\r\n"
        return replace(self.request, body=frames + tail.encode())


class _Chain:
    """Chunk signatures: each one signs the one before it."""

    def __init__(self, signed: Request, keys: Keys) -> None:
        self.timestamp = signed.header("x-amz-date") or ""
        self.scope = scope_of(keys, self.timestamp[:8])
        self.key = signing_key(keys, self.timestamp[:8])
        self.previous = signature_in(signed)

    def chunk(self, data: bytes) -> str:
        """Return the signature of the next chunk."""
        return self._next("AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH, sha256_hex(data))

    def trailer(self, lines: Sequence[str]) -> str:
        """Return the signature of the trailer."""
        return self._next("AWS4-HMAC-SHA256-TRAILER", sha256_hex("".join(f"{line}\n" for line in lines).encode()))

    def _next(self, kind: str, *digests: str) -> str:
        text = "\n".join([kind, self.timestamp, self.scope, self.previous, *digests])
        self.previous = hmac_sha256(self.key, text).hex()
        return self.previous


def chunked(
    request: Request,
    keys: Keys,
    parts: Sequence[bytes],
    kind: str = SIGNED,
    trailer: tuple[str, str] | None = None,
    decoded: int | None = None,
    declared: bool = True,
    signing: Signing = NOW,
) -> ChunkedUpload:
    """Return the request with ``parts`` as its chunks and, if given, a trailer (name, value).

    ``decoded`` is the length to state instead of the true one. Without ``declared`` there is no Content-Encoding.
    """
    own = request.header("content-encoding")
    coding = [("Content-Encoding", f"aws-chunked,{own}" if own else "aws-chunked")] if declared else []
    length = decoded if decoded is not None else sum(map(len, parts))
    ready = request.with_headers(*coding, ("x-amz-decoded-content-length", str(length)))
    if trailer:
        ready = ready.with_header("x-amz-trailer", trailer[0])
    signed = sign(ready, keys, replace(signing, payload=kind))
    chain = _Chain(signed, keys)
    is_signed = kind != UNSIGNED_TRAILER
    chunks = tuple(Chunk(part, chain.chunk(part) if is_signed else "") for part in (*parts, b""))
    lines = [f"{name}:{value}" for name, value in ([trailer] if trailer else [])]
    if lines and is_signed:
        lines.append(f"x-amz-trailer-signature:{chain.trailer(lines)}")
    return ChunkedUpload(signed, chunks, tuple(lines))


def checksummed(
    request: Request,
    keys: Keys,
    parts: Sequence[bytes],
    kind: str = SIGNED,
    algorithm: str = "crc32",
    signing: Signing = NOW,
) -> ChunkedUpload:
    """Return the request with ``parts`` as its chunks and, if the kind has a trailer, their checksum in it."""
    trailer = None if kind == SIGNED else checksum_field(algorithm, b"".join(parts))
    return chunked(request, keys, parts, kind, trailer, signing=signing)
