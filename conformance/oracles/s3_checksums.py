"""Checksums that a gateway reports for an object: of its bytes, or of the checksums of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.status import listed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
"""The two checksum types (S3 API Reference, x-amz-checksum-type)."""


@dataclass(frozen=True)
class ReportedChecksum:
    """A checksum in a response: its value and its type, "" for one that is absent."""

    reply: Exchange
    value: str
    kind: str
    names: tuple[str, str] = ("", "")
    """The names of value and type in the response: header fields, or elements in angle brackets."""


def require_algorithm(reply: Exchange, algorithm: str) -> Exchange:
    """Return a response to a checksum; NotApplicable if its algorithm is not implemented.

    Another promise covers that an object with a correct checksum of each algorithm is stored.
    """
    if reply.status == 501:
        raise NotApplicable(f"{algorithm} checksums are not implemented (501); storage/checksum reports that")
    return reply


def in_headers(reply: Exchange, algorithm: str) -> ReportedChecksum:
    """Return the checksum in the header fields."""
    names = f"x-amz-checksum-{algorithm}", "x-amz-checksum-type"
    value, kind = map(reply.headers.get, names)
    return ReportedChecksum(reply, value or "", kind or "", names)


def in_document(reply: Exchange, root: str, algorithm: str) -> ReportedChecksum:
    """Return the checksum in a result document."""
    document = expect_document(reply, root)
    elements = f"Checksum{algorithm.upper()}", "ChecksumType"
    value, kind = map(document.findtext, elements)
    return ReportedChecksum(reply, value or "", kind or "", (f"<{elements[0]}>", f"<{elements[1]}>"))


def in_parts(reply: Exchange, algorithm: str) -> ReportedChecksum:
    """Return the checksum of the first part in a list of parts; the list's type is that of the object."""
    document, name = xml_root(reply), f"Checksum{algorithm.upper()}"
    value = document.findtext(f"Part/{name}") if document is not None else None
    return ReportedChecksum(reply, value or "", "", (f"<{name}>", "<ChecksumType>"))


def expect_checksum(got: ReportedChecksum, right: Mapping[str, str]) -> None:
    """Expect a reported checksum to be the right one of its type, or of any type if none is reported.

    A composite checksum ends in a hyphen and the number of parts, which a gateway may omit.
    """
    if not got.value:
        return
    if got.kind and got.kind not in right:
        raise NonConformance(f"checksum type {listed(right)}", f"checksum type {got.kind}", got.reply)
    allowed = {right[got.kind]} if got.kind else set(right.values())
    if got.value not in allowed | {each.partition("-")[0] for each in allowed}:
        expected = f"checksum {listed(allowed)}{f' of type {got.kind}' if got.kind else ''}"
        raise NonConformance(expected, f"checksum {got.value}", got.reply)
