"""Looks into a docker-registry's storage for what a run has left there and not told in its leftovers.json.

    python -m tests.real_servers.storage FOLDER RUN [IN-FLIGHT]

FOLDER is the registry's root directory. Tags, manifests, links to blobs and open upload sessions of the run's
repositories count; folders of repositories and unreferenced blobs do not, since no registry of this family can delete
them, nor does the hash state that it writes again after a session was cancelled. Of a run that was killed IN-FLIGHT
sessions may be left: those of its workers' last requests, whose answers nobody read, so that nobody knows where they
are (no end-point lists sessions). Exit 1 where something else is left untold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORIES = "docker/registry/v2/repositories"


def left(folder: Path, run_id: str) -> Iterator[str]:
    """Paths of what is left of a run's, relative to the repositories."""
    root = folder / REPOSITORIES
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        parts = name.parts
        if f"-cf-{run_id}-" not in str(name) or not path.is_file():
            continue
        if "_uploads" in parts:
            if parts[-1] == "startedat":
                yield str(name.parent)
        elif "_layers" in parts or "_manifests" in parts:
            yield str(name)


def untold(folder: Path, run: Path) -> list[str]:
    """What is left and not in the run's leftovers; an upload session is told by its id."""
    run_id = json.loads((run / "run.json").read_text(encoding="utf-8"))["run_id"]
    told = (run / "leftovers.json").read_text(encoding="utf-8")
    return [each for each in left(folder, run_id) if each.split("/_uploads/")[-1] not in told]


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 4
    found = untold(Path(arguments[0]), Path(arguments[1]))
    in_flight = int(arguments[2]) if len(arguments) == 3 else 0
    print("\n".join(f"left and not told: {each}" for each in found) or "nothing is left that is not told")
    return 0 if len(found) <= in_flight and all("/_uploads/" in each for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
