"""What holds of every changed request, on every surface, whatever was changed.

Never a server's fault; an error in the form of its surface; nothing internal and no secret told; nothing changed
by what was refused; answered in time; and the next good request served like before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.recorder import RECORDER
from conformance.oracles.errors import expect_no_leak, expect_not_repeated
from conformance.oracles.status import NOT_IMPLEMENTED, expect_no_server_error, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotConnected, Proof, Unreachable
from conformance.vocabulary.mutation import Mutation, Outcome


@dataclass
class Surroundings:
    """What is around the changed request.

    ``error_form`` judges a refusal's form; ``state`` reads back what a refused request must not have changed, and
    returns it in a form that can be compared; ``good`` sends a good request and judges its answer; ``secrets`` are
    what no answer may repeat, ``hidden`` what belongs to others; ``late`` is whether a refusal may be told within 200.
    """

    error_form: Callable[[Exchange], object]
    good: Callable[[], object]
    state: Callable[[], Any] | None = None
    secrets: Iterable[str] = ()
    hidden: Iterable[str] = ()
    accepted: Callable[[Exchange], bool] = field(default=lambda reply: reply.ok)
    late: bool = False


def expect_outcome(mutation: Mutation[Any], send: Callable[[], Exchange], around: Surroundings) -> Exchange:
    """Sends a changed request and judges all that is common to such requests; returns its answer."""
    before = _state(around)
    reply = _answered(send, around)
    _count(mutation, reply)
    expect_no_server_error(reply, f"({mutation.kind})")
    _expect_nothing_told(reply, around)
    taken = around.accepted(reply)
    if not (around.late and reply.ok and not taken and mutation.outcome is Outcome.REFUSED):
        _expect_named_outcome(mutation, reply, taken)
    if not taken:
        around.error_form(reply)
        _expect_state(before, around, reply, mutation.kind)
    around.good()
    return reply


def _count(mutation: Mutation[Any], reply: Exchange) -> None:
    """For the report: which kinds were tried, and what became of each outcome's."""
    RECORDER.event(f"kind: {mutation.kind}")
    RECORDER.event(f"{mutation.outcome}, answered {reply.status // 100}xx")


def _answered(send: Callable[[], Exchange], around: Surroundings) -> Exchange:
    """The answer; where none comes in time although a good request is answered, that is this request's doing.

    Not where nobody could be asked: a Location may lead to a host that there is not, which is for another check.
    """
    try:
        return send()
    except NotConnected:
        raise
    except Unreachable as late:
        around.good()
        finding = NonConformance("an answer within the target's time limit", f"none: {late.why}")
        finding.exchange_ids = late.exchange_ids
        raise finding from None


def _expect_nothing_told(reply: Exchange, around: Surroundings) -> None:
    if not reply.ok:
        # A gateway before the platform answers for itself what is no request, and says what it is.
        expect_no_leak(reply, but=["a server's version"])
    expect_not_repeated(reply, around.secrets)
    expect_not_repeated(reply, around.hidden, "what is another's")


def _expect_named_outcome(mutation: Mutation[Any], reply: Exchange, taken: bool) -> None:
    if mutation.outcome is Outcome.VALID and not taken:
        raise unlike(f"success for a request that is still valid ({mutation.kind})", reply, range(200, 300))
    # 501 refuses as well; where a clause names another status, the check of that clause reports it.
    if mutation.outcome is Outcome.REFUSED and reply.status not in (refusals := {*range(400, 500), NOT_IMPLEMENTED}):
        raise unlike(f"a 4xx status ({mutation.kind})", reply, refusals)


@dataclass(frozen=True)
class _State:
    """What was read back, and in which exchanges."""

    value: Any
    exchange_ids: tuple[str, ...]


def _state(around: Surroundings) -> _State:
    known = len(RECORDER)
    value = around.state() if around.state else None
    return _State(value, RECORDER.ids_from(known))


def _expect_state(before: _State, around: Surroundings, refused: Exchange, kind: str) -> None:
    after = _state(around)
    if before.value != after.value:
        told = f"{refused.status}, and {str(after.value)[:300]}"
        # Where it takes another number of requests to read back now, that alone is the difference.
        alike = tuple(zip(before.exchange_ids, after.exchange_ids, strict=False))
        wanted = f"nothing changed by what is refused ({kind}): {str(before.value)[:300]}"
        raise NonConformance(wanted, told, refused, proof=Proof(alike=alike))
