"""Processes that help a run beside its own: forks of it where that can be, and they end when the run does.

A helper is told its work over a socket, its lifeline, of which it is the last thing it hears that the run has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDING_S = 10.0
"""How long a helper may go on with what it is at when it is no longer wanted."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
"""What ends a run before its time: a person at the keyboard, and whatever has started it: a container's engine that
stops it, a CI's limit of time, ``timeout``."""


def heed(*interrupts: int) -> None:
    """Makes each of them a KeyboardInterrupt, so that a run ends with its record, its reports and its clean-up.

    Nothing changes outside a process's main thread, which alone is told of signals.
    """
    if threading.current_thread() is threading.main_thread():
        for each in interrupts:
            signal.signal(each, signal.default_int_handler)


def leave_interrupts() -> None:
    """Leaves them to the run: for a helper that ends when the run does, though all may be told of them."""
    for each in INTERRUPTS:
        signal.signal(each, signal.SIG_IGN)


def own_python(*words: str) -> list[str]:
    """The command by which Python runs a part of ours, whatever modules lie in the folder that one stands in.

    Of a checkout that nobody has installed, its root is where they are.
    """
    return [sys.executable, *([] if Path.cwd() == ROOT else ["-P"]), *words]


class Helper:
    """A child of this process that ends when its lifeline is closed."""

    def __init__(self, pid: int, lifeline: socket.socket) -> None:
        self.pid, self.lifeline = pid, lifeline
        # Stays its own, whoever has waited for it and whatever else has that number since.
        self._descriptor = os.pidfd_open(pid)

    def ended(self, seconds: float) -> bool:
        """Whether it has ended within some seconds."""
        ended = bool(select.select([self._descriptor], [], [], seconds)[0])
        if ended:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        return ended

    def end(self) -> None:
        """Ends it when it has done what it is at, or after ``ENDING_S``."""
        self.lifeline.close()
        if not self.ended(ENDING_S):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            self.ended(ENDING_S)
        os.close(self._descriptor)


_prepared: defaultdict[str, list[Helper]] = defaultdict(list)


def prepare(module: str, *given: str) -> None:
    """Forks what will be a helper of a run that begins in this process, and ends with it at the latest.

    It has what this process has imported, and runs the module's ``main`` with its lifeline's descriptor and what is
    given. Nothing is forked where that cannot be: of several threads a fork has but one, and what the others held
    stays locked.
    """
    if sys.platform == "linux" and threading.active_count() == 1:
        _prepared[module].append(_forked(module, given))


def prepared(module: str) -> Helper | None:
    """A helper that was prepared and has nothing to do yet."""
    return _prepared[module].pop() if _prepared[module] else None


def _forked(module: str, given: Sequence[str]) -> Helper:
    sys.stdout.flush()
    ours, its = socket.socketpair()
    pid = os.fork()
    if pid:
        its.close()
        return Helper(pid, ours)
    code = 1
    try:
        ours.close()
        for each in (helper for helpers in _prepared.values() for helper in helpers):
            # Else what was forked before this would not hear that the run has ended.
            each.lifeline.close()
        # What was there before is no garbage of this process: not to be looked through again and again.
        gc.freeze()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        code = importlib.import_module(module).main(its.detach(), *given)
    finally:
        # What the process of the run has to do at its end is not for this one to do.
        os._exit(code)


def started(module: str, *given: str) -> Helper:
    """The same as a process of its own, which has everything to import."""
    ours, its = socket.socketpair()
    with its:
        its.set_inheritable(True)
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
        begin = f"import sys; from {module} import main; sys.exit(main({its.fileno()}, *sys.argv[1:]))"
        words = own_python("-c", begin, *given)
        return Helper(os.posix_spawn(sys.executable, words, os.environ, file_actions=nowhere), ours)
