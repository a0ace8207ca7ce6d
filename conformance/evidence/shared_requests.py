"""Requests that several checks look at, each from its own side, and that are therefore made once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from conformance.evidence.recorder import Kept, Recorder
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange

T = TypeVar("T")


class Once:
    """Makes a call the first time that it is asked for, and gives what came of it each time.

    What was sent and received is evidence of every check that asks. A call that raises is made again, and so is one
    whose answer is what a gateway says of a moment in which it reaches no service.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._kept: dict[Hashable, tuple[Any, list[Kept]]] = {}

    def __call__(self, key: Hashable, call: Callable[[], T]) -> T:
        """What the call returned; the key tells it from others of the session."""
        if key in self._kept:
            found, kept = self._kept[key]
            self.recorder.keep_again(kept)
        else:
            before = len(self.recorder)
            found = call()
            if not (isinstance(found, Exchange) and found.status in GATEWAY_ERRORS):
                self._kept[key] = found, self.recorder.kept_from(before)
        result: T = found
        return result
