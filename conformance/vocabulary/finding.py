"""Outcomes of a check other than passing: a non-conformance, or a reason why it could not judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from conformance.vocabulary.exchange import Exchange

Part = Literal["header", "claims", "signature"]
"""A part of a JWT."""


@dataclass(frozen=True)
class Listed:
    """The expected items of a paginated list: each once, in any order.

    ``name`` is a JSON member with an array of strings (``tags``), or an XML element after its parent
    (``Contents/Key``); ``pages`` are exchange ids.
    """

    name: str
    pages: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Sum:
    """The permitted range of a sum of numbers in responses: those in ``plus`` less those in ``minus``.

    A number is a pair of an exchange id and a member of the response, or ``claims.`` and a claim of the JWT in it.
    A name that ends in ``?`` may be absent. ``("", "now")`` is the present time in seconds since 1970.
    """

    plus: tuple[tuple[str, str], ...]
    minus: tuple[tuple[str, str], ...]
    least: int
    most: int


@dataclass(frozen=True)
class Proof:
    """How a script decides whether a finding still shows: the properties of correct responses.

    Responses are named by exchange id. Patterns are POSIX extended regular expressions; those of header fields
    ignore case.
    """

    exchange: str = ""
    """The response to test; "" if the proof only compares several."""

    # Status and header fields of the response.
    statuses: tuple[int, ...] = ()
    """The accepted statuses."""
    fields: tuple[tuple[str, str], ...] = ()
    """Fields and their values; "" for a field that must be absent."""
    fields_match: tuple[tuple[str, str], ...] = ()
    """Fields of which a value must match the pattern."""
    fields_lack: tuple[tuple[str, str], ...] = ()
    """Fields of which no value may match the pattern."""
    fields_if_any: tuple[tuple[str, str], ...] = ()
    """Fields and the values that they must have if present."""
    fields_once: tuple[str, ...] = ()
    """Fields that may occur at most once."""
    dates_near: tuple[tuple[str, int], ...] = ()
    """Fields that must be dates within this many seconds of the Date field."""

    # Body of the response.
    inside: Part | None = None
    """The body to test is this part of the JWT in the response, decoded; None for the body itself."""
    sha256: str = ""
    """The digest of the body; alternatives are separated by ``|``."""
    matches: str = ""
    """A pattern that must occur in the body."""
    lacks: str = ""
    """A pattern that must not occur in the body."""
    unsaid: tuple[str, ...] = field(default=(), repr=False)
    """Texts, secrets among them, that must not occur in the response, plain or encoded."""

    # Several responses.
    alike: tuple[tuple[str, str], ...] = ()
    """Pairs of responses that must have the same status and, if it is 2xx, the same body."""
    alike_in: tuple[tuple[str, str, str], ...] = ()
    """Pairs of responses that must have the same status; the pattern must match both or neither."""
    both: tuple[tuple[str, str, str], ...] = ()
    """A pattern that must match both responses or neither, whatever their statuses."""
    same: tuple[tuple[str, str, str], ...] = ()
    """A field that must have the same value in two responses."""
    same_if_any: tuple[tuple[str, str, str], ...] = ()
    """The same, if the second response has the field."""
    unlike: tuple[tuple[str, str, str], ...] = ()
    """A field that must have different values in two responses."""
    differ: tuple[tuple[str, str, str], ...] = ()
    """A claim that must differ between the tokens of two responses."""
    listed: tuple[Listed, ...] = ()
    """The expected items of lists."""
    sums: tuple[Sum, ...] = ()
    """Sums of which at least one must be within its range."""

    # Conditions.
    given: tuple[tuple[str, str], ...] = ()
    """Patterns that responses must match for the proof to apply; after "!": must not match."""
    unless: tuple[tuple[str, str], ...] = ()
    """Patterns that make the finding void if responses match; after "!": if they do not match."""
    or_statuses: tuple[int, ...] = ()
    """Statuses with which the response is correct without further conditions."""
    or_refused: tuple[str, ...] = ()
    """Exchanges that may be refused (4xx) instead, which makes the finding void."""

    # Outside the responses.
    told: tuple[tuple[str, int], ...] = ()
    """Texts, and how many times the operator's command ``events`` must print each."""
    beyond: str = ""
    """Why no script can decide."""


class NonConformance(AssertionError):
    """The target breaks a promise: raised by oracles with the expected and the observed behaviour.

    The clause is that of the check's requirement. ``hint`` may explain more; a script repeats the finding by ``proof``.
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
    """The connection closed after a well-formed request without a response (RFC 9112 section 9)."""

    def __init__(self, request: str, reason: str) -> None:
        super().__init__("an HTTP answer", f"{reason} after {request}")


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
