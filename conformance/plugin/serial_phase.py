"""Checks that run alone, in the reporting process, after all others.

They are the checks that disturb others, and the checks in doubt: their service stopped answering, perhaps because of
another worker's request, or for a while only. If the service is back, the request that stopped it stops it again.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from conformance.evidence.recorder import RECORDER
from conformance.plugin.options import RunOptions


class SerialPhase:
    """The checks that wait for the end; ``_in_doubt`` maps them to the request that was under way."""

    def __init__(self) -> None:
        self._deferred: list[str] = []
        self._in_doubt: dict[str, str] = {}

    def add(self, summary: dict[str, Any]) -> None:
        """Add the checks that a worker deferred, and prepare for them while other workers still run.

        Findings state how the worker's tokens can be obtained again.
        """
        RECORDER.recipes.update(summary["recipes"])
        self._deferred += summary["deferred"]
        self._in_doubt.update(summary["in_doubt"])
        if self._deferred or self._in_doubt:
            importlib.import_module("conformance.plugin.worker")

    def run(self, session: pytest.Session, options: RunOptions) -> int:
        """Run the waiting checks; return how many of them no worker counted."""
        config = session.config
        own = config.pluginmanager.get_plugin("conformance-worker")
        self._in_doubt.update(own.in_doubt if own else {})
        waiting = list(dict.fromkeys([*self._in_doubt, *self._deferred]))
        if not waiting:
            return 0
        from conformance.plugin.worker import SERIAL, Worker

        if own is None:
            own = Worker(config, options, SERIAL)
            config.pluginmanager.register(own, "conformance-worker")
            own.begin_serial_phase(filter(None, self._in_doubt.values()))
            session.perform_collect([str(config.rootpath / nodeid) for nodeid in waiting])
        else:
            own.begin_serial_phase(())
            session.items = [_reset(item) for item in session.items if item.nodeid in self._in_doubt]
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return sum(item.nodeid not in self._in_doubt for item in session.items)


def _reset(item: pytest.Item) -> pytest.Item:
    """Reset an item that has run, since pytest cannot collect twice in one session."""
    if isinstance(item, pytest.Function):
        item._initrequest()
    return item
