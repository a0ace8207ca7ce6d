"""How many processes a run has, where nobody says it: as many as the distance of the target and the checks ask for.

Near, a process a core: there is nothing to wait for. Far, more: while one waits for its answer another computes. Never
more than the rate lets send, nor so many that their start takes longer than what they save.
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
"""What a request costs a core, of the suite and of what starts with it, beside the waiting for its answer."""
MOST_NEAR = 4
MOST = 24
WORTH = 10
"""For how many requirements it is worth to start one process more."""
FAR_S = 0.010
"""From this round trip on a target is far: waiting takes longer than computing."""

LEFT_TO_US = pytest.StashKey[bool]()


def provisional(config: pytest.Config) -> int:
    """What ``-n auto`` is until the preflight has measured: more than one, so that there are workers at all."""
    config.stash[LEFT_TO_US] = True
    return 2


def count(config: pytest.Config) -> int:
    """How many workers the run has; 0 where its checks run in the process that reports."""
    given = config.getoption("numprocesses", None)
    if isinstance(given, int):
        return given
    # xdist's own way to write it: "2*popen", "socket=HOST:PORT".
    times = [each.partition("*") for each in config.getoption("tx", None) or []]
    return sum(int(number) if mark and number.isdigit() else 1 for number, mark, _ in times)


def settle(config: pytest.Config, states: Iterable[SurfaceState], options: RunOptions, gentle: bool) -> None:
    """Puts the right number in place of the provisional one, before xdist starts them."""
    if not config.stash.get(LEFT_TO_US, False):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = needed(cores, 0.0 if gentle else distance(states), options.rate, asked(options))
    found = found if found > 1 else 0
    config.option.numprocesses, config.option.tx = found, ["popen"] * found
    if not found:
        config.option.dist = "no"
        if config.pluginmanager.has_plugin("dsession"):
            config.pluginmanager.unregister(name="dsession")


def distance(states: Iterable[SurfaceState]) -> float:
    """The shortest of all round trips in seconds: the others may have been to slow surfaces, and not to far ones."""
    return min((state.shortest_trip_s for state in states if state.shortest_trip_s is not None), default=0.0)


def needed(cores: int, round_trip_s: float, rate: float | None, requirements: int) -> int:
    """How many workers make the run short."""
    near = min(cores, MOST_NEAR)
    wanted = min(MOST, cores * (1 + math.ceil(round_trip_s / COMPUTING_S))) if round_trip_s >= FAR_S else near
    if rate is not None:
        # Each can send one request in this time; more of them would only wait for one another.
        wanted = min(wanted, math.ceil(rate * (round_trip_s + COMPUTING_S)))
    return max(1, min(wanted, math.ceil(requirements / WORTH)))


def asked(options: RunOptions) -> int:
    """How many requirements the run is about."""
    profile = profiles()[options.profile]
    selectors: Sequence[str] = [each.partition("#")[0] for each in options.select]
    of_part = int(options.shard.partition("/")[2]) if options.shard else 1
    found = sum(
        profile.selects(each, disturbs=False) and selected(CheckInfo(each.id, each, ""), selectors)
        for each in catalogue()
    )
    return math.ceil(found / of_part)
