"""A standard client reads the same answer in every framing of the variants."""

from __future__ import annotations

import h11
import pytest
from starlette.datastructures import Headers

from conformance.reference.http import Answer, Request
from tests.variants import framing

EVERY = [way for way, _ in framing.WAYS] + [framing.in_a_large_head, framing.after_100_continue]
LARGEST_HEAD = 100 * 1024
BODY = b'{"a": 1}'


def request(method: str = "GET") -> Request:
    return Request(method, "/", "", Headers({}), b"")


def reply(status: int = 200, body: bytes = BODY) -> Answer:
    answer = Answer(status, body)
    answer.headers["Content-Type"] = "application/json"
    answer.headers["ETag"] = '"1"'
    return answer


def parsed(wire: bytes, method: str) -> tuple[int, bytes, dict[bytes, bytes]]:
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
def test_every_framing_means_the_same(way: framing.Way, method: str, status: int, body: bytes, expected: bytes) -> None:
    found = parsed(way(request(method), reply(status, body)), method)
    assert found[:2] == (status, expected)
    assert (found[2][b"content-type"], found[2][b"etag"]) == (b"application/json", b'"1"')


@pytest.mark.parametrize("way", EVERY)
def test_the_answer_to_head_states_the_length(way: framing.Way) -> None:
    answer = reply(body=b"")
    answer.headers["Content-Length"] = "70"
    assert parsed(way(request("HEAD"), answer), "HEAD")[2][b"content-length"] == b"70"
