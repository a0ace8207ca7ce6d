"""Pages of the docs that are run: their commands, in order, in an empty folder, and what they are said to print."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.run import support

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs(folder: Path) -> str:
    """A PATH on which ``conformance`` is the one under test; other programs can be put into the folder."""
    folder.mkdir()
    command = folder / "conformance"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conformance "$@"\n')
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def follow(page: str, folder: Path, path: str) -> None:
    """Does what the page says; every line of a block of text is in what the block before it printed."""
    (folder / ".git").mkdir(parents=True)
    output = ""
    for language, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if language == "sh":
            ran = support.run(["sh", "-euc", text], folder, PATH=path)
            assert ran.code == 0, f"{text}\n{ran.output}"
            output = ran.output
        else:
            for line in text.splitlines():
                assert line.partition("…")[0] in output, f"{line!r} is not in\n{output}"
