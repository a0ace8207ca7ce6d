"""Requests of all processes and threads keep the rate and the bounds; a stopped clock shows their times."""

from __future__ import annotations

import multiprocessing
import sys
import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from conformance.clients.http import HttpClient
from conformance.clients.transport.request_budget import (
    FURTHER_PER_S,
    SHARED,
    BoundExceeded,
    RequestBudget,
    RunBoundReached,
)
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.plugin.judging import judge
from conformance.runs.reading import read
from conformance.strategies.properties import BEFORE_EXAMPLES, configure, explores
from conformance.vocabulary.verdict import ExitCode, Verdict
from tests.clients.servers import GOOD, answering
from tests.run.support import conformance, run

RATE = 1000.0


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_each_request_waits_one_interval_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: bool) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(time, "sleep", waits.append)
    book = tmp_path / "budget" if shared else None
    paces = [RequestBudget(2.0, book), RequestBudget(2.0, book)] if shared else [RequestBudget(2.0)] * 2

    for budget in [*paces, *paces]:
        budget.wait()

    assert waits == [0.5, 1.0, 1.5]


def take(book: str, times: int) -> None:
    """What a worker does."""
    budget = RequestBudget(RATE, Path(book))
    for _ in range(times):
        budget.wait()


def test_processes_share_one_rate(tmp_path: Path) -> None:
    book = tmp_path / "budget"
    take(str(book), 1)
    first = SHARED.unpack(book.read_bytes())[0]

    processes = [multiprocessing.get_context("spawn").Process(target=take, args=(str(book), 50)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    # A hundred moments were taken, each a gap after the one before or later.
    last, sent = SHARED.unpack(book.read_bytes())
    assert (last >= first + 100 / RATE - 1e-9, sent) == (True, 101)


def test_a_damaged_rate_file_is_reset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "budget").write_bytes(b"abc")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("slept"))
    RequestBudget(1.0, tmp_path / "budget").wait()


def test_a_check_that_sends_too_much_is_an_error_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget = RequestBudget()
    budget.begin_phase("a/check", 2)
    budget.wait()
    budget.wait()
    with pytest.raises(BoundExceeded, match="a/check was ended: it sent more than 2 requests") as raised:
        budget.wait()
    assert judge(budget.exceeded, RECORDER).verdict == judge(raised.value, RECORDER).verdict == Verdict.ERROR
    now[0] += 2 / FURTHER_PER_S
    budget.wait()
    budget.begin_phase("", None)
    for _ in range(10):
        budget.wait()


def test_each_example_of_a_property_has_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, tried = RequestBudget(), list[int]()
    monkeypatch.setattr("conformance.strategies.properties.BEFORE_EXAMPLES", [*BEFORE_EXAMPLES, budget.begin_example])
    configure(20, 1)
    RECORDER.begin_check()

    @explores(number=st.integers(0, 30))
    def check(number: int) -> None:
        tried.append(number)
        for _ in range(number):
            budget.wait()

    budget.begin_phase("a/property", 30)
    check()
    assert sum(tried) > 30
    tried.clear()
    budget.begin_phase("a/property", 10)
    with pytest.raises(BoundExceeded):
        check()
    assert [each > 10 for each in tried] == [False] * (len(tried) - 1) + [True], "it ends at once, without shrinking"


@pytest.mark.once
def test_the_run_names_the_check_and_ends_it(tmp_path: Path) -> None:
    bounded = "import conformance.plugin.checks as c, conformance.commands as m; c.PER_CHECK = 3; exit(m.main())"
    words = ["run", "errors/5xx/valid-requests-never-fail#reads", "--workers", "0", "--out", "run"]
    ended = run([sys.executable, "-c", bounded, *words], tmp_path)
    (result,) = read(tmp_path / "run").results
    assert (ended.code, result.verdict) == (ExitCode.SUITE_ERROR, Verdict.ERROR), ended.output
    assert f"{result.id} was ended: it sent more than 3 requests" in result.reason


@pytest.mark.once
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_run_ends_after_its_requests(tmp_path: Path, workers: str) -> None:
    ended = conformance(tmp_path, "run", "storage/object", "--max-requests", "60", "--workers", workers, "--out", "run")
    assert ended.code == ExitCode.INTERRUPTED, ended.output
    assert "The run was ended after 60 requests (--max-requests)." in ended.output
    record = read(tmp_path / "run")
    assert (record.complete, record.leftovers(), bool(record.results)) == (False, [], True)


def test_the_bound_of_the_run_is_shared(tmp_path: Path) -> None:
    budgets = [RequestBudget(None, tmp_path / "requests", 4) for _ in range(2)]
    for budget in [*budgets, *budgets]:
        budget.wait()
    for budget in budgets:
        with pytest.raises(RunBoundReached):
            budget.wait()
    budgets[0].end_run()
    budgets[0].wait()


def test_repeats_that_the_target_asked_for_do_not_count() -> None:
    later = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    with answering(later, GOOD, later, GOOD, GOOD) as (url, served):
        http = HttpClient(url, Recorder())
        http.budget.begin_phase("a/check", 3)
        assert [http.get("/").status for _ in range(3)] == [200, 200, 200]
        with pytest.raises(BoundExceeded):
            [http.get("/") for _ in range(100)]
        http.close()
    assert sum(map(len, served.connections)) >= 5, "three requests, and two repeats"
