"""Workers that end before they have begun: why, once for each cause, and how many are replaced."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from conformance.vocabulary.wording import plural

RESTARTS = 4
"""How many crashed workers a run replaces where nobody says it: what crashes one at its start crashes each of them."""
LONGEST = 500


def bound(config: pytest.Config) -> None:
    """Sets how many workers are replaced; without it workers behind ``--tx`` would be for ever."""
    if getattr(config.option, "maxworkerrestart", "") is None:
        config.option.maxworkerrestart = str(RESTARTS)


class Crashes:
    """Notes which workers have not come so far as to know their checks."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._causes: Counter[str] = Counter()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Takes a worker that has begun."""
        self._begun.add(node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Takes a worker that has ended."""
        if error and node.gateway.id not in self._begun:
            self._causes[cause_of(str(error))] += 1

    def sentences(self) -> list[str]:
        """A sentence for each cause."""
        return [
            f"{plural(count, 'worker')} ended before the first check: {cause}" for cause, count in self._causes.items()
        ]


def cause_of(error: str) -> str:
    """What a traceback ends with, or an error that has none, in one line."""
    lines = error.strip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith(("  File ", "    "))]
    return " ".join(" ".join(lines[frames[-1] + 1 if frames else 0 :]).split())[:LONGEST]
