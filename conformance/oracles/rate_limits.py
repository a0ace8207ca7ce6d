"""Declared rate limits: requests above them get 429 (API Reference, Error Handling)."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.clients.concurrency import burst
from conformance.oracles.status import observed
from conformance.target.description import parse_rate
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotOffered


def declared_rate(limit: str | None, key: str) -> str:
    """Return the rate that ``limits.<key>`` declares; NotOffered without one, since the contract states no limit."""
    if limit is None:
        raise NotOffered(f"the target file declares no limits.{key}")
    return limit


def first_refused(
    limit: str | None, key: str, ask: Callable[[], Exchange], is_refused: Callable[[Exchange], bool]
) -> Exchange:
    """Send more requests than a declared limit concurrently; return the first refusal.

    Raises NotOffered if the target file declares no ``limits.<key>``, Inconclusive if the requests take longer than
    its window, NonConformance if all are served.
    """
    (allowed, seconds), started = parse_rate(declared_rate(limit, key)), time.monotonic()
    for number in (allowed + 1, allowed + 4):
        replies = burst(ask, number)
        if refused := next(filter(is_refused, replies), None):
            return refused
        if time.monotonic() - started > seconds:
            raise Inconclusive(
                f"{allowed} requests take longer than {seconds:g} s", "a lower limit, or a faster connection"
            )
    served = f"all of {2 * allowed + 5} requests served in {time.monotonic() - started:.1f} s"
    raise NonConformance(f"429 above {limit}", served, replies[-1])


def expect_limited(
    limit: str | None, key: str, ask: Callable[[], Exchange], accepts: Callable[[Exchange], bool] | None = None
) -> None:
    """Expect 429 above a declared limit (API Reference, Error Handling), or a response that ``accepts`` permits.

    Raises Inconclusive if a single request is refused for another reason.
    """
    if limit is not None:
        first = ask()
        if not first.ok and first.status != 429:
            raise Inconclusive(
                f"a request below the limit is refused: {observed(first)}", "a role whose requests succeed"
            )
    reply = first_refused(limit, key, ask, lambda reply: not reply.ok)
    if reply.status != 429 and not (accepts and accepts(reply)):
        raise NonConformance(f"429 above {limit}", observed(reply), reply)
