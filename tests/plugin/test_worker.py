"""What a worker reports of a check that met another's end of the service: nothing, and it goes no further."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.plugin.checks import RESULT, CheckInfo
from conformance.plugin.judging import Judgement
from conformance.plugin.worker import Worker
from conformance.vocabulary.verdict import Verdict


def reported(phase: Any) -> tuple[Worker, pytest.TestReport]:
    """What is reported of a check that fails in a phase and is in doubt."""
    worker = Worker.__new__(Worker)
    worker.life, worker.doubtful = cast(Any, SimpleNamespace(doubtful=True)), []
    check = cast(CheckInfo, SimpleNamespace(nodeid="suites/x.py::test_x"))
    report = pytest.TestReport(check.nodeid, ("x.py", 3, "x"), {}, "failed", None, phase)
    worker._conclude(check, Judgement(Verdict.FAIL), report)
    return worker, report


@pytest.mark.parametrize(("phase", "outcome"), [("setup", "skipped"), ("call", "passed")])
def test_a_doubtful_check_is_left_to_the_end_and_goes_no_further(phase: str, outcome: str) -> None:
    worker, report = reported(phase)
    assert worker.doubtful == ["suites/x.py::test_x"]
    # pytest calls what was set up if the setup's report says "passed".
    assert report.outcome == outcome
    assert RESULT not in dict(report.user_properties)
