"""How a run starts Python again, and how it ends when it is asked to."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def end_on_sigterm() -> None:
    """Make SIGTERM a KeyboardInterrupt, so that a run ends with its record, its reports and its clean-up.

    A container engine that stops it, a CI time limit and ``timeout`` send SIGTERM. Nothing changes outside the main
    thread, since only the main thread receives signals.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def own_python(*words: str) -> list[str]:
    """Return the command with which Python runs a module of ours, whatever modules the current folder contains.

    In a checkout that nobody has installed, the modules are found in its root folder.
    """
    return [sys.executable, *([] if Path.cwd() == ROOT else ["-P"]), *words]
