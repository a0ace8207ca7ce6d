"""The files of the clone that git tracks: what else a person stores in the clone is no part of the suite."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked(*paths: str, root: Path = ROOT) -> list[Path]:
    """Return the tracked files that match one of these paths or patterns, by default all, sorted."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "--", *paths], cwd=root, text=True)
    return sorted(root / name for name in listed.split("\0") if name and (root / name).exists())


def copy_tracked(folder: Path, *paths: str, root: Path = ROOT) -> None:
    """Copy the tracked files to a folder, with their uncommitted changes."""
    for file in tracked(*paths, root=root):
        copy = folder / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
