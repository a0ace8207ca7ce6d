"""Temporary folders of killed processes are removed, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.sandbox.temporary_folder import ALIVE, YOUNG_S, remove_forsaken, scratch_folder

HOLDS = """
import sys
from conformance.sandbox.temporary_folder import Scratch
made = Scratch("workers")
print(made.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of these tests and of what they start."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def holder() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a folder of its own that has been there for a while."""
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        grown_old(folder)
        yield process, folder
        process.kill()


def grown_old(folder: Path) -> Path:
    """The folder, as it is when nothing was made in it for some time."""
    before = time.time() - 2 * YOUNG_S
    os.utime(folder, (before, before))
    return folder


def forsaken(folder: Path) -> Path:
    """A folder as a process leaves it that was killed some time ago."""
    folder.mkdir()
    (folder / ALIVE).touch()
    (folder / "below").mkdir()
    (folder / "below" / "file").touch()
    return grown_old(folder)


def test_the_folder_of_a_killed_process_is_removed(holder: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = holder
    with scratch_folder("workers"):
        assert folder.exists(), "the process that holds it lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with scratch_folder("programs") as own:
        assert own.is_dir()
        assert not folder.exists()
    assert not own.exists()


@pytest.mark.parametrize("name", ["conformance-workers", "workers-a1", "conformance-reports", "xconformance-workers-a"])
def test_a_folder_of_another_name_is_not_removed(temporary: Path, name: str) -> None:
    other = forsaken(temporary / name)
    remove_forsaken(temporary)
    assert (other / "below" / "file").exists()


def test_a_folder_without_a_lock_file_or_of_another_user_is_not_removed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, unlocked = (forsaken(temporary / f"conformance-workers-a{number}") for number in (1, 2))
    (unlocked / ALIVE).unlink()
    grown_old(unlocked)
    remove_forsaken(temporary)
    assert unlocked.exists() and not other.exists()
    other = forsaken(other)
    monkeypatch.setattr(os, "geteuid", lambda: other.stat().st_uid + 1)
    remove_forsaken(temporary)
    assert other.exists()


def test_links_are_not_followed(temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    whole = forsaken(elsewhere / "whole")
    (temporary / "conformance-workers-a1").symlink_to(whole)
    linked = forsaken(temporary / "conformance-workers-a2")
    (linked / ALIVE).unlink()
    (linked / ALIVE).symlink_to(whole / ALIVE)
    grown_old(linked)
    inside = forsaken(temporary / "conformance-workers-a3")
    (inside / "link").symlink_to(whole)
    grown_old(inside)
    remove_forsaken(temporary)
    assert linked.exists() and not inside.exists()
    assert (whole / "below" / "file").exists()


def test_files_and_pipes_among_the_folders_are_tolerated(temporary: Path) -> None:
    (temporary / "conformance-workers-a1").touch()
    os.mkfifo(forsaken(temporary / "conformance-workers-a2") / "pipe")
    pipe = forsaken(temporary / "conformance-workers-a3")
    (pipe / ALIVE).unlink()
    os.mkfifo(pipe / ALIVE)
    for folder in temporary.iterdir():
        grown_old(folder)
    remove_forsaken(temporary)
    remove_forsaken(temporary / "nowhere")
    assert (temporary / "conformance-workers-a1").exists()
    assert not (temporary / "conformance-workers-a2").exists()
