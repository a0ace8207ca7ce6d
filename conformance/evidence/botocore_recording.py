"""Records what botocore sends and receives: each attempt is an exchange, as with the suite's own client."""

from __future__ import annotations

import time
from typing import Any

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import Exchange, Headers

LABEL = "boto3"
KEPT_STREAM = b""


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
            try:
                response = original(request)
            except Exception as failure:
                self.recorder.failed_request(self._sent(request, started), type(failure).__name__, LABEL)
                raise
            self._received(request, response, started, time.perf_counter() - begun)
            return response

        session.send = send

    def _received(self, request: Any, response: Any, started: float, duration_s: float) -> None:
        sent = self._sent(request, started)
        headers = Headers((str(name), str(value)) for name, value in response.headers.items())
        # A body that is asked for as a stream belongs to the caller: reading it here would take it away.
        body = KEPT_STREAM if request.stream_output else response.content
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
        body = request.body if isinstance(request.body, bytes) else b""
        return Exchange(
            self.recorder.next_id(), request.method, request.url, Headers(fields), body, 0, Headers(), b"", started, 0.0
        )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
