"""A token that the run had and that was refused: what ends it may be the further tokens that its client is given."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reporting.reproduce.judgement import rare, refused_by
from conformance.vocabulary.verdict import Verdict
from tests.reporting.samples import check

RIGHT = [200, 204]


def entry(number: int, method: str = "GET", status: int = 401, **more: Any) -> dict[str, Any]:
    """A request with a token of the run's."""
    sent = {"secrets": ["FULL_TOKEN"], "request_body": {"size": 0}, "started": float(number), "duration_s": 0.1}
    return {"id": f"x-{number}", "kind": "exchange", "method": method, "status": status, **sent, **more}


def finding(*statuses: int) -> dict[str, Any]:
    """A finding about the last of two requests."""
    return {"exchanges": ["x-2"], "proof": {"exchange": "x-2", "statuses": [*statuses]}}


@pytest.mark.parametrize(
    ("before", "shown", "statuses", "names"),
    [
        (entry(1, status=200), entry(2), RIGHT, ["FULL_TOKEN"]),
        (entry(1, status=200), entry(2, status=403), RIGHT, []),  # the token is taken
        (entry(1, status=200), entry(2), [401, 403], []),
        (entry(1, status=200), entry(2), [], []),  # what is right is told in another way
        (entry(1, "POST", 200, issued=[1]), entry(2), RIGHT, []),  # what ended it is part of the sequence
    ],
)
def test_with_what_a_request_was_told_401(
    before: dict[str, Any], shown: dict[str, Any], statuses: list[int], names: list[str]
) -> None:
    assert refused_by(finding(*statuses), [(1, before), (2, shown)]) == names


def test_it_is_asked_again_where_that_only_reads() -> None:
    failing = check("a/b", Verdict.FAIL)
    assert rare([entry(1, "PUT", 201), entry(2)], failing, [failing]) == (0, 1)
    assert rare([entry(1, "PUT", 201), entry(2)], failing, [failing], refused=True) == (2, 60)
    assert rare([entry(1, "PUT")], failing, [failing], refused=True) == (0, 1)
