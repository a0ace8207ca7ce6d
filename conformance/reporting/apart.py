"""Reports made in processes of their own, at once: a run's own process stays small, and does not wait for each in turn.

``python -m conformance.reporting.apart RUN FORMAT …`` is one of those processes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.reporting import FORMATS, render_all
from conformance.runs.record import RecordError, read

# The page takes about as long as all the others together.
SLOWEST = "html"


def render_apart(folder: Path, formats: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """Writes the formats into the run's folder: the paths by format, and a sentence for each that could not be."""
    shares = [[name for name in formats if (name == SLOWEST) == slowest] for slowest in (True, False)]
    started = [(share, _start(folder, share)) for share in shares if share]
    failures = []
    for share, process in started:
        said = process.communicate()[1].strip().splitlines() or [f"exit code {process.returncode}"]
        if process.returncode:
            failures.append(f"{folder}: {', '.join(share)} could not be written ({said[-1]})")
    return {name: folder / FORMATS[name][1] for name in formats if (folder / FORMATS[name][1]).exists()}, failures


def _start(folder: Path, formats: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "conformance.reporting.apart", str(folder), *formats]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def main(arguments: Sequence[str]) -> int:
    """Renders the formats of a run; 1 with one sentence on stderr where that cannot be."""
    folder, *formats = arguments
    try:
        render_all(read(Path(folder)), formats)
    except (RecordError, OSError) as mistake:
        print(getattr(mistake, "strerror", None) or mistake, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
