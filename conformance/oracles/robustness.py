"""Rules for every altered request, on every surface.

No server error; an error in the form of the surface; no internals and no secrets in the response; no effect of a
refused request; a response in time; and the next valid request succeeds as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.recorder import RECORDER
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.status import NOT_IMPLEMENTED, expect_no_server_error, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotConnected, Unreachable
from conformance.vocabulary.mutation import Mutation, Outcome


@dataclass
class Surroundings:
    """The context of an altered request.

    ``error_form`` judges a refusal's form; ``state`` reads the state that a refused request must not change; ``good``
    sends a valid request and judges its response; no response may repeat ``secrets`` or ``hidden`` data of another
    organization; ``late``: a 200 response may report a refusal.
    """

    error_form: Callable[[Exchange], object]
    good: Callable[[], object]
    state: Callable[[], Any] | None = None
    secrets: Iterable[str] = ()
    hidden: Iterable[str] = ()
    accepted: Callable[[Exchange], bool] = field(default=lambda reply: reply.ok)
    late: bool = False


def expect_outcome(mutation: Mutation[Any], send: Callable[[], Exchange], around: Surroundings) -> Exchange:
    """Send an altered request and judge it by the common rules; return the response."""
    before = _state(around)
    reply = _answered(send, around)
    _count(mutation, reply)
    expect_no_server_error(reply, f"({mutation.kind})")
    _expect_nothing_revealed(reply, around)
    accepted = around.accepted(reply)
    if not (around.late and reply.ok and not accepted and mutation.outcome is Outcome.REFUSED):
        _expect_named_outcome(mutation, reply, accepted)
    if not accepted:
        around.error_form(reply)
        _expect_state(before, around, reply, mutation.kind)
    around.good()
    return reply


def _count(mutation: Mutation[Any], reply: Exchange) -> None:
    """Count kinds and statuses for the report."""
    RECORDER.event(f"kind: {mutation.kind}")
    RECORDER.event(f"{mutation.outcome}, answered {reply.status // 100}xx")


def _answered(send: Callable[[], Exchange], around: Surroundings) -> Exchange:
    """Return the response; a missing one is a finding if a valid request gets a response.

    A failed connection is no finding here: a Location may name an unknown host, which another check covers.
    """
    try:
        return send()
    except NotConnected:
        raise
    except Unreachable as late:
        around.good()
        finding = NonConformance("a response within the target's time limit", f"no response: {late.why}")
        finding.exchange_ids = late.exchange_ids
        raise finding from None


def _expect_nothing_revealed(reply: Exchange, around: Surroundings) -> None:
    if not reply.ok:
        # A gateway in front of the platform answers malformed requests itself, and names its version.
        expect_no_leak(reply, but=["a server version"])
    expect_not_repeated(reply, around.secrets)
    expect_not_repeated(reply, around.hidden, "another organization's data")


def _expect_named_outcome(mutation: Mutation[Any], reply: Exchange, accepted: bool) -> None:
    if mutation.outcome is Outcome.VALID and not accepted:
        raise unlike(f"success (2xx) for a request that is still valid ({mutation.kind})", reply, range(200, 300))
    # 501 refuses as well; if a clause names another status, the check of that clause reports it.
    if mutation.outcome is Outcome.REFUSED and reply.status not in (refusals := {*range(400, 500), NOT_IMPLEMENTED}):
        raise unlike(f"a 4xx status ({mutation.kind})", reply, refusals)


@dataclass(frozen=True)
class _State:
    """The state that was read, and the exchanges that read it."""

    value: Any
    exchange_ids: tuple[str, ...]


def _state(around: Surroundings) -> _State:
    known = len(RECORDER)
    value = around.state() if around.state else None
    return _State(value, RECORDER.ids_from(known))


def _expect_state(before: _State, around: Surroundings, refused: Exchange, kind: str) -> None:
    after = _state(around)
    if before.value != after.value:
        got = f"{refused.status} for the request, and the state {str(after.value)[:300]}"
        expected = f"no effect of a refused request ({kind}): the state {str(before.value)[:300]}"
        raise NonConformance(expected, got, refused)
