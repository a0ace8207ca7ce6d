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


def memory_of(pid: int) -> int:
    """Return the bytes of a process in memory, each shared page divided by the number of its users; 0 if it ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
