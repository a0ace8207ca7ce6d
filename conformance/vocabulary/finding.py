"""What a check can end with other than passing: a non-conformance, or a reason why it could not judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.vocabulary.exchange import Exchange


@dataclass(frozen=True)
class Proof:
    """By what anyone can tell whether a finding still shows: which answers would be right.

    ``exchange`` is the answer looked at: its ``statuses``, its body of digest ``sha256`` or with a part that
    ``matches`` (a POSIX extended regular expression) would be right. ``alike`` are pairs of exchanges that
    would be answered alike.
    """

    exchange: str = ""
    statuses: tuple[int, ...] = ()
    sha256: str = ""
    matches: str = ""
    alike: tuple[tuple[str, str], ...] = ()


class NonConformance(AssertionError):
    """The target breaks a promise: what was expected, what was observed, in which exchanges.

    Raised by oracles. The clause is that of the check's requirement; ``hint`` says more where it helps,
    ``proof`` what would be right, for a script that looks again.
    """

    def __init__(
        self, expected: str, observed: str, *exchanges: Exchange, hint: str = "", proof: Proof | None = None
    ) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.exchange_ids: Sequence[str] = [exchange.id for exchange in exchanges]
        self.hint = hint
        self.proof = proof


class NoAnswer(NonConformance):
    """A well-formed request was sent and the connection closed without an answer (RFC 9112 section 9)."""

    def __init__(self, request: str, how: str) -> None:
        super().__init__("an HTTP answer", f"{how} after {request}")


class Inconclusive(Exception):
    """The check cannot judge: why, and what it needs to be able to."""

    def __init__(self, why: str, needs: str = "") -> None:
        super().__init__(f"{why}; needs {needs}" if needs else why)
        self.why = why
        self.needs = needs


class Unreachable(Inconclusive):
    """No connection, or no answer within the time limit."""


class NotApplicable(Exception):
    """The check is not asked of this target: what the target does not claim, or does not permit."""
