"""What a sweep finds, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Swept:
    """One thing of an earlier run: removed, only found (a dry run), or it stays, for this reason.

    ``any_run``: nobody could look what else there is, of whichever run.
    """

    what: str
    outcome: Literal["removed", "found", "stays"]
    reason: str = ""
    any_run: bool = False


@dataclass(frozen=True)
class Removal:
    """What may be removed: ``ours`` says it of a name; ``dry``: nothing may, it is only listed."""

    ours: Callable[[str], bool]
    dry: bool

    def done(self, what: str, reasons: list[str]) -> Swept:
        """What became of something after the requests to remove it; ``reasons`` are those that failed."""
        if self.dry:
            return Swept(what, "found")
        return Swept(what, "stays", "; ".join(reasons[:3])) if reasons else Swept(what, "removed")
