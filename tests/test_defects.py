"""The suite proves itself: every defect is noticed by the checks that it names, and fails no others.

With ``DEFECTS=showcase`` in the environment only the showcase's defects are tried.
"""

from __future__ import annotations

import argparse
import os
from functools import cache
from typing import Any

import pytest

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from tests.defect_table import BROKEN, CLEAN, run_in_processes
from tests.rows import is_named, noticing

pytestmark = pytest.mark.once

# What real clients notice, which not every machine has, .ci/real-servers shows: python -m tests.defect_table --clients.
SHOWCASE = os.environ.get("DEFECTS") == "showcase"
DEFECTS = {
    name: each
    for name, each in sorted(alterations().items())
    if issubclass(each, Defect) and (each.promise or not SHOWCASE)
}
# Each process collects every check: for a few defects that takes longer than trying them.
JOBS = 4 if SHOWCASE else 6

# What shows by a connection that ends before its answer does, or instead of it.
ENDED_CONNECTIONS = (
    "one-in-twenty-reads-cut-short",
    *(name for name in DEFECTS if name.endswith(("gets-no-answer", "get-no-answer"))),
)

# Races and caches show for a moment only, which a loaded machine can miss: what was not noticed is tried again.
TRIES = 3


@cache
def verdicts() -> dict[str, dict[str, dict[str, Any]]]:
    """One run of every defect with the checks that it names; the clean reference first, and once only."""
    told = run_in_processes(choice_of(list(DEFECTS)))
    for _ in range(TRIES - 1):
        missed = [
            name for name, defect in DEFECTS.items() if not all(failed(told[name], each) for each in noticing(defect))
        ]
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


@pytest.mark.parametrize("name", DEFECTS)
def test_the_checks_that_a_defect_names_notice_it(name: str) -> None:
    defect = DEFECTS[name]
    assert BROKEN not in verdicts()[name], verdicts()[name][BROKEN]["reason"]
    assert "error" not in {judged["verdict"] for judged in verdicts()[name].values()}
    for named in noticing(defect):
        assert failed(verdicts()[name], named), f"{named}: {verdicts()[name]}"
    # One whose answers cannot even be sent would show nothing of the promise that it is to break.
    found = [each["expected"] for judged in verdicts()[name].values() for each in judged["findings"]]
    assert name in ENDED_CONNECTIONS or {*found} != {"an HTTP answer"}


def test_the_clean_reference_passes_every_check_that_a_defect_names() -> None:
    wrong = {
        check: judged
        for check, judged in verdicts()[CLEAN].items()
        if judged["verdict"] not in ("pass", "not-applicable")
    }
    assert wrong == {}
