"""What is checked by itself, in the process that reports, once all workers are done.

That is what disturbs others, and what met an end of the service that may have been another worker's doing: whoever's
request it was, it alone ends the service again.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from conformance.evidence.recorder import RECORDER
from conformance.plugin.options import RunOptions


class Last:
    """The checks that wait for the end."""

    def __init__(self) -> None:
        self._held: dict[str, None] = {}
        self._doubtful: dict[str, None] = {}

    def take(self, told: dict[str, Any]) -> None:
        """Notes what a worker has left, and gets ready for it while others are still at work.

        How its tokens are had again is told by findings of what it was answered.
        """
        RECORDER.recipes.update(told["recipes"])
        self._held.update(dict.fromkeys(told["held"]))
        self._doubtful.update(dict.fromkeys(told["doubtful"]))
        if self._held or self._doubtful:
            importlib.import_module("conformance.plugin.worker")

    def run(self, session: pytest.Session, options: RunOptions) -> int:
        """Runs them, and returns how many of them no worker had among its own."""
        waiting = [*self._doubtful, *self._held]
        if not waiting:
            return 0
        from conformance.plugin.worker import LAST, Worker

        config = session.config
        config.pluginmanager.register(Worker(config, options, LAST), "conformance-worker")
        session.perform_collect([str(config.rootpath / nodeid) for nodeid in waiting])
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return sum(item.nodeid not in self._doubtful for item in session.items)
