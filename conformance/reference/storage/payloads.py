"""Payloads of requests: hashes, ``aws-chunked`` framing with its signatures, trailers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.reference.storage import canonical
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.base import Gateway
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault

SMALLEST_CHUNK = 8192
_CHUNK_HEADER = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?\r\n")


@dataclass(frozen=True)
class Chunk:
    """A chunk of an ``aws-chunked`` body; ``signature`` is "" for unsigned chunks."""

    data: bytes
    signature: str


def chunks(body: bytes, signed: bool) -> Iterator[Chunk | bytes]:
    """Yield the chunks, with the empty last one, then the bytes after them; Fault IncompleteBody."""
    position = 0
    while True:
        header = _CHUNK_HEADER.match(body, position)
        if header is None or (header[2] is not None) != signed:
            raise Fault("IncompleteBody")
        start, size = header.end(), int(header[1], 16)
        if len(body) < start + size:
            raise Fault("IncompleteBody")
        yield Chunk(body[start : start + size], (header[2] or b"").decode())
        position = start + size
        if size == 0:
            yield body[position:]
            return
        if body[position : position + 2] != b"\r\n":
            raise Fault("IncompleteBody")
        position += 2


def trailers_of(rest: bytes) -> dict[str, str]:
    """Return trailing headers by lower-case name; Fault MalformedTrailerError."""
    if not rest.endswith(b"\r\n"):
        raise Fault("IncompleteBody")
    found: dict[str, str] = {}
    for line in rest.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if line and (not colon or name.strip().lower() in found):
            raise Fault("MalformedTrailerError")
        if line:
            found[name.strip().lower()] = value.strip()
    return found


class Payloads(Gateway):
    """Extracts the payload of a request and verifies its hash, framing and trailers."""

    def read_payload(self, call: Call) -> None:
        """Set ``body`` and ``trailers``."""
        stated = call.signer.payload_hash
        if stated in STREAMING:
            self.read_chunks(call, stated)
        elif stated == "UNSIGNED-PAYLOAD":
            call.body = call.request.body
        else:
            call.body = call.request.body
            if not self.payload_matches(stated, call.body):
                raise Fault("XAmzContentSHA256Mismatch")

    def payload_matches(self, stated: str, body: bytes) -> bool:
        return canonical.sha256_hex(body) == stated

    def read_chunks(self, call: Call, stated: str) -> None:
        signed, trailed = stated != STREAMING[2], stated != STREAMING[0]
        data, rest, previous = [], b"", call.signer.signature
        for chunk in chunks(call.request.body, signed):
            if isinstance(chunk, bytes):
                rest = chunk
                continue
            if signed:
                previous = self.check_chunk(call, previous, chunk)
            data.append(chunk.data)
        self.check_chunk_sizes([len(each) for each in data[:-1]], signed)
        call.body = b"".join(data)
        self.check_decoded_length(call)
        if trailed:
            self.read_trailers(call, rest, previous if signed else None)
        elif rest != b"\r\n":
            raise Fault("IncompleteBody")

    def check_chunk(self, call: Call, previous: str, chunk: Chunk) -> str:
        """Verify a chunk's signature and return it, since the next one depends on it."""
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                call.signer.timestamp,
                call.signer.scope,
                previous,
                canonical.EMPTY_SHA256,
                canonical.sha256_hex(chunk.data),
            )
        )
        if not self.chunk_signature_matches(chunk.signature, canonical.signature(call.signer.signing_key, text)):
            raise Fault("SignatureDoesNotMatch")
        return chunk.signature

    def chunk_signature_matches(self, given: str, computed: str) -> bool:
        return given == computed

    def check_chunk_sizes(self, sizes: list[int], signed: bool) -> None:
        """Check that every signed chunk except the last has at least 8 KiB."""
        if signed and any(size < SMALLEST_CHUNK for size in sizes[:-1]):
            raise Fault("InvalidChunkSizeError")

    def check_decoded_length(self, call: Call) -> None:
        given = call.headers.get("x-amz-decoded-content-length")
        if given is None:
            raise Fault("MissingContentLength")
        if given != str(len(call.body)):
            raise Fault("IncompleteBody")

    def read_trailers(self, call: Call, rest: bytes, previous: str | None) -> None:
        """Read the trailers; verify that they are the announced ones, and their signature, if any."""
        found = trailers_of(rest)
        given = found.pop("x-amz-trailer-signature", None)
        announced = call.headers.get("x-amz-trailer", "").lower().split(",")
        if set(found) != {name.strip() for name in announced if name.strip()}:
            raise Fault("MalformedTrailerError")
        if previous is not None:
            text = "".join(f"{name}:{canonical.trimmed(value)}\n" for name, value in sorted(found.items()))
            to_sign = "\n".join(
                (
                    "AWS4-HMAC-SHA256-TRAILER",
                    call.signer.timestamp,
                    call.signer.scope,
                    previous,
                    canonical.sha256_hex(text.encode("latin-1")),
                )
            )
            computed = canonical.signature(call.signer.signing_key, to_sign)
            if not self.chunk_signature_matches(given or "", computed):
                raise Fault("SignatureDoesNotMatch")
        call.trailers = found
