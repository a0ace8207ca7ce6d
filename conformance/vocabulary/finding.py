"""Outcomes of a check other than passing: a non-conformance, or a reason why it could not judge."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from conformance.vocabulary.exchange import Exchange


class Kind(StrEnum):
    """How a target deviates from its contract."""

    STATUS = "status"
    """The status of a response is not among the accepted ones."""
    FIELD = "field"
    """A header field of a response is missing, wrong or forbidden."""
    BODY = "body"
    """The body of a response is wrong."""
    NO_ANSWER = "no-answer"
    """A request got no response."""
    ENDED = "ended"
    """A request ended the service."""
    HUNG = "hung"
    """After a request the service accepts connections and answers nothing."""
    BEHAVIOUR = "behaviour"
    """Several responses, or a value computed from them, are wrong together."""


@dataclass(frozen=True)
class Deviation:
    """What differs from a correct response, as values: reports, causes and scripts derive from it.

    Patterns are POSIX extended regular expressions; those of header fields ignore case.
    """

    kind: Kind
    statuses: tuple[str, ...] = ()
    """The accepted statuses, a whole class as ``4xx``."""
    name: str = ""
    """The header field."""
    matches: str = ""
    """A pattern that occurs in a correct value of the field, or in a correct body."""
    lacks: str = ""
    """A pattern that occurs in no correct value of the field, or in no correct body."""
    sha256: str = ""
    """The digest of the correct body, in hexadecimal."""


def wrong_status(statuses: Iterable[int]) -> Deviation:
    """Return the deviation of a response that has none of the accepted statuses."""
    remaining = set(statuses)
    classes = [each for each in range(1, 6) if {*range(100 * each, 100 * each + 100)} <= remaining]
    others = (str(each) for each in remaining if each // 100 not in classes)
    return Deviation(Kind.STATUS, statuses=tuple(sorted([*others, *(f"{each}xx" for each in classes)])))


def wrong_field(name: str, matches: str = "", lacks: str = "") -> Deviation:
    """Return the deviation of a header field; without a pattern the field should be absent."""
    return Deviation(Kind.FIELD, name=name, matches=matches, lacks=lacks if lacks or matches else "^")


def forbidden_value(name: str, value: str) -> Deviation:
    """Return the deviation of a header field that has this value."""
    return wrong_field(name, lacks=f"^{literal(value)}$")


def wrong_body(matches: str = "", lacks: str = "", sha256: str = "") -> Deviation:
    """Return the deviation of a body: a pattern is missing or forbidden, or its SHA-256 should be another."""
    return Deviation(Kind.BODY, matches=matches, lacks=lacks, sha256=sha256)


def wrong_bytes(right: bytes) -> Deviation:
    """Return the deviation of a body that should be these bytes."""
    return wrong_body(sha256=hashlib.sha256(right).hexdigest())


def literal(text: str) -> str:
    """Return a POSIX extended regular expression that matches exactly this text."""
    return re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", text)


class NonConformance(AssertionError):
    """The target breaks a promise: raised by oracles with the expected and the observed behaviour.

    The clause is that of the check's requirement. ``hint`` may explain more. The last of the exchanges decides; the
    ``deviation`` says what differs, and by default only how many responses it takes to see it.
    """

    def __init__(
        self, expected: str, observed: str, *exchanges: Exchange, hint: str = "", deviation: Deviation | None = None
    ) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.exchange_ids: Sequence[str] = [exchange.id for exchange in exchanges]
        self.hint = hint
        self.deviation = deviation or Deviation(Kind.BODY if len(exchanges) == 1 else Kind.BEHAVIOUR)


class NoAnswer(NonConformance):
    """The connection closed after a well-formed request without a response (RFC 9112 section 9)."""

    def __init__(self, request: str, reason: str) -> None:
        super().__init__("an HTTP answer", f"{reason} after {request}", deviation=Deviation(Kind.NO_ANSWER))


class Inconclusive(Exception):
    """The check cannot judge: why, and what it needs."""

    def __init__(self, why: str, needs: str = "") -> None:
        super().__init__(f"{why}; needs {needs}" if needs else why)
        self.why = why
        self.needs = needs


class Unreachable(Inconclusive):
    """No connection, or no response within the time limit. ``exchange_ids`` names the request, if known."""

    exchange_ids: Sequence[str] = ()


class NotConnected(Unreachable):
    """No connection was made, so no request was sent."""


class NotApplicable(Exception):
    """The check does not apply to this target. Raised directly if the target's own behaviour decides that."""


class NotOffered(NotApplicable):
    """The check is about a feature or surface that the contract makes optional, and the target does not offer it."""


class NotDeclared(NotApplicable):
    """The target file lacks keys that the check needs, such as ``hooks.revoke``: the requirement is not shown."""

    def __init__(self, why: str, *keys: str) -> None:
        super().__init__(why)
        self.lacks: Sequence[str] = keys


class NotInstalled(NotApplicable):
    """This machine lacks a program that the check needs: the requirement is not shown."""

    def __init__(self, why: str, program: str) -> None:
        super().__init__(why)
        self.lacks: Sequence[str] = (f"program:{program}",)
