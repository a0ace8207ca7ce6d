"""What a check can end with other than passing: a non-conformance, or a reason why it could not judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from conformance.vocabulary.exchange import Exchange

Part = Literal["header", "claims", "signature"]
"""A part of a JWT."""


@dataclass(frozen=True)
class Listed:
    """What a list would have over its pages, each item once, in whatever order.

    ``name`` is a member of JSON that holds strings (``tags``), or an element of XML behind the one that it stands in
    (``Contents/Key``); ``pages`` are exchanges.
    """

    name: str
    pages: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Sum:
    """Numbers that answers tell, some added, some taken away, with what comes of it at least and at most.

    A number is an exchange with the name of a member of its answer, or with ``claims.`` before that of a claim of the
    JWT in it, and with ``?`` behind it where nothing is wrong without it; ``("", "now")`` is the present time, seconds
    since 1970.
    """

    plus: tuple[tuple[str, str], ...]
    minus: tuple[tuple[str, str], ...]
    least: int
    most: int


@dataclass(frozen=True)
class Proof:
    """By what anyone can tell whether a finding still shows: which answers would be right.

    ``exchange`` is the answer looked at: its ``statuses``, its header ``fields`` ("" for one that would not be
    there), those of which a value would match a pattern in any case of its letters (``fields_match``), those of which
    none would (``fields_lack``), those which would have a value if they were there (``fields_if_any``), those which
    would be dates within so many seconds of its Date (``dates_near``); and its body would be right: of digest
    ``sha256`` (or one of several, between ``|``), with a part that ``matches`` and none of what it ``lacks``.
    Patterns are POSIX extended regular expressions. With ``inside`` the body is that part of the JWT in the answer
    (header and claims as JSON); ``differ`` is a claim with two answers in whose tokens it would not be the same.
    ``alike`` are pairs of exchanges that would be answered alike, ``alike_in`` such with a pattern, in any case of
    its letters, that would be found in both answers or in neither, their fields a line each. ``same`` is a field with
    two exchanges that would have one value of it, ``same_if_any`` one where the second has any, ``unlike`` such as
    would not, ``listed`` what lists would have, ``sums`` sums of which one at least would be as it is told. ``given``
    are exchanges with what must stand in their bodies for the rest to be said at all, or, behind "!", must not.
    ``unsaid`` are texts, secrets among them, that would stand nowhere in the answer, encoded neither. ``or_refused``
    are exchanges of which each could as well be refused (4xx): then the finding is none. So it is where an exchange
    says in its body, or does not say behind "!", what ``unless`` has of it, and where the answer looked at has one of
    ``or_statuses``. ``both`` are pairs of exchanges with a pattern, as those of ``alike_in``, whatever their
    statuses. ``told`` are texts with how many times the operator's command events would tell them. ``beyond`` says
    why no script can tell.
    """

    exchange: str = ""
    statuses: tuple[int, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    fields_match: tuple[tuple[str, str], ...] = ()
    sha256: str = ""
    matches: str = ""
    lacks: str = ""
    alike: tuple[tuple[str, str], ...] = ()
    alike_in: tuple[tuple[str, str, str], ...] = ()
    same: tuple[tuple[str, str, str], ...] = ()
    unlike: tuple[tuple[str, str, str], ...] = ()
    listed: tuple[Listed, ...] = ()
    fields_lack: tuple[tuple[str, str], ...] = ()
    fields_if_any: tuple[tuple[str, str], ...] = ()
    dates_near: tuple[tuple[str, int], ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    unsaid: tuple[str, ...] = field(default=(), repr=False)
    inside: Part | None = None
    differ: tuple[tuple[str, str, str], ...] = ()
    sums: tuple[Sum, ...] = ()
    or_refused: tuple[str, ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    or_statuses: tuple[int, ...] = ()
    same_if_any: tuple[tuple[str, str, str], ...] = ()
    both: tuple[tuple[str, str, str], ...] = ()
    told: tuple[tuple[str, int], ...] = ()
    beyond: str = ""


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


class NotConnected(Unreachable):
    """No connection at all: whatever was to be asked there, nobody was."""


class NotApplicable(Exception):
    """The check is not asked of this target: what the target does not claim, or does not permit."""
