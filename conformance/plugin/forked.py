"""What xdist starts in place of a Python that reads the suites: it lets the nursery fork the worker, and waits for it.

A file to be run by itself, under an interpreter that loads nothing of the site: ``forked.py ADDRESS WORDS…``. Input and
output go over to the worker. Where no nursery answers, this process becomes the worker by the interpreter's own words.
"""

from __future__ import annotations

import os
import signal
import socket
import sys


def forked(address: str) -> bool:
    """Whether the nursery has forked a worker; returns when that has ended."""
    with socket.socket(socket.AF_UNIX) as nursery:
        try:
            nursery.connect(address)
            socket.send_fds(nursery, [b"0"], [0, 1, 2])
            if not nursery.recv(1):
                return False
        except OSError:
            return False
        # An interrupt that all are told of is the worker's to act upon.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        # The worker says nothing more: what is told here is its end.
        nursery.recv(1)
    return True


if __name__ == "__main__":
    address, *ordinary = sys.argv[1:]
    if not forked(address):
        os.execv(sys.executable, [sys.executable, *ordinary])  # noqa: S606
