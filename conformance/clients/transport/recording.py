"""A transport that records each exchange, or answers from stored exchanges when evidence is judged again.

It reads each response to its end, within the limits in the request's extensions.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from conformance.clients.transport.errors import Overrun, overrun, stored_failure
from conformance.clients.transport.serialization import Body, text_fields
from conformance.evidence.recorded_responses import Stored
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import NOT_ENDED, Exchange, Headers
from conformance.vocabulary.values import unzipping

RECORDED_OF_STREAM = 64 * 1024
MOST_UNZIPPED = 4 * 1024 * 1024
"""The limit of a decompressed body, in bytes: documents are far smaller, gzip bombs larger."""
ZIPPED = ("gzip", "x-gzip")
SENT_AGAIN = "requests sent again, since a kept connection ended in the moment of its reuse"


@dataclass
class Reading:
    """How to read a response: the client's name in the evidence, and limits in seconds and bytes.

    ``sink`` takes the parts of a body of any size. ``unzips`` removes gzip that the request did not accept, and
    ``has_unzipped`` is then set.
    """

    label: str
    answer_s: float
    answer_bytes: int
    sink: Callable[[bytes], object] | None = None
    unzips: bool = False
    has_unzipped: bool = False


class ReadResponse(httpx.Response):
    """A response without its body, which is in the exchange.

    httpx responses refer to themselves, so a body in one would stay in memory until garbage collection.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.status, stream=httpx.ByteStream(b""))

    @property
    def has_redirect_location(self) -> bool:
        """False: httpx would otherwise build the next request, and reject a malformed Location."""
        return False


class Recording(httpx.BaseTransport):
    """Records the exchanges of another transport."""

    def __init__(self, network: httpx.BaseTransport, recorder: Recorder) -> None:
        self._network, self._recorder = network, recorder

    def handle_request(self, request: httpx.Request) -> ReadResponse:
        """Send one request and read the response. The request extension ``exchange`` is the recorded exchange."""
        reading: Reading = request.extensions["reading"]
        sent = request.extensions["exchange"] = self._unanswered(request)
        stored = self._recorder.stored(sent, reading.label)
        if stored is not None:
            return self._stored(request, stored)
        begun = time.perf_counter()
        try:
            exchange = self._received(request, sent, reading, begun)
        except httpx.TransportError as failure:
            self._failed(sent, failure, reading, time.perf_counter() - begun)
            raise
        request.extensions["exchange"] = exchange
        self._recorder.exchange(exchange, reading.label)
        return ReadResponse(exchange)

    def close(self) -> None:
        """Close the other transport."""
        self._network.close()

    def _unanswered(self, request: httpx.Request) -> Exchange:
        body = request.stream.recorded if isinstance(request.stream, Body) else b""
        fields, url = text_fields(request.headers.raw), request.extensions["url"]
        return Exchange(
            self._recorder.next_id(), request.method, url, fields, body, 0, Headers(), b"", time.time(), 0.0
        )

    def _stored(self, request: httpx.Request, stored: Stored) -> ReadResponse:
        request.extensions["exchange"] = stored.exchange
        if stored.error is not None:
            raise stored_failure(stored.error_type, stored.error)
        return ReadResponse(stored.exchange)

    def _failed(self, sent: Exchange, failure: httpx.TransportError, reading: Reading, duration_s: float) -> None:
        if isinstance(failure, Overrun):
            sent = replace(sent, status=failure.status, body=failure.beginning)
        kind = type(failure).__name__
        message = self._recorder.redactor.text(str(failure)) or kind
        self._recorder.failed_request(replace(sent, duration_s=duration_s), message, reading.label, kind)

    def _received(self, request: httpx.Request, sent: Exchange, reading: Reading, begun: float) -> Exchange:
        response = self._network.handle_request(request)
        if response.extensions.get("sent_again"):
            self._recorder.event(SENT_AGAIN)
        with contextlib.closing(response):
            body = _body(response, reading, begun)
        headers = text_fields(response.headers.raw)
        return replace(
            sent,
            status=response.status_code,
            headers=headers,
            body=_plain(sent, response.status_code, headers, body, reading),
            duration_s=time.perf_counter() - begun,
        )


def _body(response: httpx.Response, reading: Reading, begun: float) -> bytes:
    """Return the body, or its beginning if it goes into a sink."""
    # Closed at once: a stored exception would otherwise keep the whole body in memory.
    with io.BytesIO() as buffer:
        try:
            _read_into(buffer, response, reading, begun)
        except httpx.ReadTimeout as late:
            so_far = f"after {buffer.tell()} bytes of a body {NOT_ENDED}" if buffer.tell() else ""
            raise httpx.ReadTimeout(f"{late} {so_far}".rstrip()) from None
        return buffer.getvalue()


def _read_into(buffer: io.BytesIO, response: httpx.Response, reading: Reading, begun: float) -> None:
    size = 0
    # The body of an error response is not the requested content.
    sink = reading.sink if 200 <= response.status_code < 300 else None
    body = response.stream
    assert isinstance(body, httpx.SyncByteStream)  # noqa: S101  # as transports promise
    if sink is not None and hasattr(body, "limit_each_read"):
        body.limit_each_read()
    for part in body:
        size += len(part)
        if sink is not None:
            sink(part)
            part = part[: max(0, RECORDED_OF_STREAM - buffer.tell())]
        buffer.write(part)
        # A body for a sink has a time limit for each part only.
        seconds = time.perf_counter() - begun
        if excess := "" if sink else overrun(size, seconds, reading.answer_bytes, reading.answer_s):
            raise Overrun(f"the answer {excess}", response.status_code, buffer.getvalue()[:RECORDED_OF_STREAM])


def _plain(sent: Exchange, status: int, headers: Headers, body: bytes, reading: Reading) -> bytes:
    zipped = (headers.get("content-encoding") or "").strip().lower() in ZIPPED
    if not (reading.unzips and zipped and sent.request_headers.get("accept-encoding") == "identity"):
        return body
    limit = min(reading.answer_bytes, MOST_UNZIPPED)
    plain, _, more = unzipping(body, limit)
    if plain is not None and more and len(plain) >= limit:
        raise Overrun(f"the answer is larger than {limit} bytes without its gzip", status, body[:RECORDED_OF_STREAM])
    reading.has_unzipped |= plain is not None
    return body if plain is None else plain
