"""A finding begins with the requests of the fixtures that its check shares."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

from conformance.evidence.recorder import Recorder
from conformance.plugin.fixture_evidence import Preparation
from conformance.plugin.judging import judge
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance

SUITE = "suites/storage/test_ranges.py"


def exchange(name: str, method: str = "PUT", started: float = 0.0) -> Exchange:
    return Exchange(name, method, f"http://s3.example/{name}", Headers(), b"", 200, Headers(), b"", started, 0.0)


def made(preparation: Preparation, name: str, scope: str, base: str = SUITE) -> None:
    """Has a fixture of this name made: something is looked at, and something is put."""
    fixture: Any = SimpleNamespace(argname=name, scope=scope, baseid=base)
    making = preparation.pytest_fixture_setup(fixture)
    next(making)
    preparation.recorder.exchange(exchange(f"{name}-looked-at", "GET"))
    preparation.recorder.exchange(exchange(name))
    with contextlib.suppress(StopIteration):
        making.send(None)


def check(*fixtures: str) -> Any:
    return SimpleNamespace(fixturenames=fixtures, nodeid=f"{SUITE}::test_range")


def test_requests_of_shared_fixtures_come_first_and_once() -> None:
    recorder = Recorder()
    preparation = Preparation(recorder)
    made(preparation, "whole", "session")
    made(preparation, "known", "module")
    recorder.begin_check()
    recorder.exchange(exchange("range"))

    recorder.prepare(preparation.of(check("known", "whole")))
    finding = judge(NonConformance("206", "200", exchange("range")), recorder).findings[0]
    assert finding["sequence"] == ["whole", "known", "range"]
    assert finding["exchanges"] == ["range"]
    assert [entry["id"] for entry in recorder.evidence()] == ["whole", "known", "range"]

    # The check for which it was made has it among its own.
    recorder.begin_check()
    made(preparation, "whole", "session")
    recorder.exchange(exchange("range"))
    recorder.prepare(preparation.of(check("whole")))
    sequence = judge(NonConformance("206", "200"), recorder).findings[0]["sequence"]
    assert sequence == ["whole-looked-at", "whole", "range"]


def test_fixtures_of_other_checks_are_left_out() -> None:
    preparation = Preparation(Recorder())
    made(preparation, "whole", "session", "suites/storage/test_copies.py")
    made(preparation, "other", "session")
    made(preparation, "own", "function")
    assert preparation.of(check("whole", "own")) == []
