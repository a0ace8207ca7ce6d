"""A mutation: something good that was changed, and which outcomes the contract leaves to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Outcome(StrEnum):
    """What may become of a changed request."""

    VALID = "still valid"
    REFUSED = "must be refused"
    EITHER = "either"


@dataclass(frozen=True)
class Mutation(Generic[T]):
    """What is sent in place of the good ``value``, the kind of change it is, and what may become of it.

    ``EITHER`` is taken or refused as the target likes, but is never a server's fault, and refused changes nothing.
    """

    kind: str
    outcome: Outcome
    value: T

    def open(self) -> Mutation[T]:
        """The same, with either outcome: where the target does not claim the rule that refuses it."""
        return replace(self, outcome=Outcome.EITHER)
