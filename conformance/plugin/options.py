"""The options of a run, as pytest options and as plain data for the processes that run checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from conformance.runs.options import OPTIONS, PREFIX
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
    """The report formats that were asked for; pytest.UsageError names one that is not known."""
    from conformance.reporting import FORMATS

    chosen = list(FORMATS) if text == "all" else [each.strip() for each in text.split(",")]
    for each in chosen:
        if each not in FORMATS:
            raise pytest.UsageError(f"--report {each}: not a format; choose from {', '.join(FORMATS)}")
    return chosen


def seed_of(given: int | None, nonce: str | None) -> int:
    """The seed of a run; pytest.UsageError where it was given beside a challenge, which decides it."""
    if nonce and given is not None:
        raise pytest.UsageError("--challenge sets the seed; leave --seed out")
    return challenge_seed(nonce) if nonce else DEFAULT_SEED if given is None else given


@dataclass(frozen=True)
class RunOptions:
    """What a process that runs checks needs to know; plain data, since it goes to workers."""

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
    shard: str | None = None
    durations: str | None = None
    explore_until: float | None = None
    shrink_s: float | None = None
    blocked: dict[str, list[str]] = field(default_factory=dict)
    """Surfaces of which nothing can be judged: why, and what that needs."""
    refused: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Logins that a surface refuses, by surface and role: why, and what that needs."""
    locked: list[str] = field(default_factory=list)
    """Surfaces that answer and refuse every login: only responses to unauthenticated clients are judged there."""
    open: list[str] = field(default_factory=list)
    """Surfaces that ask nobody for a login: no process need find that out anew."""
    accepting: list[str] = field(default_factory=list)
    """Webhooks that accepted an event."""

    def learn(self, states: Iterable[SurfaceState]) -> None:
        """Takes what the preflight has found out."""
        for state in states:
            if state.blocked:
                self.blocked[state.surface] = list(state.blocked)
            if state.refused:
                self.refused[state.surface] = dict(state.refused)
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
        """As JSON-like data."""
        return asdict(self)
