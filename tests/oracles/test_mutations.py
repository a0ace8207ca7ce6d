"""A changed request without an answer is a finding only if the target can be reached."""

from __future__ import annotations

import pytest

from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotConnected, Unreachable
from conformance.vocabulary.mutation import Mutation, Outcome

AROUND = Surroundings(error_form=lambda reply: None, good=lambda: None)
CHANGED = Mutation("a change", Outcome.EITHER, b"")


def test_a_timeout_of_a_changed_request_is_a_finding() -> None:
    def late() -> Exchange:
        raise Unreachable("timed out", "a target that answers")

    with pytest.raises(NonConformance, match="a response within the target's time limit"):
        expect_outcome(CHANGED, late, AROUND)


def test_an_unreachable_target_is_no_finding() -> None:
    def nowhere() -> Exchange:
        raise NotConnected("no such host", "a target that can be reached")

    with pytest.raises(NotConnected):
        expect_outcome(CHANGED, nowhere, AROUND)
