"""Which worker runs what: the checks of one file run on one worker, one after another.

Where there are so many workers that the longest file would keep one busy when all others are done, the checks of one
function do. ``--dist loadgroup`` does not group on current releases, so the scheduler is a class of our own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

DISTURBS = "disturbs("
PROGRAMS = "/interoperability/"
PROPERTIES = "_properties.py::"
COST_OF_PROGRAM = 20
"""A check that starts programs, or tries many examples, takes as long as some twenty others."""
WAITING = {"/test_rate_limit.py": 30, "/test_bearer_answers.py": 80}
"""Files that wait for a limit or a lifetime to be over, for as long as so many other checks take.

Begun early, what they wait is others' time; begun last, it would be everybody's. A limit that is left alone meanwhile
ends by itself, so that file is not the first.
"""


MANY = 5
"""From so many workers on the longest files are the run's length."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files, or functions and single properties.

    The longest go first, so that at the end no worker waits long for another.
    """

    workqueue: OrderedDict[str, dict[str, bool]]

    def __init__(self, config: pytest.Config, log: Any, workers: int) -> None:
        super().__init__(config, log)
        self.finely = workers >= MANY

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if not self.finely or disturbing(self.config.rootpath / file):
            return file
        return nodeid if PROPERTIES in nodeid else nodeid.split("[", 1)[0]

    def schedule(self) -> None:
        """Deals out the first files, by their number of checks, and puts the others in order."""
        begins = self.collection is None
        super().schedule()
        if begins:
            self.workqueue = longest_first(self.workqueue)


@cache
def disturbing(file: Path) -> bool:
    """Whether checks of a file use up or change something shared: they must not run at the same time."""
    return DISTURBS in file.read_text(encoding="utf-8")


def longest_first(files: Mapping[str, dict[str, bool]]) -> OrderedDict[str, dict[str, bool]]:
    """Files with their checks, those that take longest first."""

    def cost(file: str) -> int:
        dear = COST_OF_PROGRAM if PROGRAMS in file or PROPERTIES in file else 1
        waits = sum(cost for name, cost in WAITING.items() if file.split("::")[0].endswith(name))
        return len(files[file]) * dear + waits

    return OrderedDict((file, files[file]) for file in sorted(files, key=cost, reverse=True))
