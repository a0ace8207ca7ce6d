"""The HTTP client sends exactly the given bytes, and a hostile server costs bounded time and memory."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients.http import HttpClient, Limits, followed, on_one_host, on_requested_origin
from conformance.clients.transport.errors import BrokenOff
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.transport.retry_after import retry_after
from conformance.evidence.recorded_responses import RecordedResponses
from conformance.evidence.recorder import BROKEN_OFF, Recorder
from conformance.vocabulary.exchange import CUT_OFF
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NotConnected, Unreachable
from conformance.vocabulary.values import AGENT
from tests.clients.servers import Listening, refusing

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted(Listening):
    """A server that answers each connection's first request with given bytes, in pieces, and keeps what it got."""

    def __init__(self, *answers: Callable[[socket.socket], None] | bytes) -> None:
        self.answers = list(answers)
        self.received: list[bytes] = []
        super().__init__()

    def answer(self, connection: socket.socket) -> None:
        self.received.append(connection.recv(65536))
        answer = self.answers.pop(0) if self.answers else OK
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)


@pytest.fixture
def serve() -> Iterator[Callable[..., Scripted]]:
    servers: list[Scripted] = []

    def start(*answers: Callable[[socket.socket], None] | bytes) -> Scripted:
        servers.append(Scripted(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def client_of(server: Scripted, **limits: Any) -> HttpClient:
    return HttpClient(
        server.url,
        Recorder(),
        Limits(connect_s=30, answer_s=limits.pop("answer_s", 30), answer_bytes=1_000_000, **limits),
    )


def test_path_and_query_are_sent_unchanged(serve: Callable[..., Scripted]) -> None:
    server = serve()
    client_of(server).get("/a/../b//c%2F%zz/./?x=%41&y=a b".replace(" ", "+"))
    assert server.received[0].startswith(b"GET /a/../b//c%2F%zz/./?x=%41&y=a+b HTTP/1.1\r\n")


def test_no_header_is_added(serve: Callable[..., Scripted]) -> None:
    server = serve()
    client_of(server).get("/", [("X-Two", "1"), ("X-Two", "2"), ("X-Bytes", b"\xff")])
    head = server.received[0].split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    names = [line.split(b":")[0].lower() for line in head]
    assert names == [b"host", b"x-two", b"x-two", b"x-bytes", b"user-agent", b"accept-encoding"]


def test_an_entity_tag_is_sent_back_unchanged(serve: Callable[..., Scripted]) -> None:
    server = serve(b'HTTP/1.1 200 OK\r\nETag: "\xc3\xa9\xff"\r\nContent-Length: 0\r\n\r\n')
    etag = str(client_of(server).get("/").headers.get("etag"))
    for value, sent in ((etag, b'"\xc3\xa9\xff"'), ('"€"', b'"\xe2\x82\xac"')):
        client_of(server).get("/", [("If-Match", value)])
        assert b"If-Match: " + sent + b"\r\n" in server.received[-1]


def test_user_agent_and_accept_encoding_have_defaults(serve: Callable[..., Scripted]) -> None:
    server = serve()
    client_of(server).get("/")
    client_of(server).get("/", [("user-agent", "another/1"), ("ACCEPT-ENCODING", "gzip")])
    assert [line for line in server.received[0].split(b"\r\n") if line.startswith((b"User", b"Accept"))] == [
        b"User-Agent: " + AGENT.encode(), b"Accept-Encoding: identity"
    ]  # fmt: skip
    assert server.received[1].count(b"user-agent: another/1") == 1 == server.received[1].count(b"ACCEPT-ENCODING: gzip")
    assert b"Agent" not in server.received[1] and b"identity" not in server.received[1]


def zipped(content: bytes, coding: str = "gzip") -> bytes:
    body = gzip.compress(content, mtime=0)
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        coding.encode(),
        len(body),
        body,
    )


@pytest.mark.parametrize(
    ("answer", "fields", "decoded"),
    [
        (zipped(b"{}"), [], True), (zipped(b"{}", "X-GZIP"), [], True), (zipped(b"{}", "br"), [], False),
        (zipped(b"{}"), [("Accept-Encoding", "gzip")], False),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", [], False),
    ],
    ids=["gzip", "by-its-old-name", "another", "asked-for", "none"],
)  # fmt: skip
def test_unrequested_gzip_is_decoded_for_readers(
    serve: Callable[..., Scripted], answer: bytes, fields: list[tuple[str, str | bytes]], decoded: bool
) -> None:
    plain = client_of(serve(answer)).get("/", fields)
    read = client_of(serve(answer)).readable().get("/", fields)
    assert plain.body == answer.partition(b"\r\n\r\n")[2]
    assert read.body == (gzip.decompress(plain.body) if decoded else plain.body)


def test_a_gzip_bomb_is_beyond_the_limits(serve: Callable[..., Scripted]) -> None:
    client = client_of(serve(zipped(b"\0" * 2_000_000))).readable()
    with pytest.raises(Unreachable, match="larger than 1000000 bytes without its gzip"):
        client.get("/")
    assert client.recorder.entries[-1]["status"] == 200


def test_a_connection_closed_without_an_answer_is_a_finding(serve: Callable[..., Scripted]) -> None:
    client = client_of(serve(lambda connection: None))
    with pytest.raises(NoAnswer) as finding:
        client.get("/x")
    assert "closed" in finding.value.observed
    assert client.recorder.entries[-1]["error"]
    assert client.recorder.events[CUT_OFF] == 1


def test_a_refused_connection_is_inconclusive() -> None:
    with refusing() as url, pytest.raises(NotConnected) as told:
        client = HttpClient(url, Recorder())
        client.get("/")
    assert told.value.exchange_ids == [client.recorder.entries[-1]["id"]]


def test_an_answer_beyond_the_limit_is_inconclusive_in_bounded_memory(serve: Callable[..., Scripted]) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    client = client_of(serve(flood))
    with pytest.raises(Unreachable, match="is larger than 1000000 bytes"):
        client.get("/")
    assert client.recorder.entries[-1]["response_body"]["size"] <= 65536


LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"


def test_a_429_is_waited_for_twice(serve: Callable[..., Scripted]) -> None:
    client = client_of(serve(LIMITED, OK))
    assert client.get("/").status == 200
    assert [entry["status"] for entry in client.recorder.entries] == [429, 200]
    with pytest.raises(Inconclusive, match="429") as told:
        client_of(serve(LIMITED, LIMITED, LIMITED)).get("/")
    assert told.value.needs == "a higher rate limit, or a lower rate in the target file"


SLOWER = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 37\r\n\r\n<Error><Code>SlowDown</Code>.</Error>"


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", [503, 200]),
        (SLOWER, [503, 200]),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 32\r\n\r\nPlease reduce your request rate.", [503, 200]),
        (b"HTTP/1.1 503 Broken\r\nContent-Length: 0\r\n\r\n", [503]),
    ],
    ids=["tells when", "S3 tells to slow down", "S3 tells so otherwise", "is broken"],
)
def test_a_503_that_asks_to_wait_is_repeated(serve: Callable[..., Scripted], answer: bytes, seen: list[int]) -> None:
    client = client_of(serve(answer, OK), patience_s=0.01)
    assert client.get("/").status == seen[-1]
    assert [entry["status"] for entry in client.recorder.entries] == seen


BUSY = b"<Error><Code>SlowDown</Code><Message>.</Message></Error>"
WITHIN_200 = b"HTTP/1.1 200 OK\r\nRetry-After: 0\r\nContent-Length: %d\r\n\r\n%s" % (len(BUSY), BUSY)


@pytest.mark.parametrize(("method", "seen"), [("PUT", [200, 200]), ("POST", [200, 200]), ("GET", [200])])
def test_an_error_within_200_that_asks_to_wait_is_repeated(
    serve: Callable[..., Scripted], method: str, seen: list[int]
) -> None:
    client = client_of(serve(WITHIN_200, OK))
    assert (client.send(method, "/").body == BUSY) == (len(seen) == 1), "what is read may be such a text"
    assert [entry["status"] for entry in client.recorder.entries] == seen


def test_a_body_in_parts_is_repeated_whole(serve: Callable[..., Scripted]) -> None:
    assert client_of(serve(LIMITED, OK)).send("POST", "/", (), [b"one", b"two"]).status == 200
    client = client_of(serve(LIMITED, LIMITED, OK))
    with pytest.raises(Inconclusive, match=r"429, and its body cannot be sent again"):
        client.send("POST", "/", (), iter([b"one", b"two"]))
    assert client.get("/").status == 200, "where none was waited for, none was waited for in vain"


def test_an_aborted_request_is_recorded(serve: Callable[..., Scripted]) -> None:
    def half() -> Iterator[bytes]:
        yield b"hal"
        raise BrokenOff

    client = client_of(serve())
    with pytest.raises(BrokenOff):
        client.send("PUT", "/", [("Content-Length", "6")], half())
    (entry,) = client.recorder.entries
    assert (entry["status"], entry["error_type"], "broken off" in entry["error"]) == (0, BROKEN_OFF, True)
    client.recorder.recording = recording = RecordedResponses([{**entry, "check": "first"}], client.recorder.redactor)
    recording.begin("first")
    with pytest.raises(BrokenOff):
        client.send("PUT", "/", [("Content-Length", "6")], half())


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(OK + b"<More/>", NoAnswer), (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200, Unreachable), (b"220\r\n", NoAnswer)],
    ids=["Excess", "Overrun", "RemoteProtocolError"],
)
def test_a_recorded_failure_is_replayed(
    serve: Callable[..., Scripted], answer: bytes, failure: type[Exception]
) -> None:
    client = client_of(serve(answer))
    client.limits.answer_bytes = 100
    with pytest.raises(failure) as first:
        client.get("/")
    client.recorder.recording = recording = RecordedResponses(
        [{**entry, "check": "first"} for entry in client.recorder.entries], client.recorder.redactor
    )
    recording.begin("first")
    with pytest.raises(failure) as again:
        client.get("/")
    assert str(again.value) == str(first.value)


@pytest.mark.parametrize("patient", [True, False])
def test_a_429_to_a_raw_request_is_waited_for(serve: Callable[..., Scripted], patient: bool) -> None:
    """RFC 6585 section 4: any request may be answered so, the ones that no library would send among them."""
    client = client_of(serve(LIMITED, OK))
    reply = Wire(client if patient else client.impatient()).send(b"HEAD / HTTP/1.1\r\nHost: h", bare=True)
    assert reply.status == (200 if patient else 429)


@pytest.mark.parametrize(
    "target",
    ["http://[::1", "http://[zz]/", "file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "http://:x/",
     "http:///x", "/a b", "/\x1b[31m", "/\u00e9", "/\ud800", "http://" + "a" * 300 + "/"],
)  # fmt: skip
def test_an_unusable_address_is_reported_in_a_sentence(serve: Callable[..., Scripted], target: str) -> None:
    with pytest.raises(Inconclusive) as told:
        client_of(serve()).get(target)
    assert len(told.value.why) < 800


@pytest.mark.parametrize("value", [b"\xb2", b"9" * 5000, b"-1", b"never"])
def test_malformed_numbers_are_tolerated(serve: Callable[..., Scripted], value: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nRetry-After: %s\r\nContent-Length: 2\r\n\r\nok"
    assert retry_after(client_of(serve(answer % value)).get("/")) == 1.0
    wire = Wire(client_of(serve(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nok" % value)))
    assert wire.send(b"GET / HTTP/1.1\r\nHost: a.example").body == b"ok"


@pytest.mark.parametrize(
    ("base", "given", "asked"),
    [
        ("https://r.example", "http://r.example/v2/x?y=1", "https://r.example/v2/x?y=1"),
        ("https://r.example", "http://R.example:80", "https://r.example"),
        ("https://r.example:8443", "http://r.example:8443/x", "https://r.example:8443/x"),
        ("https://r.example:8443", "http://r.example/x", "http://r.example/x"),
        ("https://r.example", "http://r.example:8080/x", "http://r.example:8080/x"),
        ("https://r.example", "http://other.example/x", "http://other.example/x"),
        ("https://r.example", "http://r.example:99999/x", "http://r.example:99999/x"),
        ("https://r.example", "http://[r.example/x", "http://[r.example/x"),
        ("http://r.example", "http://r.example/x", "http://r.example/x"),
        ("https://r.example", "", ""),
        ("https://r.example", "https://R.Example/X", "https://r.example/X"),
        ("https://r.example", "https://r.example:443/x?y", "https://r.example/x?y"),
        ("http://r.example:5000", "HTTP://R.EXAMPLE:5000/x", "http://r.example:5000/x"),
        ("https://r.example", "https://r.example:8443/x", "https://r.example:8443/x"),
        ("https://r.example", "https://r.example@other.example/x", "https://r.example@other.example/x"),
    ],
)
def test_an_address_of_the_same_host_uses_its_spelling_and_tls(base: str, given: str, asked: str) -> None:
    assert on_requested_origin(given, base) == asked
    assert on_one_host(asked, base) == (asked.startswith(f"{base}/") or asked == base)


@pytest.mark.parametrize(
    ("field", "asked"),
    [(b"Location: /b", 11), (b"Location: http://other.invalid/b", 1), (b"Location:", 1), (b"X-Location: /b", 1)],
    ids=["on its host, without end", "elsewhere", "to nowhere", "without an address"],
)
def test_redirects_on_the_same_host_are_followed_ten_times(
    serve: Callable[..., Scripted], field: bytes, asked: int
) -> None:
    client = client_of(serve(*[b"HTTP/1.1 302 Found\r\n" + field + b"\r\nContent-Length: 0\r\n\r\n"] * 12))
    followed(client.get("/a"), client.get, on_one_host)
    assert len(client.recorder.entries) == asked


def test_safe_requests_are_repeated_once_after_a_gateway_error(
    serve: Callable[..., Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.clients.http.DEFAULT_WAIT_S", 0)
    statuses = (502, 200, 504, 503, 503, 200, 502)
    client = client_of(serve(*[b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % each for each in statuses])).retrying()
    # What was in vain is not tried again before another answer has come.
    asked = [client.get("/"), client.get("/"), client.get("/"), client.get("/"), client.send("POST", "/")]
    assert [each.status for each in asked] == [200, 503, 503, 200, 502]
