"""Requests that several checks look at, each from its own side, and that are therefore made once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from conformance.evidence.recorder import Kept, Recorder

T = TypeVar("T")


class Once:
    """Makes a call the first time that it is asked for, and gives what came of it each time.

    What was sent and received is evidence of every check that asks. A call that raises is made again.
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
            self._kept[key] = found, self.recorder.kept_from(before)
        result: T = found
        return result
