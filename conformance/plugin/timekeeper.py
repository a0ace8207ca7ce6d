"""The time of a check: its setup, and the check itself, end within limits."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from conformance.plugin.checks import CHECK
from conformance.strategies.properties import PATIENCE_S, OutOfTime


class Timekeeper:
    """Limits the time of a check's setup and of the check."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Limit the time of the setup."""
        with ends_in_time(PATIENCE_S if CHECK in item.stash else 0.0):
            yield

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Limit the time of the check."""
        with ends_in_time(PATIENCE_S if CHECK in item.stash else 0.0):
            yield


@contextmanager
def ends_in_time(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the main thread after so many seconds; 0: no limit."""
    if not seconds:
        yield
        return

    def late(_signal: int, _frame: object) -> None:
        raise OutOfTime(f"the check did not end within {seconds:g} s", "a target that answers in time")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
