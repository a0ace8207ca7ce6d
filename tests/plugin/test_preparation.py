"""A finding begins with what was asked for the fixtures that its check shares with others."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
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


def test_what_a_check_shares_with_others_comes_first_once_and_in_order() -> None:
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


def test_what_was_made_once_stands_where_it_was_sent_whenever_it_is_asked_for() -> None:
    recorder = Recorder()
    once = Once(recorder)

    def blob() -> None:
        recorder.exchange(exchange("blob", started=1.0))
        recorder.transcript(["sign", "blob"], 0, "", "", 0.0)

    recorder.begin_check()
    once("blob", blob)
    once("image", lambda: recorder.exchange(exchange("image", started=2.0)))
    recorder.begin_check()
    once("image", lambda: None)
    once("blob", lambda: None)
    recorder.exchange(exchange("other", started=3.0))
    [finding] = judge(NonConformance("201", "400", exchange("other")), recorder).findings
    kinds = {entry["id"]: entry.get("url", "").rpartition("/")[2] for entry in recorder.evidence()}
    assert [kinds[each] for each in finding["sequence"]] == ["blob", "", "image", "other"]


def test_what_is_another_checks_alone_is_no_part_of_it() -> None:
    preparation = Preparation(Recorder())
    made(preparation, "whole", "session", "suites/storage/test_copies.py")
    made(preparation, "other", "session")
    made(preparation, "own", "function")
    assert preparation.of(check("whole", "own")) == []


def test_what_a_check_asks_for_by_a_name_of_its_own_belongs_to_it_too() -> None:
    recorder = Recorder()
    preparation = Preparation(recorder)
    made(preparation, "whole", "session")
    recorder.begin_check()
    recorder.exchange(exchange("range"))
    asking = check()
    asking._request = SimpleNamespace(_fixture_defs={"whole": None})
    recorder.prepare(preparation.of(asking))
    assert [entry["id"] for entry in recorder.prepared] == ["whole"]
