"""Which worker runs what: the checks of one file run on one worker, one after another.

``--dist loadgroup`` does not group on current releases, so the scheduler is a class of our own.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# Areas whose files share one thing that a check changes: the webhook's URL, which rotation replaces.
UNDIVIDED = ("suites/webhooks/",)


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Scopes are files, or areas that cannot be divided; the largest go first."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.split("::", 1)[0]
        return next((area for area in UNDIVIDED if area in file), file)
