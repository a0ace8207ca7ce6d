"""A copy of the clone has the files that git tracks, and no more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clone import copy_tracked


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with changes that are not committed, and with a folder of the user's own."""
    folder = tmp_path / "clone"
    (folder / "package").mkdir(parents=True)
    for name in ("changed.py", "deleted.py"):
        (folder / "package" / name).write_text("committed\n")
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "package" / "changed.py").write_text("changed\n")
    (folder / "package" / "deleted.py").unlink()
    for own in (folder / ".venv-own", folder / "package" / "notes.d"):
        own.mkdir()
        (own / "folder").symlink_to(tmp_path)
        (own / "nowhere").symlink_to(tmp_path / "nowhere")
        (own / "notes.md").touch()
    return folder


@pytest.mark.parametrize("paths", [[], ["package"], ["*.py"]], ids=["whole", "a-folder", "a-pattern"])
def test_a_folder_of_the_user_is_not_copied(clone: Path, tmp_path: Path, paths: list[str]) -> None:
    copy = tmp_path / "copy"
    copy_tracked(copy, *paths, root=clone)
    assert [each.relative_to(copy) for each in copy.rglob("*") if not each.is_dir()] == [Path("package/changed.py")]
    assert (copy / "package" / "changed.py").read_text() == "changed\n"
