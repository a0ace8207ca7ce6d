"""Which worker runs what: the checks of one file run on one worker, one after another.

Where there are so many workers that the longest file would keep one busy when all others are done, the checks of one
function do. ``--dist loadgroup`` does not group on current releases, so the scheduler is a class of our own.
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
DEAR = {
    "/interoperability/": 20, "_model_properties.py::": 70, "_properties.py::": 20, "/test_revocation.py::": 10,
    "/test_invalid_deliveries.py::": 10, "concealment.py::": 10, "/test_concurrent": 10,
    "/registry/test_tag_pushes.py::": 5, "/registry/test_manifest_pushes.py::": 3,
    "/registry/test_manifest_validation.py::": 3,
}  # fmt: skip
"""As how many others a check counts that starts programs, tries many examples or sends many requests."""
WAITING = {"/test_rate_limit.py": 30, "/test_token_expiry.py": 80}
"""Files that wait for a limit or a lifetime to be over, for as long as so many other checks take.

Begun early, what they wait is others' time; begun last, it would be everybody's. A limit that is left alone meanwhile
ends by itself, so that file is not the first.
"""
LONG = 20
"""What costs so much is followed on its worker by the cheapest that there is, and not by the next that takes long."""
AHEAD, ONE = 2, 1
"""A worker that has no more checks left than this is given more: it begins one only when it knows the next.

One that has a long check before it need not have more than one behind that.
"""
MANY = 5
"""From so many workers on the longest files are the run's length."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files, or functions and single properties.

    The longest go first, so that at the end no worker waits long for another; and each worker begins when it is ready,
    so that none waits for all the others to start.
    """

    workqueue: OrderedDict[str, dict[str, bool]]
    collection: list[str] | None

    def __init__(self, config: pytest.Config, log: Any, workers: int) -> None:
        super().__init__(config, log)
        self.finely = workers >= MANY

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if not self.finely or disturbing(self.config.rootpath / file):
            return file
        return nodeid if PROPERTIES in nodeid else nodeid.split("[", 1)[0]

    @property
    def collection_is_completed(self) -> bool:
        """Whether there is a worker that can be given something."""
        return bool(self.registered_collections)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Takes a worker that is ready; one with other checks than the first is reported and gets none."""
        self.registered_collections[node] = list(collection)
        if not self._check_nodes_have_same_collection():
            del self.registered_collections[node]

    def schedule(self) -> None:
        """Puts the scopes in order when the first worker is ready, and gives each that is ready its first."""
        if self.collection is None:
            self.collection = list(next(iter(self.registered_collections.values())))
            scopes: dict[str, dict[str, bool]] = {}
            for nodeid in self.collection:
                scopes.setdefault(self._split_scope(nodeid), {})[nodeid] = False
            self.workqueue = longest_first(scopes)
        for node in self.nodes:
            self._reschedule(node)

    def _reschedule(self, node: Any) -> None:
        """Gives a worker what it does next, or lets it end."""
        while self.workqueue and node in self.registered_collections and not node.shutting_down:
            left = {
                scope: [nodeid for nodeid, done in checks.items() if not done]
                for scope, checks in self.assigned_work[node].items()
            }
            long = any(cost(scope, checks) >= LONG for scope, checks in left.items())
            if sum(map(len, left.values())) > (ONE if long else AHEAD):
                return
            if long:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            self._assign_work_unit(node)
        if not self.workqueue and not node.shutting_down:
            node.shutdown()


@cache
def disturbing(file: Path) -> bool:
    """Whether checks of a file use up or change something shared: they must not run at the same time."""
    return DISTURBS in file.read_text(encoding="utf-8")


def cost(scope: str, checks: Collection[str]) -> int:
    """How long checks of a scope take, in so many others."""
    place = f"{scope}::"
    each = next((cost for part, cost in DEAR.items() if part in place), 1)
    waits = sum(cost for name, cost in WAITING.items() if f"{name}::" in place)
    return len(checks) * each + waits if checks else 0


def longest_first(scopes: Mapping[str, dict[str, bool]]) -> OrderedDict[str, dict[str, bool]]:
    """Scopes with their checks, those that take longest first."""
    return OrderedDict(sorted(scopes.items(), key=lambda each: cost(*each), reverse=True))
