"""boto3 as its users have it: one session and one client a credential, no retries, traffic recorded."""

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
from conformance.evidence.botocore_recording import LABEL, BotocoreRecording
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.target.proxies import proxies_to
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof

PART = 64 * 1024
BASE_CHECKSUMS = "when_required"
DEFAULT_CHECKSUMS = "when_supported"
FILES = ("config_file", "credentials_file")
BUSY = re.compile(r"An error occurred \((429|503)\) when")
"""What boto3 says of an answer without a document, as HEAD's are: RFC 9110 section 15.6.4, RFC 6585 section 4."""
UNREADABLE = (ValueError, LookupError, OverflowError, RecursionError, TimeoutError, Overrun)
MISTAKES = (TypeError, AttributeError, RuntimeError)
"""What the SDK runs into where an answer is of another form than it reads; elsewhere they are mistakes of ours."""
ENDLESS = "it is redirected in a circle, or reads a document that is nested too deep"
"""What a RecursionError of the SDK means."""

UNTOLD = Proof(beyond="it is about what an SDK makes of several answers together")
SUCCESS = tuple(range(200, 300))


def s3_client(
    endpoint: str,
    keys: Keys,
    recorder: Recorder,
    checksums: str = BASE_CHECKSUMS,
    ca_file: str | None = None,
    limits: Limits | None = None,
) -> Any:
    """A boto3 S3 client, path-style. ``checksums``: when it adds and checks checksums of its own accord."""
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
        # With none at all it would go by the environment's, also to the machine itself.
        proxies={urlsplit(endpoint).scheme: proxy.url for proxy in proxies_to([endpoint])},
    )
    client = _session(keys).client("s3", endpoint_url=endpoint, config=config, verify=ca_file)
    _bound_bodies(client, limits)
    _send_as_http_has_it(client, recorder)
    BotocoreRecording(recorder).listen(client)
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
        """Return the next bytes, as urllib3's ``read`` does; Overrun."""
        if amount is None:
            return b"".join(iter(lambda: self.read(PART, **options), b""))
        return self._counted(self._read(amount, **options), 0.0)

    def whole(self) -> bytes:
        """Return the whole body; Overrun, or urllib3's errors."""
        begun = time.monotonic()
        return b"".join(self._counted(part, time.monotonic() - begun) for part in self._raw.stream(PART))

    def _counted(self, part: bytes, seconds: float) -> bytes:
        self._size += len(part)
        if how := overrun(self._size, seconds, self._limits.answer_bytes, self._limits.answer_s):
            self._raw.close()
            raise Overrun(f"the answer {how}")
        return part


def _send_as_http_has_it(client: Any, recorder: Recorder) -> None:
    """As other clients do: where a connection ends without a byte, the request goes out once more on a new one.

    A server may close one that waits at any time (RFC 9112 section 9.5), and so in the moment in which it is used
    again. Who uses the SDK sees nothing of that, since by itself it tries everything again, also what was answered.

    Blanks behind the value of a field are none of it (RFC 9110 section 5.5), and the SDK's library leaves them there.
    """
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

    session = client._endpoint.http_session
    original = session.send

    def send(request: Any) -> Any:
        answer = sent(request)
        for name, value in answer.headers.items():
            answer.headers[name] = value.rstrip(" \t")
        return answer

    def sent(request: Any) -> Any:
        try:
            return original(request)
        except ConnectionClosedError as closed:
            what, *why = getattr(closed.kwargs["error"], "args", ()) or ("",)
            if what != "Connection aborted." or not isinstance(why[0], ConnectionError):
                raise
            session.close()
            request.reset_stream()
            try:
                answer = original(request)
            except EndpointConnectionError:
                # It ended with that request, which is not to be said to have found nobody there.
                raise closed from None
            recorder.event(SENT_AGAIN)
            return answer

    session.send = send


@lru_cache
def _session(keys: Keys) -> Any:
    """Each session reads the description of S3 for itself, which takes longer than most checks.

    Nothing of the person's is in it: no profile, no file of settings, no variable of the environment.
    """
    import boto3
    import botocore.session

    nobodys = {
        name: (setting, None, os.devnull if name in FILES else default, convert)
        for name, (setting, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    return boto3.session.Session(
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        region_name=keys.region,
        botocore_session=botocore.session.Session(session_vars=nobodys),
    )


@contextlib.contextmanager
def sdk_succeeds(what: str) -> Any:
    """What the SDK does inside must succeed: an error of it is a finding, in its own words.

    It has errors of its own for what a server refuses, and Python's for what it cannot read: a time that is none, say.
    Of an error document that does not come whole it lets those of its HTTP library pass.
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
        said = ENDLESS if isinstance(error, RecursionError) else error
        about = _exchange_of(error)
        refused = about is not None and about["status"] >= 400
        proof = Proof(exchange=about["id"], statuses=SUCCESS) if about and refused else UNTOLD
        finding = NonConformance(f"boto3 to {what}", f"{type(error).__name__}: {said}", proof=proof)
        finding.exchange_ids = [about["id"]] if about else []
        raise finding from error


def in_time(transfer: Callable[[], object], limit_s: float) -> None:
    """Has a managed transfer end; TimeoutError where it does not, for its threads may wait for one another for ever.

    That is what s3transfer comes to where one of them cannot read the Content-Range of its part.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            transfer()
        except BaseException as error:
            failed.append(error)

    # A daemon, for one that never ends must not keep the run from ending.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise TimeoutError(f"no end of it within {limit_s:.0f} s")
    if failed:
        raise failed[0]


def last_exchange() -> str:
    """Return the id of the SDK's last exchange in the evidence; "" if there is none."""
    return next((str(each["id"]) for each in reversed(RECORDER.entries) if each.get("client") == LABEL), "")


def _exchange_of(error: BaseException) -> dict[str, Any] | None:
    """The exchange that an error of the SDK is about, which need not be the last: the SDK aborts a failed upload.

    If the error names no status, that is the last request which got no response.
    """
    from botocore.exceptions import ClientError

    answer: dict[str, Any] = error.response if isinstance(error, ClientError) else {}
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    own = (each for each in reversed(RECORDER.entries) if each.get("client") == LABEL)
    return next((each for each in own if each["status"] == status), None)


def _raised_by_the_sdk(error: BaseException) -> bool:
    """Whether it is in the SDK's own code that an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return bool({"boto3", "botocore", "s3transfer"} & {*Path(last.filename).parts})


def expect_not_throttled(error: Exception) -> None:
    """Inconclusive where an error says that the SDK was to slow down; of HEAD its status stands for a code."""
    if RATE_LIMITED.search(str(error)) or BUSY.match(str(error)):
        raise Inconclusive(f"boto3 was asked to slow down: {error}", "a higher rate limit, or a lower rate") from error
