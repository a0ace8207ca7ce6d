"""Workers that crash before their first check: each cause once, and how many are replaced."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from conformance.vocabulary.wording import plural

RESTARTS = 4
"""How many crashed workers a run replaces by default: a crash at the start recurs in each new worker."""
LONGEST = 500


def bound(config: pytest.Config) -> None:
    """Set how many workers are replaced; without a limit workers of ``--tx`` would be replaced forever."""
    if getattr(config.option, "maxworkerrestart", "") is None:
        config.option.maxworkerrestart = str(RESTARTS)


class Crashes:
    """Notes workers that crash before they have collected their checks."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._causes: Counter[str] = Counter()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Note a worker that has collected its checks."""
        self._begun.add(node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Note the cause if a worker crashed before that."""
        if error and node.gateway.id not in self._begun:
            self._causes[cause_of(str(error))] += 1

    def sentences(self) -> list[str]:
        """Return a sentence for each cause."""
        return [
            f"{plural(count, 'worker')} ended before the first check: {cause}" for cause, count in self._causes.items()
        ]


def cause_of(error: str) -> str:
    """Return the last part of a traceback, or an error without one, in one line."""
    lines = error.strip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith(("  File ", "    "))]
    return " ".join(" ".join(lines[frames[-1] + 1 if frames else 0 :]).split())[:LONGEST]
