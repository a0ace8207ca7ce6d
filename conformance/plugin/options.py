"""The options of a run, as pytest options and as plain data for the processes that run checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from conformance.runs.options import MOST_REQUESTS, OPTIONS, PREFIX
from conformance.vocabulary.amounts import challenge_seed

if TYPE_CHECKING:
    from conformance.preflight import SurfaceState
    from conformance.target.description import Target

DEFAULT_SEED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a conformance run."""
    group = parser.getgroup("conformance", "conformance runs (pytest suites/, or --pyargs conformance.suites)")
    group.addoption(
        f"{PREFIX}select",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="what conformance run takes as SELECTOR: an area, an id or its beginning, class:, level:, clause:",
    )
    for option in OPTIONS:
        group.addoption(f"{PREFIX}{option.name}", **option.keywords)
    group.addoption(f"{PREFIX}terminal", action="store_true", help="the suite's own progress instead of pytest's")


def formats_of(text: str) -> list[str]:
    """Return the requested report formats; pytest.UsageError names an unknown one."""
    from conformance.reporting import FORMATS

    chosen = list(FORMATS) if text == "all" else [each.strip() for each in text.split(",")]
    for each in chosen:
        if each not in FORMATS:
            raise pytest.UsageError(f"--report {each}: not a format; choose from {', '.join(FORMATS)}")
    return chosen


def seed_of(seed: int | None, nonce: str | None) -> int:
    """Return the seed of a run; pytest.UsageError if both a seed and a challenge, which sets it, are given."""
    if nonce and seed is not None:
        raise pytest.UsageError("--challenge sets the seed; leave --seed out")
    return challenge_seed(nonce) if nonce else DEFAULT_SEED if seed is None else seed


@dataclass(frozen=True)
class RunOptions:
    """The options of a process that runs checks; plain data, since workers receive them."""

    run_id: str
    folder: str
    target_config: str
    target: str
    profile: str
    select: list[str] = field(default_factory=list)
    explore: int = 25
    seed: int = 1
    examples_database: str | None = None
    rate: float | None = None
    most_requests: int = MOST_REQUESTS
    shard: str | None = None
    durations: str | None = None
    explore_until: float | None = None
    shrink_s: float | None = None
    blocked: dict[str, list[str]] = field(default_factory=dict)
    """Surfaces of which nothing can be judged: the cause, and what would help."""
    refused: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Logins that a surface refuses, by surface and role: the cause, and what would help."""
    locked: list[str] = field(default_factory=list)
    """Surfaces that refuse the main login or all writes: only responses to unauthenticated clients are judged."""
    alike: dict[str, str] = field(default_factory=dict)
    """Surfaces that answer alike what must be answered differently, and how."""
    open: list[str] = field(default_factory=list)
    """Surfaces that require no login."""
    accepting: list[str] = field(default_factory=list)
    """Webhooks that accepted an event."""

    def learn(self, states: Iterable[SurfaceState]) -> None:
        """Note the results of the preflight."""
        for state in states:
            if state.blocked:
                self.blocked[state.surface] = list(state.blocked)
            if state.refused:
                self.refused[state.surface] = dict(state.refused)
            if state.alike:
                self.alike[state.surface] = state.alike
            if state.shut:
                self.locked.append(state.surface)
            if state.open:
                self.open.append(state.surface)
            if state.surface == "webhooks" and state.credentials.get("url") == "ok":
                self.accepting.append(state.surface)

    def hand_over(self, target: Target) -> None:
        """Tell a target's surfaces which of their logins are refused."""
        for surface, refused in self.refused.items():
            for role, (cause, needs) in refused.items():
                getattr(target, surface).refuse(role, cause, needs)

    def plain(self) -> dict[str, Any]:
        """Return the options as JSON data."""
        return asdict(self)
