"""Sharding: assignment of a run's checks to N parts, which may run on different machines.

Every part computes the same plan: by a digest of each id, or by the durations of an earlier run, so that the parts take
equally long. Checks that disturb the same resource are in the same part, since they must not run concurrently. Checks
that judge the whole run are in every part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from conformance.plugin.checks import CheckInfo
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from conformance.target.description import parse_rate


@dataclass(frozen=True)
class Plan:
    """The checks of this part; ``digest`` is equal in all parts of a run, which has ``checks`` checks in all."""

    own: frozenset[str]
    digest: str
    checks: int


def parse_shard(text: str) -> tuple[int, int]:
    """Return (2, 4) for ``"2/4"``; ValueError if it is not one of N parts."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard {text}: must be I/N with 1 <= I <= N")
    return int(match[1]), int(match[2])


def share_of_rate(rate: str | None, shard: str | None) -> float | None:
    """Return a part's share of the rate in requests a second; None without a rate. Raises ValueError."""
    parts = parse_shard(shard)[1] if shard else 1
    if rate is None:
        return None
    try:
        requests, seconds = parse_rate(rate)
    except ValueError as mistake:
        raise ValueError(f"--rate {rate}: {mistake}") from None
    return requests / seconds / parts


def durations_of(folder: str | None) -> dict[str, float]:
    """Return the duration of each check of an earlier run in seconds; ValueError if it cannot be read."""
    if folder is None:
        return {}
    try:
        return {result.id: result.duration_s for result in read(Path(folder)).results}
    except RecordError as mistake:
        raise ValueError(f"--durations {mistake}") from None


def plan(checks: Iterable[CheckInfo], shard: str, durations: Mapping[str, float]) -> Plan:
    """Return the checks of a shard, by the plan that all shards compute."""
    part, parts = parse_shard(shard)
    units: dict[str, list[str]] = defaultdict(list)
    everywhere = set()
    for check in checks:
        if check.concludes:
            everywhere.add(check.id)
        else:
            units[f"disturbs {check.disturbs}" if check.disturbs else check.id].append(check.id)
    part_of = _balanced(units, parts, durations) if durations else {name: _digest(name) % parts for name in units}
    assigned = {check: part_of[name] for name, unit in units.items() for check in unit}
    summary = json.dumps([parts, sorted(assigned.items()), sorted(everywhere)])
    own = frozenset(check for check, index in assigned.items() if index == part - 1)
    return Plan(own | everywhere, hashlib.sha256(summary.encode()).hexdigest(), len(assigned) + len(everywhere))


def _balanced(units: Mapping[str, list[str]], parts: int, durations: Mapping[str, float]) -> dict[str, int]:
    """Assign the longest unit first, each to the least loaded part; unknown checks have the average duration."""
    unknown = fmean(durations.values())
    lengths = {name: sum(durations.get(check, unknown) for check in unit) for name, unit in units.items()}
    loads = [0.0] * parts
    part_of = {}
    for name in sorted(units, key=lambda name: (-lengths[name], name)):
        part_of[name] = loads.index(min(loads))
        loads[part_of[name]] += lengths[name]
    return part_of


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
