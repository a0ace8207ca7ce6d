"""Answers that ask to wait: which these are, for how long, and what it means where waiting does not help."""

from __future__ import annotations

import re
import time

from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import seconds_of_date, whole_number

LONGEST_RETRY_S = 10**9
UNTOLD_S = 1.0
"""How long to wait where nothing says how long."""
TOO_FAST = re.compile(rb"<Code>SlowDown</Code>|educe your request rate")


def asks_to_wait(exchange: Exchange) -> bool:
    """Whether an answer is 429, 503 in a form that says when or that the caller is too fast, or 200 that says so.

    RFC 9110 section 15.6.4: Retry-After; Amazon S3 API Reference, List of error codes: SlowDown, and ServiceUnavailable
    where it says the same. CopyObject and CompleteMultipartUpload may say it within 200, as an error that came when
    they had begun, and DeleteObjects of a key: a client then sends the request again, as SDKs do.
    """
    if exchange.status == 200:
        within = exchange.method in ("PUT", "POST") and b"<Error>" in exchange.body
        return within and TOO_FAST.search(exchange.body) is not None
    if exchange.status != 503:
        return exchange.status == 429
    return "retry-after" in exchange.headers or TOO_FAST.search(exchange.body) is not None


def says_not_why(exchange: Exchange) -> bool:
    """Whether an answer is 503 to HEAD, which has no body to say SlowDown in, and no Retry-After."""
    return exchange.method == "HEAD" and exchange.status == 503 and not asks_to_wait(exchange)


def may_pass(exchange: Exchange) -> bool:
    """Whether a gateway reaches no service that a safe request asks: it may in a moment, as after a restart.

    API Reference, Error Handling: "Platform or upstream service error. Retry only if the operation is safe."
    """
    safe = exchange.method in ("GET", "HEAD", "OPTIONS")
    return safe and exchange.status in GATEWAY_ERRORS and not asks_to_wait(exchange)


def asked_to_wait(why: str, exchange: Exchange) -> Inconclusive:
    """What it means that a target goes on asking to wait, by its last answer.

    A 503 need not be about how many requests there are: some gateways ask to wait also where their service breaks off.
    """
    needed = "a higher rate limit, or a lower rate in the target file"
    if exchange.status == 503 and not TOO_FAST.search(exchange.body):
        needed = f"an answer of the service itself, if this very request is what it cannot answer; else {needed}"
    return Inconclusive(why, needed)


def retry_after(exchange: Exchange) -> float:
    """Seconds that a Retry-After field asks to wait (RFC 9110 section 10.2.3); 1 where it is none.

    A date is by the clock of the target, which may not be ours.
    """
    value = (exchange.headers.get("retry-after") or "").strip()
    seconds: float | None = whole_number(value)
    at = seconds_of_date(value) if value.endswith(" GMT") else None
    if at is not None:
        seconds = max(0.0, at - (seconds_of_date(exchange.headers.get("date") or "") or time.time()))
    return UNTOLD_S if seconds is None else float(min(seconds, LONGEST_RETRY_S))
