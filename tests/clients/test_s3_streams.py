"""Large objects are compared in parts, with little memory."""

from __future__ import annotations

import tracemalloc

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import Keys
from conformance.clients.s3.streams import Comparison, Joined, Pattern, read_slowly
from conformance.evidence.recorder import Recorder
from tests.clients.servers import answering


def compared(content: Pattern | Joined, received: bytes, step: int) -> Comparison:
    comparison = Comparison(content)
    for place in range(0, len(received), step):
        comparison.take(received[place : place + step])
    return comparison


@pytest.mark.parametrize("step", [1000, 65536, 70_001, 10**6])
def test_a_downloaded_object_is_compared_in_any_parts(step: int) -> None:
    whole = b"".join(Pattern(150_000).parts())
    assert compared(Pattern(150_000), whole, step).equal
    assert not compared(Pattern(150_000), whole[:-1], step).equal
    assert not compared(Pattern(150_000), whole + b"x", step).equal
    torn = compared(Pattern(150_000), whole[:70_000] + b"\0\0\0\0\0\0\0\0" + whole[70_008:], step)
    assert not torn.equal
    assert torn.differs_at in range(70_000, 70_008)
    assert "the one at 7000" in str(torn)


def test_a_large_object_takes_little_memory() -> None:
    tracemalloc.start()
    comparison = Comparison(Pattern(64 * 1024 * 1024))
    for part in Pattern(64 * 1024 * 1024).parts():
        comparison.take(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert comparison.equal
    assert peak < 2 * 1024 * 1024


@pytest.mark.parametrize(("came", "equal"), [(b"abcdef", True), (b"abc", False)])
def test_another_request_is_sent_while_an_object_is_read_slowly(came: bytes, equal: bool) -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n" + came
    with answering(told, last=lambda connection: None) as (url, served):
        http, comparison = HttpClient(url, Recorder()), Comparison(Joined((b"abc", b"def")))
        bucket = Bucket(S3(http, Keys("AK", "the-secret-key")), "bucket")
        read, other = read_slowly(bucket, "key", lambda: http.get("/other"), [comparison])

    assert (read is not None, other.status, len(served)) == (equal, 200, 2)
    assert (comparison.received, comparison.differs_at, comparison.equal) == (len(came), None, equal)
