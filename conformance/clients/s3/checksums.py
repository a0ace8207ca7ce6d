"""The checksums of bodies in S3 header fields."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from functools import cache

from conformance.clients.s3.bodies import content_md5

CASTAGNOLI = 0x82F63B78
NVME = 0x9A6C9329AC4BC9B5


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    """Return the lookup table of a reflected CRC."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _crc(data: bytes, polynomial: int, width: int) -> bytes:
    table, ones = _table(polynomial), (1 << width) - 1
    value = ones
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return (value ^ ones).to_bytes(width // 8, "big")


def crc32(data: bytes) -> bytes:
    """CRC-32 (ISO 3309)."""
    return zlib.crc32(data).to_bytes(4, "big")


def crc32c(data: bytes) -> bytes:
    """CRC-32C, Castagnoli (RFC 3720 appendix B.4); slow, for small bodies."""
    return _crc(data, CASTAGNOLI, 32)


def crc64nvme(data: bytes) -> bytes:
    """CRC-64/NVME; slow, for small bodies."""
    return _crc(data, NVME, 64)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).digest()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": crc32,
    "crc32c": crc32c,
    "crc64nvme": crc64nvme,
    "sha1": _sha1,
    "sha256": _sha256,
}


def checksum_field(algorithm: str, body: bytes) -> tuple[str, str]:
    """Return the header field with a body's checksum."""
    return f"x-amz-checksum-{algorithm}", base64.b64encode(ALGORITHMS[algorithm](body)).decode()


__all__ = ["ALGORITHMS", "checksum_field", "content_md5", "crc32", "crc32c", "crc64nvme"]
