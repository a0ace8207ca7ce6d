"""boto3 clients: one session per credential, no retries, recorded traffic."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.http import Limits
from conformance.clients.programs.runner import RATE_LIMITED
from conformance.clients.s3.sigv4 import Keys
from conformance.clients.transport.errors import Overrun, overrun
from conformance.clients.transport.recording import SENT_AGAIN
from conformance.clients.transport.request_budget import RequestBudget
from conformance.evidence.botocore_recording import LABEL, BotocoreRecording
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.target.proxies import proxies_to
from conformance.vocabulary.finding import Inconclusive, NonConformance, wrong_status

PART = 64 * 1024
BASE_CHECKSUMS = "when_required"
DEFAULT_CHECKSUMS = "when_supported"
FILES = ("config_file", "credentials_file")
BUSY = re.compile(r"An error occurred \((429|503)\) when")
"""boto3's message for a 429 or 503 without a document, such as to HEAD."""
UNREADABLE = (ValueError, LookupError, OverflowError, RecursionError, TimeoutError, Overrun)
MISTAKES = (TypeError, AttributeError, RuntimeError)
"""Errors of the SDK for a response that it cannot parse; outside the SDK they are errors of the suite."""
ENDLESS = "it is redirected in a circle, or reads a document that is nested too deep"
"""The meaning of a RecursionError of the SDK."""


def s3_client(
    endpoint: str,
    keys: Keys,
    recorder: Recorder,
    checksums: str = BASE_CHECKSUMS,
    ca_file: str | None = None,
    limits: Limits | None = None,
    budget: RequestBudget | None = None,
) -> Any:
    """Return a path-style boto3 S3 client. ``checksums``: when it adds and validates checksums by default."""
    from botocore.config import Config

    limits = limits or Limits()
    config = Config(
        retries={"max_attempts": 0},
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=limits.connect_s,
        read_timeout=limits.answer_s,
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        # Without proxies, botocore would use the environment's, also for loopback.
        proxies={urlsplit(endpoint).scheme: proxy.url for proxy in proxies_to([endpoint])},
    )
    client = _session(keys).client("s3", endpoint_url=endpoint, config=config, verify=ca_file)
    _bound_bodies(client, limits)
    _adapt_to_http(client, recorder)
    BotocoreRecording(recorder).listen(client)
    admitting = budget or RequestBudget()
    client.meta.events.register("before-send.s3", lambda **_: admitting.wait())
    return client


def _bound_bodies(client: Any, limits: Limits) -> None:
    """Bound each response body in size, and in time where botocore reads it: botocore bounds neither.

    Both are raised as botocore raises other failures of its HTTP library.
    """
    from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
    from urllib3.exceptions import ProtocolError
    from urllib3.exceptions import ReadTimeoutError as LateRead

    session = client._endpoint.http_session
    original = session.send

    def send(request: Any) -> Any:
        streamed, request.stream_output = request.stream_output, True
        try:
            answer = original(request)
        finally:
            request.stream_output = streamed
        bounded = BoundedBody(answer.raw, limits)
        if streamed and answer.status_code < 300:
            answer.raw.read = bounded.read
            return answer
        try:
            answer._content = bounded.whole()
        except LateRead as late:
            raise ReadTimeoutError(endpoint_url=request.url, error=late) from None
        except ProtocolError as broken:
            raise ConnectionClosedError(endpoint_url=request.url, error=broken) from None
        except Overrun as exceeded:
            raise HTTPClientError(error=exceeded) from None
        return answer

    session.send = send


class BoundedBody:
    """The body of urllib3's response, within the limits."""

    def __init__(self, raw: Any, limits: Limits) -> None:
        self._raw, self._read, self._limits, self._size = raw, raw.read, limits, 0

    def read(self, amount: int | None = None, **options: Any) -> bytes:
        """Return the next bytes like urllib3's ``read``; raises Overrun."""
        if amount is None:
            return b"".join(iter(lambda: self.read(PART, **options), b""))
        return self._counted(self._read(amount, **options), 0.0)

    def whole(self) -> bytes:
        """Return the whole body; raises Overrun, or urllib3's errors."""
        started = time.monotonic()
        return b"".join(self._counted(part, time.monotonic() - started) for part in self._raw.stream(PART))

    def _counted(self, part: bytes, seconds: float) -> bytes:
        self._size += len(part)
        if excess := overrun(self._size, seconds, self._limits.answer_bytes, self._limits.answer_s):
            self._raw.close()
            raise Overrun(f"the answer {excess}")
        return part


def _adapt_to_http(client: Any, recorder: Recorder) -> None:
    """Repeat a request once if its connection closed without a response, and strip blanks after field values.

    A server may close an idle connection at any time (RFC 9112 section 9.5). The SDK's own retries, which would hide
    that, are off. Trailing blanks are no part of a value (RFC 9110 section 5.5), but urllib3 keeps them.
    """
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

    session = client._endpoint.http_session
    original = session.send

    def send(request: Any) -> Any:
        response = send_once_more(request)
        for name, value in response.headers.items():
            response.headers[name] = value.rstrip(" \t")
        return response

    def send_once_more(request: Any) -> Any:
        try:
            return original(request)
        except ConnectionClosedError as closed:
            message, *causes = getattr(closed.kwargs["error"], "args", ()) or ("",)
            if message != "Connection aborted." or not isinstance(causes[0], ConnectionError):
                raise
            session.close()
            request.reset_stream()
            try:
                response = original(request)
            except EndpointConnectionError:
                # The request ended the server, so the first error is the relevant one.
                raise closed from None
            recorder.event(SENT_AGAIN)
            return response

    session.send = send


@lru_cache
def _session(keys: Keys) -> Any:
    """Return a cached session, since each one loads the S3 model slowly; it ignores the user's configuration."""
    import boto3
    import botocore.session

    variables = {
        name: (setting, None, os.devnull if name in FILES else default, convert)
        for name, (setting, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    return boto3.session.Session(
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        region_name=keys.region,
        botocore_session=botocore.session.Session(session_vars=variables),
    )


@contextlib.contextmanager
def sdk_succeeds(what: str) -> Any:
    """Turn an error of the SDK into a finding with the SDK's message.

    The SDK raises its own errors for refusals, Python's errors for responses that it cannot parse, and those of its
    HTTP library for incomplete error documents.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from s3transfer.exceptions import RetriesExceededError, S3CopyFailedError, S3DownloadFailedError, S3ValidationError
    from urllib3.exceptions import HTTPError

    managed = (RetriesExceededError, S3CopyFailedError, S3DownloadFailedError, S3ValidationError)
    failed = (*managed, HTTPError, ResponseParserError)

    try:
        yield
    except (ClientError, BotoCoreError, Boto3Error, *failed, *UNREADABLE, *MISTAKES) as error:
        is_mistake = isinstance(error, MISTAKES) and not isinstance(error, RecursionError)
        if is_mistake and not _raised_by_the_sdk(error):
            raise
        expect_not_throttled(error)
        # Where the depth ends, botocore may wrap the error in its own.
        wrapped = getattr(error, "kwargs", {}).get("error")
        message = ENDLESS if isinstance(wrapped or error, RecursionError) else error
        related = _exchange_of(error)
        refused = related is not None and related["status"] >= 400
        deviation = wrong_status(range(200, 300)) if refused else None
        finding = NonConformance(f"boto3 to {what}", f"{type(error).__name__}: {message}", deviation=deviation)
        finding.exchange_ids = [related["id"]] if related else []
        raise finding from error


def in_time(transfer: Callable[[], object], limit_s: float) -> None:
    """Run a managed transfer with a time limit; raises TimeoutError.

    Threads of s3transfer deadlock if one of them cannot parse the Content-Range of its part.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            transfer()
        except BaseException as error:
            failed.append(error)

    # A daemon, so that a deadlocked thread does not block the end of the run.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise TimeoutError(f"no end of it within {limit_s:.0f} s")
    if failed:
        raise failed[0]


def _exchange_of(error: BaseException) -> dict[str, Any] | None:
    """Return the exchange of an SDK error, perhaps not the last: the SDK aborts a failed upload.

    An error without a status belongs to the last request without a response.
    """
    from botocore.exceptions import ClientError

    response: dict[str, Any] = error.response if isinstance(error, ClientError) else {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    own = (each for each in reversed(RECORDER.entries) if each.get("client") == LABEL)
    return next((each for each in own if each["status"] == status), None)


def _raised_by_the_sdk(error: BaseException) -> bool:
    """Return whether the SDK's own code raised an error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return bool({"boto3", "botocore", "s3transfer"} & {*Path(last.filename).parts})


def expect_not_throttled(error: Exception) -> None:
    """Raise Inconclusive if an error reports a rate limit."""
    if RATE_LIMITED.search(str(error)) or BUSY.match(str(error)):
        raise Inconclusive(f"boto3 was asked to slow down: {error}", "a higher rate limit, or a lower rate") from error
