"""Records what botocore sends and receives: each attempt is an exchange, as with the suite's own client."""

from __future__ import annotations

import io
import time
from typing import Any

from conformance.evidence.recorded_responses import Tape
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import Exchange, Headers

LABEL = "boto3"
KEPT_STREAM = b""
ERROR_TYPES = {
    "ReadTimeoutError": "ReadTimeout",
    "ConnectTimeoutError": "ConnectTimeout",
    "EndpointConnectionError": "ConnectError",
}
"""The types under which the suite's own client records the same errors."""


class BotocoreRecording:
    """Listens on a client's events. botocore makes requests one after another in each thread."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def listen(self, client: Any) -> None:
        """Records the traffic of a client from now on."""
        session = client._endpoint.http_session
        original = session.send

        def send(request: Any) -> Any:
            started, begun = time.time(), time.perf_counter()
            if self.recorder.tape is not None:
                return self._again(self.recorder.tape, request, started)
            try:
                response = original(request)
            except Exception as failure:
                error = type(failure).__name__
                self.recorder.failed_request(self._sent(request, started), error, LABEL, ERROR_TYPES.get(error, ""))
                raise
            self._received(request, response, started, time.perf_counter() - begun)
            return response

        session.send = send

    def _again(self, tape: Tape, request: Any, started: float) -> Any:
        """The recorded answer as botocore has it from its own transport."""
        from botocore.awsrequest import AWSResponse
        from urllib3 import HTTPHeaderDict, HTTPResponse

        stored = self.recorder.stored(self._sent(request, started), LABEL)
        if stored is None or stored.error:
            raise tape.miss("a request of botocore's that got no answer was not kept")
        if request.stream_output and request.method != "HEAD" and stored.exchange.ok:
            raise tape.miss("a body that botocore gave as a stream was not kept")
        answer = stored.exchange
        raw = HTTPResponse(
            io.BytesIO(answer.body),
            HTTPHeaderDict(answer.headers),
            answer.status,
            preload_content=False,
            request_method=request.method,
        )
        return AWSResponse(request.url, answer.status, raw.headers, raw)

    def _received(self, request: Any, response: Any, started: float, duration_s: float) -> None:
        sent = self._sent(request, started)
        headers = Headers((str(name), str(value)) for name, value in response.headers.items())
        # A body that is asked for as a stream belongs to the caller: reading it here would take it away. That of an
        # error botocore reads itself.
        body = KEPT_STREAM if request.stream_output and response.status_code < 300 else response.content
        self.recorder.exchange(
            Exchange(
                sent.id,
                sent.method,
                sent.url,
                sent.request_headers,
                sent.request_body,
                response.status_code,
                headers,
                body,
                started,
                duration_s,
            ),
            LABEL,
        )

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
