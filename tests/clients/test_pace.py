"""Requests of all processes and threads keep the given rate; a stopped clock shows their times."""

from __future__ import annotations

import multiprocessing
import struct
import time
from pathlib import Path

import pytest

from conformance.clients.transport.rate_limiter import Pace

RATE = 1000.0


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_each_request_waits_one_interval_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: bool) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(time, "sleep", waits.append)
    book = tmp_path / "pace" if shared else None
    paces = [Pace(2.0, book), Pace(2.0, book)] if shared else [Pace(2.0)] * 2

    for pace in [*paces, *paces]:
        pace.wait()

    assert waits == [0.5, 1.0, 1.5]


def take(book: str, times: int) -> None:
    """What a worker does."""
    pace = Pace(RATE, Path(book))
    for _ in range(times):
        pace.wait()


def test_processes_share_one_rate(tmp_path: Path) -> None:
    book = tmp_path / "pace"
    take(str(book), 1)
    first = struct.unpack("d", book.read_bytes())[0]

    processes = [multiprocessing.get_context("spawn").Process(target=take, args=(str(book), 50)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    # A hundred moments were taken, each a gap after the one before or later.
    assert struct.unpack("d", book.read_bytes())[0] >= first + 100 / RATE - 1e-9


def test_a_damaged_rate_file_is_reset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pace").write_bytes(b"abc")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("slept"))
    Pace(1.0, tmp_path / "pace").wait()
