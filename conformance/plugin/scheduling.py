"""Distribution of checks to workers: the checks of a file, or with many workers of a function, run on one worker.

Functions are the unit if the longest file would outlast all other work. The scheduler is a separate class because
``--dist loadgroup`` does not group on current releases.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

DISTURBS = "disturbs("
PROPERTIES = "_properties.py::"
COSTS = {
    "/interoperability/": 20, "_model_properties.py::": 70, "_properties.py::": 20, "/test_revocation.py::": 10,
    "/test_invalid_deliveries.py::": 10, "concealment.py::": 10, "/test_concurrent": 10,
    "/registry/test_tag_pushes.py::": 5, "/registry/test_manifest_pushes.py::": 3,
    "/registry/test_manifest_validation.py::": 3,
}  # fmt: skip
"""The cost of checks that start programs, try many examples or send many requests; other checks cost 1."""
WAITING = {"/test_rate_limit.py": 30, "/test_token_expiry.py": 80}
"""The cost of files that wait for a rate limit or a token's expiry, in checks.

They begin early, so that other workers run meanwhile. A rate limit resets without traffic, so its file is not the
first.
"""
LONG = 20
"""After a scope of this cost its worker gets the cheapest one, not the next expensive one."""
AHEAD, ONE = 2, 1
"""A worker with no more pending checks gets new ones, since it begins a check only if it knows the next.

With a long check pending, one more is enough.
"""
MANY = 5
"""With so many workers the longest files determine the run's duration."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files, or functions and single properties.

    The longest run first, so that workers end at about the same time. Each worker begins as soon as it is ready.
    """

    workqueue: OrderedDict[str, dict[str, bool]]
    collection: list[str] | None

    def __init__(self, config: pytest.Config, log: Any, workers: int) -> None:
        super().__init__(config, log)
        self.by_function = workers >= MANY

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if not self.by_function or disturbing(self.config.rootpath / file):
            return file
        return nodeid if PROPERTIES in nodeid else nodeid.split("[", 1)[0]

    @property
    def collection_is_completed(self) -> bool:
        """Whether a worker is ready."""
        return bool(self.registered_collections)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Add a ready worker; one with other checks than the first is reported and gets none."""
        self.registered_collections[node] = list(collection)
        if not self._check_nodes_have_same_collection():
            del self.registered_collections[node]

    def schedule(self) -> None:
        """Order the scopes when the first worker is ready, and give each ready worker its first checks."""
        if self.collection is None:
            self.collection = list(next(iter(self.registered_collections.values())))
            scopes: dict[str, dict[str, bool]] = {}
            for nodeid in self.collection:
                scopes.setdefault(self._split_scope(nodeid), {})[nodeid] = False
            self.workqueue = longest_first(scopes)
        for node in self.nodes:
            self._reschedule(node)

    def _reschedule(self, node: Any) -> None:
        """Give a worker its next checks, or let it end."""
        while self.workqueue and node in self.registered_collections and not node.shutting_down:
            pending = {
                scope: [nodeid for nodeid, done in checks.items() if not done]
                for scope, checks in self.assigned_work[node].items()
            }
            long = any(cost(scope, checks) >= LONG for scope, checks in pending.items())
            if sum(map(len, pending.values())) > (ONE if long else AHEAD):
                return
            if long:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            self._assign_work_unit(node)
        if not self.workqueue and not node.shutting_down:
            node.shutdown()


@cache
def disturbing(file: Path) -> bool:
    """Return whether checks of a file use up or change something shared: they must not run concurrently."""
    return DISTURBS in file.read_text(encoding="utf-8")


def cost(scope: str, checks: Collection[str]) -> int:
    """Return the cost of a scope, in ordinary checks."""
    path = f"{scope}::"
    each = next((cost for part, cost in COSTS.items() if part in path), 1)
    waits = sum(cost for name, cost in WAITING.items() if f"{name}::" in path)
    return len(checks) * each + waits if checks else 0


def longest_first(scopes: Mapping[str, dict[str, bool]]) -> OrderedDict[str, dict[str, bool]]:
    """Return the scopes with their checks, the most expensive first."""
    return OrderedDict(sorted(scopes.items(), key=lambda each: cost(*each), reverse=True))
