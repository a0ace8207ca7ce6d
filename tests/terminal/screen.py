"""The screen or pipe output of a command as a person sees it, with its exit code."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT_S = 300
MOVES = re.compile(r"\x1b\[(\d+)F\x1b\[J")
# Values that differ from run to run, and their placeholders.
VOLATILE = {
    r"\d{8}T\d{6}": "<moment>",
    r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?": "<date>",
    r"\d{1,2} [A-Z][a-z]+ 20\d\d": "<day>",
    r"127\.0\.0\.1:\d+": "127.0.0.1:<port>",
    r"\b\d+(\.\d+)? m?s\b|\b\d+ min \d+ s\b": "<time>",
    r"[\d,]+ requests?\b": "<n> requests",
    r"\d+ checks missing, \S+": "<n> checks missing, <id>",
    r"\d+ checks left out": "<n> checks left out",
    r"[\d,]+ of [\d,]+ verdicts": "<n> of <n> verdicts",
    r"; [\d,]+ depend on": "; <n> depend on",
    r"\b(?=[0-9a-f]*\d)[0-9a-f]{20,64}\b": "<digest>",
    r"run [0-9a-z]{11}\b": "run <id>",
    r"\d+ checks passed": "<n> checks passed",
    r"\d+ checks steady": "<n> checks steady",
    r"\d+ checks: \d+ passed;": "<n> checks: <n> passed;",
}


@dataclass(frozen=True)
class Size:
    """Where the output goes: a terminal or a pipe, and how wide it is."""

    columns: int
    terminal: bool


def shown(words: list[str], folder: Path, size: Size) -> str:
    """The command, all that ``conformance WORDS`` shows in the folder, and its exit code."""
    code, output = raw(words, folder, size)
    return f"$ conformance {' '.join(words)}\n{masked(screen(output), folder)}[exit code {code}]\n"


def raw(words: list[str], folder: Path, size: Size, **environment: str) -> tuple[int, str]:
    """The exit code of ``conformance WORDS`` and every character that it writes."""
    ignored = ("CI", "GITHUB_ACTIONS", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
    variables = {name: value for name, value in os.environ.items() if name not in ignored}
    variables |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHON_COLORS": "0", "TERM": "xterm"}
    variables |= {"DOCKER_HOST": "unix:///nonexistent", "HOME": str(folder)}
    variables |= environment
    command = [sys.executable, "-m", "conformance", *words]
    return (_in_terminal if size.terminal else _in_pipe)(command, folder, variables, size.columns)


def _in_pipe(command: list[str], folder: Path, variables: dict[str, str], columns: int) -> tuple[int, str]:
    ended = subprocess.run(
        command, cwd=folder, env={**variables, "COLUMNS": str(columns)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT_S, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout


def _in_terminal(command: list[str], folder: Path, variables: dict[str, str], columns: int) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(command, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    try:
        while piece := os.read(ours, 65536):
            output += piece
    except OSError:
        pass  # The last process that had the terminal has gone.
    finally:
        os.close(ours)
    return process.wait(TIME_LIMIT_S), output.decode().replace("\r\n", "\n")


def screen(output: str) -> str:
    """The output as it stands in the end: lines that were wiped and drawn anew, once."""
    kept = ""
    for piece in re.split(r"(\x1b\[\d+F\x1b\[J)", output):
        move = MOVES.fullmatch(piece)
        lines = kept.splitlines(keepends=True)
        kept = "".join(lines[: len(lines) - int(move[1])]) if move else kept + piece
    return kept


def masked(text: str, folder: Path) -> str:
    """The text without what differs from run to run; colours are kept, as what they are."""
    text = text.replace(str(folder), "<folder>").replace("\x1b", "␛")
    for pattern, mask in VOLATILE.items():
        text = re.sub(pattern, mask, text)
    return text
