"""Variants of payloads."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.one_method import variant
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from tests.defects.support.storage import fault


class NoChecksumEcho(Variant):
    """Checksums are verified, but not returned."""

    # It does not store an upload's checksum algorithm.
    apart = ("parts-have-the-uploads-checksum",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        original(call)
        return {}

    def requested_algorithm(self, original: Any, call: Call) -> str | None:
        original(call)
        return None


@variant()
def payload_mismatch_bad_digest(read_payload: Any, call: Call) -> None:
    """A payload that does not match its hash is reported as BadDigest."""
    try:
        read_payload(call)
    except Fault as refusal:
        raise (Fault("BadDigest") if refusal.code == "XAmzContentSHA256Mismatch" else refusal) from None


@variant()
def lost_chunk_is_timeout(check_decoded_length: Any, call: Call) -> None:
    """A chunked payload that is shorter than announced is 400 RequestTimeout."""
    try:
        check_decoded_length(call)
    except Fault as refusal:
        raise (fault("RequestTimeout", 400) if refusal.code == "IncompleteBody" else refusal) from None


@variant(without=("storage.multipart",))
def multipart_not_offered(read_payload: Any, call: Call) -> None:
    """Error responses, NotImplemented: multipart uploads are 501 in every bucket."""
    if {"uploads", "uploadId", "partNumber"} & call.query.keys():
        raise Fault("NotImplemented")
    read_payload(call)
