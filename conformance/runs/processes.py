"""Python subprocesses of a run, and its end on SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def end_on_sigterm() -> None:
    """Make SIGTERM a KeyboardInterrupt, so that a run ends with its record, its reports and its clean-up.

    Container engines, CI time limits and ``timeout`` send SIGTERM. Only the main thread receives signals.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def own_python(*arguments: str) -> list[str]:
    """Return the command to run a module of the suite, whatever modules the current folder contains.

    In a checkout that is not installed, Python finds the modules in its root folder.
    """
    return [sys.executable, *([] if Path.cwd() == ROOT else ["-P"]), *arguments]
