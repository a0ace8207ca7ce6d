"""Digests that a request states for its payload: Content-MD5 and the x-amz-checksum family."""

from __future__ import annotations

import base64
import binascii
import hashlib

from conformance.reference.storage.base import Gateway
from conformance.reference.storage.call import Call
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.faults import Fault

PREFIX = "x-amz-checksum-"
NOT_ALGORITHMS = {PREFIX + "algorithm", PREFIX + "mode", PREFIX + "type"}


def from_base64(text: str, size: int) -> bytes | None:
    """Decode strict base64; None if it is malformed or has another size."""
    try:
        found = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == size else None


def checksum(algorithm: str, data: bytes) -> str:
    """Return the checksum in base64."""
    return base64.b64encode(ALGORITHMS[algorithm][0](data)).decode()


class Digests(Gateway):
    """Verifies stated digests before anything is stored."""

    def check_digests(self, call: Call) -> str:
        """Verify Content-MD5 and return the payload's MD5 in hexadecimal."""
        computed = hashlib.md5(call.body).digest()
        header = call.headers.get("content-md5")
        if header is not None:
            stated = from_base64(header, 16)
            if stated is None:
                raise Fault("InvalidDigest")
            if not self.md5_matches(stated, computed):
                raise Fault("BadDigest")
        return computed.hex()

    def md5_matches(self, stated: bytes, computed: bytes) -> bool:
        return stated == computed

    def stated_checksum(self, call: Call) -> tuple[str, str] | None:
        """Return the one checksum of headers or trailers: algorithm and base64."""
        stated = [(name, call.headers[name]) for name in call.headers if name.startswith(PREFIX)]
        stated += [(name, value) for name, value in call.trailers.items() if name.startswith(PREFIX)]
        stated = [(name.removeprefix(PREFIX), value) for name, value in stated if name not in NOT_ALGORITHMS]
        if len(stated) > 1:
            raise Fault("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple are not allowed.")
        if stated and stated[0][0] not in ALGORITHMS:
            raise Fault("InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")
        announced = call.headers.get("x-amz-sdk-checksum-algorithm", "").lower()
        if announced and (not stated or stated[0][0] != announced):
            raise Fault(
                "InvalidRequest",
                "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                "x-amz-checksum-* or x-amz-trailer headers were found.",
            )
        return stated[0] if stated else None

    def check_checksum(self, call: Call) -> dict[str, str]:
        """Verify the stated checksum and return it by algorithm; {} without one."""
        stated = self.stated_checksum(call)
        if stated is None:
            return {}
        algorithm, value = stated
        if from_base64(value, ALGORITHMS[algorithm][1]) is None:
            raise Fault("InvalidRequest", f"Value for x-amz-checksum-{algorithm} header is invalid.")
        if not self.checksum_matches(algorithm, value, call.body):
            raise Fault("BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")
        return {algorithm: value}

    def checksum_matches(self, algorithm: str, value: str, body: bytes) -> bool:
        return checksum(algorithm, body) == value

    def requested_algorithm(self, call: Call) -> str | None:
        given = call.headers.get("x-amz-checksum-algorithm")
        if given is None:
            return None
        if given.lower() not in ALGORITHMS:
            raise Fault("InvalidRequest", "Checksum algorithm provided is unsupported.")
        return given.lower()

    def check_integrity(self, call: Call) -> None:
        """Verify the digests of a document, which must have one unless its payload is signed."""
        self.check_digests(call)
        found = self.check_checksum(call)
        if not found and "content-md5" not in call.headers and not call.payload_is_signed:
            raise Fault("InvalidRequest", "Missing required header for this request: Content-MD5")
