"""The reader of screens reads them right."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.terminal.screen import Size, _in_pipe, _in_terminal, masked, screen


def test_lines_that_were_wiped_are_gone() -> None:
    assert screen("head\na 1/2\nb 0/2\n\x1b[2F\x1b[Ja 2/2\nb 2/2\nend\n") == "head\na 2/2\nb 2/2\nend\n"


def test_what_differs_is_masked(tmp_path: Path) -> None:
    text = f"{tmp_path}/reports/20261125T034049-x at http://127.0.0.1:4711 on 2026-11-25, 12 requests in 1.4 s\x1b[0m"
    assert masked(text, tmp_path) == (
        "<folder>/reports/<moment>-x at http://127.0.0.1:<port> on <date>, <n> requests in <time>␛[0m"
    )


def test_a_terminal_is_one_and_a_pipe_is_none(tmp_path: Path) -> None:
    asks = "import os, sys; print(sys.stdout.isatty() and os.get_terminal_size().columns); sys.exit(7)"
    command = [sys.executable, "-c", asks]
    assert _in_terminal(command, tmp_path, {}, 61) == (7, "61\n")
    assert _in_pipe(command, tmp_path, {}, 61) == (7, "False\n")
    assert Size(61, True) != Size(61, False)
