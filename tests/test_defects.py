"""The suite proves itself: every defect is noticed by the checks that it names, and fails no others.

For each requirement that a defect can break, ``tox`` tries one; the others show it once more, in ``.ci/run`` and at
night. With ``DEFECTS=showcase`` in the environment only the showcase's defects are tried.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import pytest

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from tests.defect_table import BROKEN, CLEAN, run_in_processes
from tests.rows import is_named, noticing, requirement_of

pytestmark = pytest.mark.once

# What real clients notice, which not every machine has, .ci/real-servers shows: python -m tests.defect_table --clients.
SHOWCASE = os.environ.get("DEFECTS") == "showcase"
DEFECTS = {
    name: each
    for name, each in sorted(alterations().items())
    if issubclass(each, Defect) and (each.promise or not SHOWCASE)
}


def one_for_each_requirement() -> set[str]:
    """The showcase, and as few more defects as fail a check of each requirement that any defect fails."""
    broken = {name: {*map(requirement_of, noticing(each))} for name, each in DEFECTS.items()}
    chosen = {name for name, each in DEFECTS.items() if each.promise}
    left = set[str]().union(*broken.values()).difference(*(broken[name] for name in chosen))
    while left:
        best = max(broken, key=lambda name: len(broken[name] & left))
        chosen.add(best)
        left -= broken[best]
    return chosen


GATE = one_for_each_requirement()
# Each process collects every check: for a few defects that takes longer than trying them.
JOBS = 4

# What shows by a connection that ends before its answer does, or instead of it.
ENDED_CONNECTIONS = (
    "one-in-twenty-reads-cut-short",
    *(name for name in DEFECTS if name.endswith(("gets-no-answer", "get-no-answer"))),
)

# Races and caches show for a moment only, which a loaded machine can miss: what was not noticed is tried again.
TRIES = 3


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, dict[str, dict[str, Any]]]:
    """One run of the selected defects with the checks that they name; the clean reference first, and once only."""
    called = [each.callspec.params for each in request.session.items if hasattr(each, "callspec")]
    selected = [name for name in DEFECTS if {"defect": name} in called] or sorted(GATE)
    told = run_in_processes(choice_of(selected))
    for _ in range(TRIES - 1):
        missed = [name for name in selected if not all(failed(told[name], each) for each in noticing(DEFECTS[name]))]
        if missed:
            again = run_in_processes(choice_of(missed))
            told.update({name: again[name] for name in missed})
    return told


def choice_of(defects: list[str] | None) -> argparse.Namespace:
    """The named checks of these defects, or of all."""
    names = {"surface": None, "whole": False, "variants": False, "clients": False, "check": None}
    return argparse.Namespace(**names, defect=defects, explore=25, together=1, jobs=JOBS)


def failed(row: dict[str, dict[str, Any]], named: str) -> bool:
    return any(judged["verdict"] == "fail" for check, judged in row.items() if is_named(check, named))


@pytest.mark.parametrize(
    "defect", [pytest.param(name, marks=() if name in GATE else pytest.mark.nightly) for name in DEFECTS]
)
def test_the_checks_that_a_defect_names_notice_it(defect: str, verdicts: dict[str, dict[str, dict[str, Any]]]) -> None:
    row = verdicts[defect]
    assert BROKEN not in row, row[BROKEN]["reason"]
    assert "error" not in {judged["verdict"] for judged in row.values()}
    for named in noticing(DEFECTS[defect]):
        assert failed(row, named), f"{named}: {row}"
    # One whose answers cannot even be sent would show nothing of the promise that it is to break.
    found = [each["expected"] for judged in row.values() for each in judged["findings"]]
    assert defect in ENDED_CONNECTIONS or {*found} != {"an HTTP answer"}


def test_the_clean_reference_passes_every_check_that_a_defect_names(
    verdicts: dict[str, dict[str, dict[str, Any]]],
) -> None:
    wrong = {
        check: judged
        for check, judged in verdicts[CLEAN].items()
        if judged["verdict"] not in ("pass", "not-applicable")
    }
    assert wrong == {}
