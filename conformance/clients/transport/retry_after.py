"""Responses that ask the client to wait: their statuses, the time to wait, and the outcome if waiting does not help."""

from __future__ import annotations

import re
import time

from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import seconds_of_date, whole_number

LONGEST_RETRY_S = 10**9
DEFAULT_WAIT_S = 1.0
"""Seconds to wait if the response states no time."""
TOO_FAST = re.compile(rb"<Code>SlowDown</Code>|educe your request rate")


def asks_to_wait(exchange: Exchange) -> bool:
    """Return whether a response is 429, 503 with Retry-After or SlowDown, or 200 with SlowDown in its body.

    RFC 9110 section 15.6.4: Retry-After; Amazon S3 API Reference, List of error codes: SlowDown, and ServiceUnavailable
    with the same message. CopyObject and CompleteMultipartUpload may report the error within 200, as may DeleteObjects
    for a key. SDKs then send the request again.
    """
    if exchange.status == 200:
        has_error = exchange.method in ("PUT", "POST") and b"<Error>" in exchange.body
        return has_error and TOO_FAST.search(exchange.body) is not None
    if exchange.status != 503:
        return exchange.status == 429
    return "retry-after" in exchange.headers or TOO_FAST.search(exchange.body) is not None


def is_unexplained_503(exchange: Exchange) -> bool:
    """Return whether a response is 503 to HEAD without Retry-After: it has no body that could state SlowDown."""
    return exchange.method == "HEAD" and exchange.status == 503 and not asks_to_wait(exchange)


def may_be_temporary(exchange: Exchange) -> bool:
    """Return whether a gateway error answers a safe request: the service may soon be back, as after a restart.

    API Reference, Error Handling: "Platform or upstream service error. Retry only if the operation is safe."
    """
    safe = exchange.method in ("GET", "HEAD", "OPTIONS")
    return safe and exchange.status in GATEWAY_ERRORS and not asks_to_wait(exchange)


def asked_to_wait(why: str, exchange: Exchange) -> Inconclusive:
    """Return the outcome for a target that still asks to wait in its last response.

    A 503 may have another cause than the rate: some gateways ask to wait if their service closes the connection.
    """
    needed = "a higher rate limit, or a lower rate in the target file"
    if exchange.status == 503 and not TOO_FAST.search(exchange.body):
        needed = f"if only this request gets 503, a service that answers it; else {needed}"
    return Inconclusive(why, needed)


def retry_after(exchange: Exchange) -> float:
    """Return the seconds in a Retry-After field (RFC 9110 section 10.2.3); 1 if it is missing or malformed.

    A date is compared with the target's own Date, since the clocks may differ.
    """
    value = (exchange.headers.get("retry-after") or "").strip()
    seconds: float | None = whole_number(value)
    retry_at = seconds_of_date(value) if value.endswith(" GMT") else None
    if retry_at is not None:
        seconds = max(0.0, retry_at - (seconds_of_date(exchange.headers.get("date") or "") or time.time()))
    return DEFAULT_WAIT_S if seconds is None else float(min(seconds, LONGEST_RETRY_S))
