"""Concurrent calls all start before any returns, and an exception of one is raised."""

from __future__ import annotations

import threading

import pytest

from conformance.clients.concurrency import at_once


def test_all_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)
    assert len(at_once([meeting.wait] * 3)) == 3


def test_an_exception_of_a_call_is_raised() -> None:
    def failing() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        at_once([failing, lambda: 1])
