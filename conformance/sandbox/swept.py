"""Results of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Swept:
    """Something that an earlier run left: it is removed, only found (a dry run), or it stays for a reason.

    ``any_run``: the search itself failed, so that leftovers of any run may stay.
    """

    what: str
    outcome: Literal["removed", "found", "stays"]
    reason: str = ""
    any_run: bool = False


@dataclass(frozen=True)
class Removal:
    """What may be removed: names that ``ours`` accepts; nothing if ``dry``."""

    ours: Callable[[str], bool]
    dry: bool

    def done(self, what: str, reasons: list[str]) -> Swept:
        """Return the result of a removal; ``reasons`` say what failed."""
        if self.dry:
            return Swept(what, "found")
        return Swept(what, "stays", "; ".join(reasons[:3])) if reasons else Swept(what, "removed")
