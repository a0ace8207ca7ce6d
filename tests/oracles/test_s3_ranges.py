"""Parts that an answer names: one, or several between boundaries."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_ranges import expect_named_parts
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply

WHOLE = b"0123456789"
ONE = b"--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
OTHER = b"--b \r\ncontent-range:bytes 8-9/10\r\n\r\n89\r\n"
END = b"--b--\r\n"


def several(body: bytes, content_type: str = "multipart/byteranges; boundary=b") -> Exchange:
    """An answer in parts."""
    return reply(206, body, content_type=content_type)


def test_one_part_is_what_it_is_named() -> None:
    expect_named_parts(reply(206, b"234", content_range="bytes 2-4/10"), WHOLE)
    for wrong in (
        reply(206, b"234", content_range="bytes 3-5/10"),
        reply(206, b"", content_range="bytes 2-4/10"),
        reply(206, b"234"),
    ):
        with pytest.raises(NonConformance):
            expect_named_parts(wrong, WHOLE)


@pytest.mark.parametrize("body", [ONE + OTHER + END, OTHER + ONE + END, b"preamble\r\n" + ONE + END + b"epilogue"])
def test_parts_are_what_each_is_named(body: bytes) -> None:
    expect_named_parts(several(body), WHOLE)
    expect_named_parts(several(body, 'Multipart/ByteRanges; charset=x; Boundary="b"'), WHOLE)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(ONE.replace(b"01\r", b"89\r") + OTHER + END, id="of-another-place"),
        pytest.param(ONE + OTHER.replace(b"content-range", b"x-range") + END, id="without-a-name"),
        pytest.param(ONE + OTHER.replace(b"89\r", b"8\r") + END, id="cut"),
        pytest.param(ONE + OTHER, id="without-an-end"),
        pytest.param(END, id="no-parts"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_parts_that_are_others_are_found(body: bytes) -> None:
    with pytest.raises(NonConformance):
        expect_named_parts(several(body), WHOLE)


def test_parts_without_a_boundary_are_none() -> None:
    with pytest.raises(NonConformance, match="between its boundaries"):
        expect_named_parts(several(ONE + END, "multipart/byteranges"), WHOLE)
