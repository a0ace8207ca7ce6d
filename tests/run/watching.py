"""The processes of a command, as Linux shows them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def family_of(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family_of(int(child))
    return found
