"""Sharding: the checks of a run dealt out to N parts, each of which may be another machine's.

Every part makes the same plan from the same checks: by a digest of each id, or where the durations of an earlier run
are given, so that the parts take equally long. Checks that disturb the same thing stay together, since they must not
run at once; those that judge the whole run are judged in every part, over what that part has seen.
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
    """Which checks are this part's; ``digest`` is equal in all parts of one run, of ``checks`` in all."""

    own: frozenset[str]
    digest: str
    checks: int


def parse_shard(text: str) -> tuple[int, int]:
    """``"2/4"`` as (2, 4); ValueError where it is not one of N parts."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard {text}: must be I/N with 1 <= I <= N")
    return int(match[1]), int(match[2])


def share_of_rate(rate: str | None, shard: str | None) -> float | None:
    """Requests a second that a run may make: a part's share of the rate; None without one. ValueError as its parts."""
    parts = parse_shard(shard)[1] if shard else 1
    if rate is None:
        return None
    try:
        requests, seconds = parse_rate(rate)
    except ValueError as mistake:
        raise ValueError(f"--rate {rate}: {mistake}") from None
    return requests / seconds / parts


def durations_of(folder: str | None) -> dict[str, float]:
    """How long each check of an earlier run took, in seconds; ValueError where that cannot be read."""
    if folder is None:
        return {}
    try:
        return {result.id: result.duration_s for result in read(Path(folder)).results}
    except RecordError as mistake:
        raise ValueError(f"--durations {mistake}") from None


def plan(checks: Iterable[CheckInfo], shard: str, durations: Mapping[str, float]) -> Plan:
    """The part of the checks that a shard is, by the plan that all its fellows make."""
    part, parts = parse_shard(shard)
    units: dict[str, list[str]] = defaultdict(list)
    everywhere = set()
    for check in checks:
        if check.concludes:
            everywhere.add(check.id)
        else:
            units[f"disturbs {check.disturbs}" if check.disturbs else check.id].append(check.id)
    dealt = _balanced(units, parts, durations) if durations else {name: _digest(name) % parts for name in units}
    assigned = {check: dealt[name] for name, unit in units.items() for check in unit}
    dealt_out = json.dumps([parts, sorted(assigned.items()), sorted(everywhere)])
    own = frozenset(check for check, place in assigned.items() if place == part - 1)
    return Plan(own | everywhere, hashlib.sha256(dealt_out.encode()).hexdigest(), len(assigned) + len(everywhere))


def _balanced(units: Mapping[str, list[str]], parts: int, durations: Mapping[str, float]) -> dict[str, int]:
    """The longest unit first, each to the part that has least so far; what was never run takes as long as most."""
    unknown = fmean(durations.values())
    lengths = {name: sum(durations.get(check, unknown) for check in unit) for name, unit in units.items()}
    loads = [0.0] * parts
    dealt = {}
    for name in sorted(units, key=lambda name: (-lengths[name], name)):
        dealt[name] = loads.index(min(loads))
        loads[dealt[name]] += lengths[name]
    return dealt


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
