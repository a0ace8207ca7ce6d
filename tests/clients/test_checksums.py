"""The checksums against published check values."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import crc32, crc32c, crc64nvme

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(crc32(CHECK), "cbf43926", id="crc32"),
        pytest.param(crc32c(CHECK), "e3069283", id="crc32c"),
        pytest.param(crc64nvme(CHECK), "ae8b14860a799888", id="crc64nvme"),
    ],
)
def test_check_value(value: bytes, expected: str) -> None:
    assert value.hex() == expected
