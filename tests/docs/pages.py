"""Runs the commands of a page, in order, in an empty folder, and compares what they print with what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.run import support

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(sh|text)( title=\"Second terminal\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What needs a registry of packages; .ci/run runs README's installation.
NOT_RUN = "pip install"
READY_WITHIN_S = 300


def blocks(page: str) -> list[tuple[str, bool, str]]:
    """The blocks of a page: language, whether it runs in a second terminal, text."""
    found = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    return [(language, bool(second), text) for language, second, text in found if NOT_RUN not in text]


def programs(folder: Path) -> str:
    """A PATH on which ``conformance`` is the one under test; other programs can be put into the folder."""
    folder.mkdir()
    command = folder / "conformance"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conformance "$@"\n')
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@dataclass
class Terminals:
    """Two shells in one folder: what the second one starts runs until it starts something else."""

    folder: Path
    path: str
    variables: Mapping[str, str]
    server: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / ".git").mkdir(parents=True)
        self.log = self.folder.with_suffix(".log")

    def run(self, text: str) -> str:
        """Run a block to its end and return what it printed."""
        ran = support.run(["sh", "-euc", text], self.folder, PATH=self.path, **self.variables)
        assert ran.code == 0, f"{text}\n{ran.output}"
        return ran.output

    def serve(self, text: str) -> str:
        """Start a block in the second terminal and return what it printed until it was ready."""
        self.stop()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": self.path}
        with self.log.open("wb") as log:
            command = ["sh", "-euc", f"exec {text}"]
            self.server = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + READY_WITHIN_S
        while "ready" not in (said := self.log.read_text()):
            assert self.server.poll() is None and time.monotonic() < end, f"{text}\n{said}"
            time.sleep(0.05)
        return said

    def stop(self) -> None:
        """Stop what runs in the second terminal."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(READY_WITHIN_S)


@contextmanager
def terminals(folder: Path, path: str, variables: Mapping[str, str]) -> Iterator[Terminals]:
    """Two terminals that leave nothing running."""
    both = Terminals(folder, path, variables)
    try:
        yield both
    finally:
        both.stop()


def follow(page: str, folder: Path, path: str, *, values: Mapping[str, str] | None = None, **variables: str) -> None:
    """Do what the page says; every line of a block of text is in what the block before it printed.

    ``values`` are what stands here for a value of the page, such as the address of a deployment; a line of text counts
    up to its first ``…``.
    """
    output = ""
    with terminals(folder, path, variables) as both:
        for language, second, text in blocks(page):
            for value, ours in (values or {}).items():
                text = text.replace(value, ours)
            if language == "sh":
                output = both.serve(text) if second else both.run(text)
            else:
                for line in text.splitlines():
                    assert line.partition("…")[0] in output, f"{line!r} is not in\n{output}"
