"""Requests that several checks judge and that are sent only once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from conformance.evidence.recorder import Recorded, Recorder
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange

T = TypeVar("T")


class Once:
    """Makes each call once and returns its result every time.

    The exchanges are evidence of every check that uses the call. A call that raised or got a gateway error is repeated.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._kept: dict[Hashable, tuple[Any, list[Recorded]]] = {}

    def __call__(self, key: Hashable, call: Callable[[], T]) -> T:
        """Return the result of the call that ``key`` identifies within the session."""
        if key in self._kept:
            found, recorded = self._kept[key]
            self.recorder.reuse(recorded)
        else:
            before = len(self.recorder)
            found = call()
            if not (isinstance(found, Exchange) and found.status in GATEWAY_ERRORS):
                self._kept[key] = found, self.recorder.recorded_from(before)
        result: T = found
        return result
