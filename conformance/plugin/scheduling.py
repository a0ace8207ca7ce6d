"""Which worker runs what: the checks of one file run on one worker, one after another.

``--dist loadgroup`` does not group on current releases, so the scheduler is a class of our own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from xdist.scheduler import LoadScopeScheduling

PROGRAMS = "/interoperability/"
COST_OF_PROGRAM = 20
"""A check that starts programs takes as long as some twenty others."""


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files; the longest go first, so that at the end no worker waits long for another."""

    workqueue: OrderedDict[str, dict[str, bool]]

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::", 1)[0]

    def schedule(self) -> None:
        """Deals out the first files, by their number of checks, and puts the others in order."""
        begins = self.collection is None
        super().schedule()
        if begins:
            self.workqueue = longest_first(self.workqueue)


def longest_first(files: Mapping[str, dict[str, bool]]) -> OrderedDict[str, dict[str, bool]]:
    """Files with their checks, those that take longest first."""

    def cost(file: str) -> int:
        return len(files[file]) * (COST_OF_PROGRAM if PROGRAMS in file else 1)

    return OrderedDict((file, files[file]) for file in sorted(files, key=cost, reverse=True))
