"""Parts of an object in a 206 response, by its Content-Range or by one for each of several parts.

The server chooses the parts and their order: by RFC 9110 section 15.3.7.2 a client "cannot rely on receiving the same
ranges that it requested". But each part must have the bytes that its Content-Range names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import whole_number
from conformance.vocabulary.wording import worded

SEVERAL = "multipart/byteranges"
BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


def expect_named_parts(reply: Exchange, whole: bytes) -> None:
    """Expect 206 with parts that are not empty and have the bytes that their Content-Range names."""
    if reply.media_type != SEVERAL:
        _expect_named(reply, reply.headers.get("content-range") or "", reply.body, whole)
        return
    for named, part in _parts(reply):
        _expect_named(reply, named, part, whole)


def _expect_named(reply: Exchange, named: str, part: bytes, whole: bytes) -> None:
    first, last = map(whole_number, named.removeprefix("bytes ").partition("/")[0].partition("-")[::2])
    if first is None or last is None:
        expected = "Content-Range with the first and last byte of the part"
        raise NonConformance(expected, f"Content-Range: {named}", reply)
    if whole[first : last + 1] != part or not part:
        raise NonConformance(f"the bytes that Content-Range names ({named})", f"{len(part)} different bytes", reply)


def _parts(reply: Exchange) -> Iterator[tuple[str, bytes]]:
    """Yield Content-Range and bytes of each part; at least one part and the closing boundary are required."""
    found = BOUNDARY.search(reply.headers.get("content-type") or "")
    boundary = (found[1] or found[2]) if found else ""
    _, *pieces = (b"\r\n" + reply.body).split(f"\r\n--{boundary}".encode("latin-1"))
    if not boundary or len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        got = f"{len(reply.body)} bytes of the type {worded(reply.headers.get('content-type'))}"
        raise NonConformance(f"{SEVERAL} with parts between its boundaries", got, reply)
    for piece in pieces[:-1]:
        # Blanks may follow the boundary; a part without fields begins with the empty line.
        head, _, part = piece.lstrip(b" \t").partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
        fields = Headers((name.strip(), value.strip()) for name, _, value in lines)
        yield fields.get("content-range") or "", part
