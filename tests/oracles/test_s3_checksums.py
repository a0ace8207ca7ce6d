"""Checksums are right by their type."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_checksums import COMPOSITE, FULL, ReportedChecksum, expect_checksum, in_document, in_headers
from conformance.vocabulary.finding import NonConformance
from tests.oracles.s3_replies import reply

RIGHT = {FULL: "AAAA", COMPOSITE: "BBBB-2"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [("", ""), ("AAAA", FULL), ("BBBB-2", COMPOSITE), ("BBBB", COMPOSITE), ("AAAA", ""), ("BBBB-2", ""), ("", "ODD")],
)
def test_right_checksum(value: str, kind: str) -> None:
    expect_checksum(ReportedChecksum(reply(), value, kind), RIGHT)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("BBBB-2", FULL, "AAAA of type FULL_OBJECT"),
        ("AAAA-2", COMPOSITE, "BBBB-2 of type COMPOSITE"),
        ("BBBB-3", COMPOSITE, "BBBB-2"),
        ("AAAA-2", FULL, "AAAA"),
        ("CCCC", "", "AAAA or BBBB-2"),
        ("AAAA", "ODD", "COMPOSITE or FULL_OBJECT"),
    ],
)
def test_wrong_checksum(value: str, kind: str, said: str) -> None:
    with pytest.raises(NonConformance, match=said):
        expect_checksum(ReportedChecksum(reply(), value, kind), RIGHT)


def test_checksum_is_read_from_headers_and_documents() -> None:
    headers = in_headers(reply(x_amz_checksum_crc32="AAAA", x_amz_checksum_type=FULL), "crc32")
    document = reply(body="<R><ChecksumCRC32>AAAA</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></R>")

    assert (headers.value, headers.kind) == ("AAAA", FULL)
    told = in_document(document, "R", "crc32")
    assert (told.value, told.kind) == ("AAAA", FULL)
    nothing = in_headers(reply(), "crc32")
    assert (nothing.value, nothing.kind) == ("", "")
