"""Stand-ins for the suite's checks and for rejudging, so that a sample of a run can be certified."""

from __future__ import annotations

import pytest

from conformance.contract.catalogue import catalogue
from conformance.plugin import collection, rejudging
from conformance.plugin.checks import CheckInfo
from conformance.plugin.rejudging import Outcome, Rejudged
from conformance.runs.reading import Record
from tests.certification import runs


@pytest.fixture(autouse=True)
def samples_stand_for_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process only: commands that are run in one of their own are as they are."""
    found = [CheckInfo(each, catalogue()[each], "suites/x.py::test") for each in runs.suite()]

    def rejudge(record: Record) -> Outcome:
        return Outcome([Rejudged(each.id, each.level, each.verdict, each.verdict) for each in record.results])

    monkeypatch.setattr(collection, "collect", lambda *paths: found)
    monkeypatch.setattr(rejudging, "rejudge", rejudge)
