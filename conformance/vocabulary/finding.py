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

    Exchanges stand in it by their ids. Patterns are POSIX extended regular expressions; the fields of an answer are
    looked for in them in any case of their letters.
    """

    exchange: str = ""
    """The answer that is looked at; "" where several are compared alone."""

    # Its head.
    statuses: tuple[int, ...] = ()
    """It would have one of these."""
    fields: tuple[tuple[str, str], ...] = ()
    """These fields would have these values; "" for one that would not be there."""
    fields_match: tuple[tuple[str, str], ...] = ()
    """A value of each of these fields would match the pattern."""
    fields_lack: tuple[tuple[str, str], ...] = ()
    """None would."""
    fields_if_any: tuple[tuple[str, str], ...] = ()
    """These fields would have these values, if they were there."""
    fields_once: tuple[str, ...] = ()
    """These fields would stand in one line, if they were there."""
    dates_near: tuple[tuple[str, int], ...] = ()
    """These fields would be dates within so many seconds of its Date."""

    # Its body.
    inside: Part | None = None
    """The body is this part of the JWT in the answer, header and claims as JSON; None for the body as it is."""
    sha256: str = ""
    """It would have this digest, or one of several between ``|``."""
    matches: str = ""
    """A part of it would match."""
    lacks: str = ""
    """No part would."""
    unsaid: tuple[str, ...] = field(default=(), repr=False)
    """These texts, secrets among them, would stand nowhere in the answer, and encoded neither."""

    # Several answers.
    alike: tuple[tuple[str, str], ...] = ()
    """Pairs would be answered alike."""
    alike_in: tuple[tuple[str, str, str], ...] = ()
    """The same, and the pattern would be found in both or in neither, their fields a line each."""
    both: tuple[tuple[str, str, str], ...] = ()
    """The pattern would be found in both or in neither, whatever their statuses."""
    same: tuple[tuple[str, str, str], ...] = ()
    """A field, and two answers that would have one value of it."""
    same_if_any: tuple[tuple[str, str, str], ...] = ()
    """The same, where the second has any."""
    unlike: tuple[tuple[str, str, str], ...] = ()
    """A field, and two answers that would not have one value of it."""
    differ: tuple[tuple[str, str, str], ...] = ()
    """A claim, and two answers in whose tokens it would not be the same."""
    listed: tuple[Listed, ...] = ()
    """What lists would have."""
    sums: tuple[Sum, ...] = ()
    """One of these sums at least would be as it is told."""

    # When it is not said at all, or no finding.
    given: tuple[tuple[str, str], ...] = ()
    """What must stand in answers, in a field or in the body, for the rest to be said, or, behind "!", must not."""
    unless: tuple[tuple[str, str], ...] = ()
    """What makes the finding none where it stands in answers so, or, behind "!", does not."""
    or_statuses: tuple[int, ...] = ()
    """With these the answer that is looked at would be right as well."""
    or_refused: tuple[str, ...] = ()
    """Each of these exchanges could as well be refused (4xx): then the finding is none."""

    # What is not in answers.
    told: tuple[tuple[str, int], ...] = ()
    """How many times the operator's command ``events`` would tell these texts."""
    beyond: str = ""
    """Why no script can tell."""


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
    """No connection, or no answer within the time limit. ``exchange_ids``: of the request, where it is known."""

    exchange_ids: Sequence[str] = ()


class NotConnected(Unreachable):
    """No connection at all: whatever was to be asked there, nobody was."""


class NotApplicable(Exception):
    """The check is not asked of this target. Raised as it is where the target's own behaviour decides that."""


class NotOffered(NotApplicable):
    """The check is about a feature or surface that the contract makes optional, and the target does not offer it."""


class NotDeclared(NotApplicable):
    """The target file lacks what the check needs: ``keys`` of the target, such as ``hooks.revoke``.

    Nothing is shown of the requirement then: it counts for no certificate.
    """

    def __init__(self, why: str, *keys: str) -> None:
        super().__init__(why)
        self.lacks: Sequence[str] = keys


class NotInstalled(NotApplicable):
    """This machine lacks a program that the check needs. Nothing is shown of the requirement then, either."""

    def __init__(self, why: str, program: str) -> None:
        super().__init__(why)
        self.lacks: Sequence[str] = (f"program:{program}",)
