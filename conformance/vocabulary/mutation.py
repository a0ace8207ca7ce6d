"""A mutation: a changed valid value, and the outcomes that the contract permits for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Outcome(StrEnum):
    """How the target may treat a changed request."""

    VALID = "still valid"
    REFUSED = "must be refused"
    EITHER = "either"


@dataclass(frozen=True)
class Mutation(Generic[T]):
    """The changed value to send, the kind of change, and the permitted outcome.

    ``EITHER`` permits acceptance and refusal, but no 5xx, and a refusal must change nothing.
    """

    kind: str
    outcome: Outcome
    value: T

    def open(self) -> Mutation[T]:
        """Return the mutation with either outcome, for a target that does not claim the rule that refuses it."""
        return replace(self, outcome=Outcome.EITHER)
