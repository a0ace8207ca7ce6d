"""Which worker runs what: the checks of one file run on one worker, one after another.

``--dist loadgroup`` does not group on current releases, so the scheduler is a class of our own.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files; the largest go first."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::", 1)[0]
