"""The fields that tell of an object: one that has not its form is told, and none of what may be."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.object_fields import MISSHAPEN, misshapen
from conformance.vocabulary.exchange import Exchange, Headers


def told(name: str, value: str, path: str = "/bucket/key", status: int = 200) -> str:
    field = Headers([(name, value)])
    return misshapen(Exchange("x-1", "GET", "http://h", Headers([]), b"", status, field, b"", 0.0, 0.0), path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32", "eMMTEQ=="),
        ("X-Amz-Checksum-CRC32", "eMMTEQ==-2 \t"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("x-amz-checksum-crc99", "of a product"),
        ("x-amz-checksum-type", "COMPOSITE"),
        ("x-amz-tagging-count", "0"),
        ("Last-Modified", "Mon, 30 Nov 2026 15:38:35 GMT"),
        ("x-amz-meta-last-modified", "yesterday"),
    ],
)
def test_what_has_its_form_is_not_told(name: str, value: str) -> None:
    assert not told(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32", ""),
        ("x-amz-checksum-crc32", "78c31311"),
        ("x-amz-checksum-crc64nvme", "eMMTEQ=="),
        ("x-amz-checksum-type", "full_object"),
        ("x-amz-mp-parts-count", "two"),
        ("last-modified", "2026-11-30T15:38:35Z"),
        ("last-modified", "Tue, 31 Feb 2026 15:38:35 GMT"),
    ],
)
def test_what_has_not_its_form_is_told_of_objects(name: str, value: str) -> None:
    assert told(name, value) == told(name, value, status=304) == f"{MISSHAPEN}{DETAIL}{name}: {value}"
    assert not told(name, value, status=404)
    assert not told(name, value, path="/bucket?list-type=2")
