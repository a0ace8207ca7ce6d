"""Concurrent calls all start before any returns, and an exception of one is raised."""

from __future__ import annotations

import threading

import pytest

from conformance.clients.concurrency import at_once, in_threads, repeating


def test_all_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=60)
    assert len(at_once([meeting.wait] * 3)) == 3


def test_an_exception_of_a_call_is_raised() -> None:
    def failing() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        at_once([failing, lambda: 1])


def test_repeated_calls_end_if_the_context_is_left_by_an_exception() -> None:
    calls: list[int] = []
    with pytest.raises(KeyError), repeating(lambda: calls.append(1), threads=2, most=10**9, pause_s=0.001) as repeated:
        assert repeated.begun.wait(60)
        raise KeyError("x")
    assert all(each.done() for each in repeated.threads)
    assert [len(each) for each in repeated.results()] != [0, 0]


def test_repeated_calls_end_after_so_many() -> None:
    with repeating(lambda: 1, threads=2, most=3, pause_s=0.001) as repeated:
        waited = [each.result(60) for each in repeated.threads]
    assert waited == repeated.results() == [[1, 1, 1], [1, 1, 1]]


def test_an_exception_of_a_repeated_call_is_raised_by_its_results() -> None:
    with repeating(lambda: 1 // 0, threads=1, most=3, pause_s=0.001) as repeated:
        assert repeated.begun.wait(60)
    with pytest.raises(ZeroDivisionError):
        repeated.results()


def test_calls_for_items_keep_their_order_and_raise_the_first_exception() -> None:
    assert in_threads(lambda each: each * 2, range(5), threads=2) == [0, 2, 4, 6, 8]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda each: 1 // each, range(5), threads=2)
