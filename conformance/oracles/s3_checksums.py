"""Checksums that a gateway tells of an object: of its bytes, or of the checksums of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.oracles.proofs import field_lacks, lacks
from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.status import listed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
"""The two checksum types (S3 API Reference, x-amz-checksum-type)."""


@dataclass(frozen=True)
class Told:
    """What an answer tells of a checksum: its value and its type, "" for what it does not tell."""

    reply: Exchange
    value: str
    kind: str
    names: tuple[str, str] = ("", "")
    """How the answer calls value and type: header fields, or elements of its document between angle brackets."""

    def without(self, place: int) -> Proof:
        """The proof that value (0) or type (1) would be another one, or none."""
        name, wrong = self.names[place], (self.value, self.kind)[place]
        return lacks(self.reply, f"{name}{wrong}<") if name.startswith("<") else field_lacks(self.reply, name, wrong)


def where_offered(reply: Exchange, algorithm: str) -> Exchange:
    """An answer to a checksum; NotApplicable where its algorithm is not implemented, which is told of once.

    That what matches a checksum is stored, of each algorithm, is a promise of its own.
    """
    if reply.status == 501:
        raise NotApplicable(f"checksums with {algorithm} are not offered, which storage/checksum reports")
    return reply


def in_headers(reply: Exchange, algorithm: str) -> Told:
    """What the header fields tell."""
    names = f"x-amz-checksum-{algorithm}", "x-amz-checksum-type"
    value, kind = map(reply.headers.get, names)
    return Told(reply, value or "", kind or "", names)


def in_document(reply: Exchange, root: str, algorithm: str) -> Told:
    """What a result document tells."""
    document = expect_document(reply, root)
    elements = f"Checksum{algorithm.upper()}", "ChecksumType"
    value, kind = map(document.findtext, elements)
    return Told(reply, value or "", kind or "", (f"<{elements[0]}>", f"<{elements[1]}>"))


def in_parts(reply: Exchange, algorithm: str) -> Told:
    """What a list of parts, however it is named, tells of its first part; the type that it tells is of the object."""
    document, name = xml_root(reply), f"Checksum{algorithm.upper()}"
    value = document.findtext(f"Part/{name}") if document is not None else None
    return Told(reply, value or "", "", (f"<{name}>", "<ChecksumType>"))


def expect_checksum(told: Told, right: Mapping[str, str]) -> None:
    """The checksum that is told, if any is, is the right one of its type; of any of these where no type is told.

    A composite checksum ends in a hyphen and the number of parts, which a gateway may leave out.
    """
    if not told.value:
        return
    if told.kind and told.kind not in right:
        raise NonConformance(f"the checksum type {listed(right)}", told.kind, told.reply, proof=told.without(1))
    allowed = {right[told.kind]} if told.kind else set(right.values())
    if told.value not in allowed | {each.partition("-")[0] for each in allowed}:
        wanted = f"the checksum {listed(allowed)}{f' of type {told.kind}' if told.kind else ''}"
        raise NonConformance(wanted, told.value, told.reply, proof=told.without(0))
