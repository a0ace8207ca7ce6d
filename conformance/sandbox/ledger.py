"""The ledger: how to undo each thing that a worker created. Undoing never decides a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Things created by one worker, with the call that removes each, newest first at clean-up."""

    _entries: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def created(self, what: str, remove: Callable[[], None]) -> None:
        """Notes something created and how it is removed; the call may raise anything where it cannot."""
        self._entries.append((what, remove))

    def clean_up(self) -> list[dict[str, str]]:
        """Removes everything noted and returns what could not be removed, with the reason."""
        leftovers = []
        while self._entries:
            what, remove = self._entries.pop()
            try:
                remove()
            except (Exception, AssertionError) as reason:
                leftovers.append({"what": what, "reason": str(reason)[:500]})
        return leftovers
