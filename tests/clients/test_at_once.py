"""Calls at one moment: all are made, answers keep their order, what one raises is told after all have ended."""

from __future__ import annotations

import threading

import pytest

from conformance.clients.concurrency import at_once


def test_all_are_on_their_way_at_once() -> None:
    meeting = threading.Barrier(3, timeout=5)
    assert len(at_once([meeting.wait] * 3)) == 3


def test_what_a_call_raises_is_raised() -> None:
    def failing() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        at_once([failing, lambda: 1])
