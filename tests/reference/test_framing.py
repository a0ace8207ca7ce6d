"""However answers are framed, who reads them by the standard reads the same."""

from __future__ import annotations

import itertools

import h11
import pytest
from starlette.datastructures import Headers

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from tests.variants import framing

EVERY = [way for way, _ in framing.WAYS] + [framing.in_a_large_head, framing.behind_100s]
LARGEST_HEAD = 100 * 1024
BODY = b'{"a": 1}'


def asked(method: str = "GET") -> Request:
    return Request(method, "/", "", Headers({}), b"")


def answered(status: int = 200, body: bytes = BODY) -> Answer:
    answer = Answer(status, body)
    answer.headers["Content-Type"] = "application/json"
    answer.headers["ETag"] = '"1"'
    return answer


def read(wire: bytes, method: str) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Status, body and fields of an answer behind which the connection ends."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    http.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    http.send(h11.EndOfMessage())
    http.receive_data(wire)
    http.receive_data(b"")
    body, status, fields = b"", 0, dict[bytes, bytes]()
    while not isinstance(event := http.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status, fields = event.status_code, dict(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
    assert not http.trailing_data[0]
    return status, body, fields


@pytest.mark.parametrize("way", EVERY)
@pytest.mark.parametrize(
    ("method", "status", "body", "expected"),
    [
        ("GET", 200, BODY, BODY),
        ("POST", 400, b"", b""),
        ("HEAD", 200, b"", b""),
        ("DELETE", 204, b"", b""),
        ("GET", 304, b"", b""),
    ],
)
def test_each_way_is_read_alike(way: framing.Way, method: str, status: int, body: bytes, expected: bytes) -> None:
    told = read(way(asked(method), answered(status, body)), method)
    assert told[:2] == (status, expected)
    assert (told[2][b"content-type"], told[2][b"etag"]) == (b"application/json", b'"1"')


@pytest.mark.parametrize("way", EVERY)
def test_a_head_tells_the_length_that_the_surface_does(way: framing.Way) -> None:
    answer = answered(body=b"")
    answer.headers["Content-Length"] = "70"
    assert read(way(asked("HEAD"), answer), "HEAD")[2][b"content-length"] == b"70"


@pytest.mark.parametrize(
    "variant", [framing.IdentityFramedInEveryWay, framing.RegistryFramedInEveryWay, framing.StorageFramedInEveryWay]
)
def test_each_answer_comes_in_another_way(variant: type[Variant]) -> None:
    front = variant()
    answers = [front.rewrite(asked(), answered()) for _ in range(framing.SELDOM)]
    assert {each.closes for each in answers} == {True, False}
    assert all(one.wire != other.wire for one, other in itertools.pairwise(answers))
    assert max(len(each.wire) for each in answers) > framing.LARGE


def test_objects_keep_their_length_and_hints_are_not_for_the_sdk() -> None:
    front = framing.StorageFramedInEveryWay()
    for _ in framing.WAYS:
        wire = front.rewrite(asked(), answered()).wire
        assert b"content-length:" in wire.lower() and b" 103 " not in wire
