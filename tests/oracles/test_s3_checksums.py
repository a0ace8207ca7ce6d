"""Checksums are right by their type."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_checksums import COMPOSITE, FULL, ReportedChecksum, expect_checksum
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply

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
