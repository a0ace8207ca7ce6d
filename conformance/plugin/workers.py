"""The default number of a run's processes, by the distance of the target and the number of checks.

For a near target a process for each core; for a far one more, since they wait for responses. Never more than the rate
permits, nor so many that starting them takes longer than they save.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence

import pytest

from conformance.contract.catalogue import catalogue
from conformance.contract.profiles import profiles
from conformance.plugin.checks import CheckInfo
from conformance.plugin.options import RunOptions
from conformance.plugin.selection import selected
from conformance.preflight import SurfaceState

COMPUTING_S = 0.005
"""Processor time of a request, without the time to wait for its response."""
MOST_NEAR = 4
MOST = 24
WORTH = 10
"""The number of requirements that justifies one more process."""
FAR_S = 0.010
"""From this round trip on a target is far: waiting dominates."""

AUTOMATIC = pytest.StashKey[bool]()


def provisional(config: pytest.Config) -> int:
    """Return the value of ``-n auto`` until the preflight has measured: more than one, so that xdist has workers."""
    config.stash[AUTOMATIC] = True
    return 2


def count(config: pytest.Config) -> int:
    """Return how many workers the run has; 0 if the reporting process runs the checks."""
    processes = config.getoption("numprocesses", None)
    if isinstance(processes, int):
        return processes
    # xdist's syntax: "2*popen", "socket=HOST:PORT".
    times = [each.partition("*") for each in config.getoption("tx", None) or []]
    return sum(int(number) if mark and number.isdigit() else 1 for number, mark, _ in times)


def settle(config: pytest.Config, states: Iterable[SurfaceState], options: RunOptions, gentle: bool) -> None:
    """Replace the provisional number of workers before xdist starts them."""
    if not config.stash.get(AUTOMATIC, False):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = needed(cores, 0.0 if gentle else distance(states), options.rate, requirement_count(options))
    found = found if found > 1 else 0
    config.option.numprocesses, config.option.tx = found, ["popen"] * found
    if not found:
        config.option.dist = "no"
        if config.pluginmanager.has_plugin("dsession"):
            config.pluginmanager.unregister(name="dsession")


def distance(states: Iterable[SurfaceState]) -> float:
    """Return the shortest of all round trips in seconds: the others may be slow surfaces instead of far ones."""
    return min((state.shortest_trip_s for state in states if state.shortest_trip_s is not None), default=0.0)


def needed(cores: int, round_trip_s: float, rate: float | None, requirements: int) -> int:
    """Return the number of workers that makes the run short."""
    near = min(cores, MOST_NEAR)
    workers = min(MOST, cores * (1 + math.ceil(round_trip_s / COMPUTING_S))) if round_trip_s >= FAR_S else near
    if rate is not None:
        # Each worker sends one request in this time; more workers would only wait.
        workers = min(workers, math.ceil(rate * (round_trip_s + COMPUTING_S)))
    return max(1, min(workers, math.ceil(requirements / WORTH)))


def requirement_count(options: RunOptions) -> int:
    """Return the number of selected requirements."""
    profile = profiles()[options.profile]
    selectors: Sequence[str] = [each.partition("#")[0] for each in options.select]
    parts = int(options.shard.partition("/")[2]) if options.shard else 1
    found = sum(
        profile.selects(each, disturbs=False) and selected(CheckInfo(each.id, each, ""), selectors)
        for each in catalogue()
    )
    return math.ceil(found / parts)
