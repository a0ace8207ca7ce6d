"""State: what was refused has changed nothing."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


def expect_unchanged(before: tuple[int, bytes], after: tuple[int, bytes], refused: Exchange) -> None:
    """The owner reads the same before and after a refused request; bodies of refusals (request ids) do not count."""
    if before[0] != after[0] or (before[0] < 300 and before[1] != after[1]):
        what = f"what the owner read before the refused {refused.method}: {_told(before)}"
        raise NonConformance(what, _told(after), refused)


def _told(state: tuple[int, bytes]) -> str:
    return f"{state[0]} {state[1][:200].decode('utf-8', 'replace')}"
