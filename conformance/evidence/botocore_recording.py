"""Records botocore's traffic: each attempt is an exchange, as with the suite's own client."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import Any

from conformance.evidence.recorded_responses import RecordedResponses
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import Exchange, Headers

LABEL = "boto3"
KEPT_STREAM = b""
ERROR_TYPES = {
    "ReadTimeoutError": "ReadTimeout",
    "ConnectTimeoutError": "ConnectTimeout",
    "EndpointConnectionError": "ConnectError",
}
"""The error types of the suite's own client for the same errors."""


class BotocoreRecording:
    """Wraps the HTTP session of boto3 clients. botocore sends requests sequentially in each thread."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def listen(self, client: Any) -> None:
        """Record the traffic of a client from now on."""
        session = client._endpoint.http_session
        original = session.send

        def send(request: Any) -> Any:
            started, clock = time.time(), time.perf_counter()
            if self.recorder.recording is not None:
                return self._recorded(self.recorder.recording, request, started)
            try:
                response = original(request)
            except Exception as failure:
                error = type(failure).__name__
                self.recorder.failed_request(self._sent(request, started), error, LABEL, ERROR_TYPES.get(error, ""))
                raise
            self._received(request, response, started, time.perf_counter() - clock)
            return response

        session.send = send

    def _recorded(self, recording: RecordedResponses, request: Any, started: float) -> Any:
        """Return the recorded response in the type of botocore's own transport."""
        from botocore.awsrequest import AWSResponse
        from urllib3 import HTTPHeaderDict, HTTPResponse

        stored = self.recorder.stored(self._sent(request, started), LABEL)
        if stored is None or stored.error:
            raise recording.miss("a request of botocore's that got no answer was not kept")
        if request.stream_output and request.method != "HEAD" and stored.exchange.ok:
            raise recording.miss("a body that botocore gave as a stream was not kept")
        response = stored.exchange
        headers = HTTPHeaderDict(response.headers)
        raw = HTTPResponse(
            io.BytesIO(response.body), headers, response.status, preload_content=False, request_method=request.method
        )
        return AWSResponse(request.url, response.status, raw.headers, raw)

    def _received(self, request: Any, response: Any, started: float, duration_s: float) -> None:
        sent = self._sent(request, started)
        headers = Headers((str(name), str(value)) for name, value in response.headers.items())
        # Only the caller may read a streamed body. botocore reads that of an error itself.
        body = KEPT_STREAM if request.stream_output and response.status_code < 300 else response.content
        received = replace(sent, status=response.status_code, headers=headers, body=body, duration_s=duration_s)
        self.recorder.exchange(received, LABEL)

    def _sent(self, request: Any, started: float) -> Exchange:
        fields = ((str(name), _text(value)) for name, value in request.headers.items())
        body = request.body.getvalue() if isinstance(request.body, io.BytesIO) else request.body
        # A body from a file or in chunks is not read here: that would take it from the SDK.
        body = body if isinstance(body, bytes) else b""
        return Exchange(
            self.recorder.next_id(), request.method, request.url, Headers(fields), body, 0, Headers(), b"", started, 0.0
        )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
