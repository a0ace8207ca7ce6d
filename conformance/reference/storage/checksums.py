"""The checksums of the S3 API: CRC-32, CRC-32C, CRC-64/NVME, SHA-1 and SHA-256, without native helpers.

The two CRCs that the standard library lacks are computed by folding: a message is a polynomial over GF(2). Its first
half, n places further on, is congruent to that half times x^n mod P, and products with a short polynomial are a few
shifts of one big integer. Sixteen mebibytes take a fraction of a second.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import lru_cache

_SHORT = 512  # bytes below which the table is faster than folding


class ReflectedCrc:
    """A reflected CRC that begins with all ones and is inverted at the end.

    ``polynomial`` is the reflected polynomial of ``width`` bits, without the highest power.
    """

    def __init__(self, width: int, polynomial: int) -> None:
        self.width, self.polynomial = width, polynomial
        self.ones = (1 << width) - 1
        self.table = [self._shifted(byte, 8) for byte in range(256)]

    def _shifted(self, value: int, places: int) -> int:
        for _ in range(places):
            value = (value >> 1) ^ (self.polynomial if value & 1 else 0)
        return value

    def _product(self, first: int, second: int) -> int:
        """Return the product of two remainders, modulo the polynomial."""
        total = 0
        for _ in range(self.width):
            if second & (self.ones ^ (self.ones >> 1)):
                total ^= first
            first, second = self._shifted(first, 1), (second << 1) & self.ones
        return total

    def power(self, exponent: int) -> int:
        """Return x to that power, modulo the polynomial, reflected."""
        result, square = 1 << (self.width - 1), 1 << (self.width - 2)
        while exponent:
            if exponent & 1:
                result = self._product(result, square)
            square, exponent = self._product(square, square), exponent >> 1
        return result

    def _folded(self, message: int, size: int) -> bytes:
        """Return an equivalent short message for one of ``size`` bytes in little-endian order."""
        while size > _SHORT:
            head = (size - self.width // 8) // 2
            rest = size - head
            factor, first = self.power(rest * 8), message & ((1 << head * 8) - 1)
            product = 0
            for bit in range(self.width):
                if factor >> bit & 1:
                    product ^= first << bit
            message = (message >> head * 8) ^ (product << (rest - head) * 8 - self.width + 1)
            size = rest
        return message.to_bytes(size, "little")

    def __call__(self, data: bytes) -> bytes:
        """Return the checksum in big-endian order."""
        remainder = self.ones
        if len(data) > _SHORT:
            data, remainder = self._folded(int.from_bytes(data, "little") ^ self.ones, len(data)), 0
        for byte in data:
            remainder = (remainder >> 8) ^ self.table[(remainder ^ byte) & 0xFF]
        return (remainder ^ self.ones).to_bytes(self.width // 8, "big")


@lru_cache(maxsize=2)
def reflected(width: int, polynomial: int) -> ReflectedCrc:
    """Return the CRC with its table, made at the first call."""
    return ReflectedCrc(width, polynomial)


def crc32(data: bytes) -> bytes:
    """Return the CRC-32 (ISO 3309)."""
    return zlib.crc32(data).to_bytes(4, "big")


def crc32c(data: bytes) -> bytes:
    """Return the CRC-32C (Castagnoli, RFC 3720 appendix B.4)."""
    return reflected(32, 0x82F63B78)(data)


def crc64nvme(data: bytes) -> bytes:
    """Return the CRC-64/NVME (NVM Express Command Set Specification)."""
    return reflected(64, 0x9A6C9329AC4BC9B5)(data)


def sha1(data: bytes) -> bytes:
    """Return the SHA-1."""
    return hashlib.sha1(data).digest()


def sha256(data: bytes) -> bytes:
    """Return the SHA-256."""
    return hashlib.sha256(data).digest()


ALGORITHMS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "crc32": (crc32, 4),
    "crc32c": (crc32c, 4),
    "crc64nvme": (crc64nvme, 8),
    "sha1": (sha1, 20),
    "sha256": (sha256, 32),
}
