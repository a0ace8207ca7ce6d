"""Checksums that a gateway tells of an object: of its bytes, or of the checksums of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.oracles.s3_documents import expect_document
from conformance.oracles.status import listed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
"""The two checksum types (S3 API Reference, x-amz-checksum-type)."""


@dataclass(frozen=True)
class Told:
    """What an answer tells of a checksum: its value and its type, "" for what it does not tell."""

    reply: Exchange
    value: str
    kind: str


def in_headers(reply: Exchange, algorithm: str) -> Told:
    """What the header fields tell."""
    value, kind = (reply.headers.get(f"x-amz-checksum-{each}") for each in (algorithm, "type"))
    return Told(reply, value or "", kind or "")


def in_document(reply: Exchange, root: str, algorithm: str) -> Told:
    """What a result document tells."""
    document = expect_document(reply, root)
    value, kind = (document.findtext(f"Checksum{each}") for each in (algorithm.upper(), "Type"))
    return Told(reply, value or "", kind or "")


def expect_checksum(told: Told, right: Mapping[str, str]) -> None:
    """The checksum that is told, if any is, is the right one of its type; of any of these where no type is told.

    A composite checksum ends in a hyphen and the number of parts, which a gateway may leave out.
    """
    if not told.value:
        return
    if told.kind and told.kind not in right:
        raise NonConformance(f"the checksum type {listed(right)}", told.kind, told.reply)
    allowed = {right[told.kind]} if told.kind else set(right.values())
    if told.value not in allowed | {each.partition("-")[0] for each in allowed}:
        wanted = f"the checksum {listed(allowed)}{f' of type {told.kind}' if told.kind else ''}"
        raise NonConformance(wanted, told.value, told.reply)
