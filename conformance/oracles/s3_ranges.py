"""Parts of an object as an answer names them: by its own Content-Range, or by one for each of several parts.

Which parts come, and in which order, is the server's: RFC 9110 section 15.3.7.2 has it that a client "cannot rely on
receiving the same ranges that it requested". That each is what it is said to be is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.values import whole_number
from conformance.vocabulary.wording import worded

SEVERAL = "multipart/byteranges"
BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)
OF_SEVERAL = Proof(beyond="a right answer may as well have the whole, or each part with its own head")


def expect_named_parts(reply: Exchange, whole: bytes) -> None:
    """206 with one part or several: each is the bytes that its Content-Range names, and not empty."""
    if reply.media_type != SEVERAL:
        _expect_named(reply, reply.headers.get("content-range") or "", reply.body, whole, None)
        return
    for named, part in _parts(reply):
        _expect_named(reply, named, part, whole, OF_SEVERAL)


def _expect_named(reply: Exchange, named: str, part: bytes, whole: bytes, proof: Proof | None) -> None:
    first, last = map(whole_number, named.removeprefix("bytes ").partition("/")[0].partition("-")[::2])
    if first is None or last is None:
        wanted = "Content-Range with the part's place"
        raise NonConformance(wanted, f"Content-Range: {named}", reply, proof=proof)
    if whole[first : last + 1] != part or not part:
        raise NonConformance(f"the bytes that Content-Range names ({named})", f"{len(part)} others", reply, proof=proof)


def _parts(reply: Exchange) -> Iterator[tuple[str, bytes]]:
    """The Content-Range and the bytes of each part; there is one at least, and the last ends as a last one does."""
    found = BOUNDARY.search(reply.headers.get("content-type") or "")
    boundary = (found[1] or found[2]) if found else ""
    _, *pieces = (b"\r\n" + reply.body).split(f"\r\n--{boundary}".encode("latin-1"))
    if not boundary or len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        told = f"{worded(reply.headers.get('content-type'))} of {len(reply.body)} bytes"
        raise NonConformance(f"{SEVERAL} with parts between its boundaries", told, reply, proof=OF_SEVERAL)
    for piece in pieces[:-1]:
        # Behind the boundary there may be blanks; what has no fields begins with the empty line.
        head, _, part = piece.lstrip(b" \t").partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
        fields = Headers((name.strip(), value.strip()) for name, _, value in lines)
        yield fields.get("content-range") or "", part
