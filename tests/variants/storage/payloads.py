"""Variants of payloads."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from tests.defects.support.storage import fault


class NoChecksumEcho(Variant):
    """Checksums are verified and not given back."""

    surface = "storage"

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        original(call)
        return {}

    def asked_algorithm(self, original: Any, call: Call) -> str | None:
        original(call)
        return None


class PayloadMismatchBadDigest(Variant):
    """Other bytes than those signed are told as BadDigest."""

    surface = "storage"

    def read_payload(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault as refusal:
            raise (Fault("BadDigest") if refusal.code == "XAmzContentSHA256Mismatch" else refusal) from None


class LostChunkIsTimeout(Variant):
    """A chunked payload that is shorter than it says is 400 RequestTimeout: the rest was waited for."""

    surface = "storage"

    def check_decoded_length(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault as refusal:
            raise (fault("RequestTimeout", 400) if refusal.code == "IncompleteBody" else refusal) from None


class MultipartNotOffered(Variant):
    """Error responses, NotImplemented: uploads in parts are not offered, and 501 in whichever bucket."""

    surface = "storage"
    without = ("storage.multipart",)

    def read_payload(self, original: Any, call: Call) -> None:
        if {"uploads", "uploadId", "partNumber"} & call.query.keys():
            raise Fault("NotImplemented")
        original(call)
