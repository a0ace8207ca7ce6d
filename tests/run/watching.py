"""The processes of a command, and their memory, as Linux shows them."""

from __future__ import annotations

import re
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


def peak_of(pid: int) -> int:
    """The most memory in KiB that a process has had; 0 where it has ended."""
    with suppress(OSError):
        if line := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
            return int(line[1])
    return 0
