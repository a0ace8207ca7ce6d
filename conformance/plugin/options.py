"""The options of a run, as pytest options; ``conformance run`` gives them shorter names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from conformance.reporting import FORMATS
from conformance.vocabulary.amounts import challenge, challenge_seed, examples, seconds, seconds_or_none, seed

if TYPE_CHECKING:
    from conformance.preflight import SurfaceState

DEFAULT_SEED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of a conformance run."""
    group = parser.getgroup("conformance", "conformance runs (pytest suites/)")
    group.addoption("--target", metavar="NAME", help="which target of conformance.toml; none: the only one")
    group.addoption(
        "--target-config", metavar="FILE", help="the target file; none: conformance.toml of this folder or a parent"
    )
    group.addoption(
        "--profile", metavar="NAME", default="full", help="quick, core, full or non-disruptive (default: full)"
    )
    group.addoption(
        "--select",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="an area, id, prefix, class:, level:, clause:; repeatable",
    )
    group.addoption("--explore", metavar="N", type=examples, help="examples a property; 0: the written examples alone")
    group.addoption(
        "--explore-time",
        metavar="SECONDS",
        type=seconds,
        help="no property begins another example after so long a run, but one that has failed",
    )
    group.addoption(
        "--shrink-time",
        metavar="SECONDS",
        type=seconds_or_none,
        help="for how long at most a failing example is made smaller; 0: not at all (default: 20)",
    )
    group.addoption("--run-seed", metavar="N", type=seed, help='seed of everything random, or "random" (default: 1)')
    group.addoption(
        "--challenge",
        metavar="NONCE",
        type=challenge,
        help="a certifier's value, from which the seed is derived: it shows that the run is new",
    )
    group.addoption(
        "--examples-database",
        metavar="DIR",
        help="where failing examples are kept and tried first (default: with the run)",
    )
    group.addoption("--request-rate", metavar="RATE", help='most requests, such as "50/s"; over the target file\'s')
    group.addoption("--shard", metavar="I/N", help="the I-th of N parts of the run")
    group.addoption("--shard-durations", metavar="RUN", help="an earlier run whose durations balance the shards")
    group.addoption("--run-out", metavar="DIR", help="folder for this run (default: a new one in reports/)")
    group.addoption("--waivers", metavar="FILE", help="the waivers (default: waivers.toml beside the target file)")
    group.addoption(
        "--strict-levels", action="store_true", help="a SHOULD counts like a MUST, waived counts as failing"
    )
    group.addoption(
        "--report-formats", metavar="LIST", default="all", help="html,junit,ctrf,markdown,allure,scripts (default: all)"
    )
    group.addoption("--conformance-terminal", action="store_true", help="the suite's own progress in place of pytest's")


def formats_of(text: str) -> list[str]:
    """The report formats that were asked for; pytest.UsageError names one that is not known."""
    chosen = list(FORMATS) if text == "all" else [each.strip() for each in text.split(",")]
    for each in chosen:
        if each not in FORMATS:
            raise pytest.UsageError(f"--report {each}: not a format; choose from {', '.join(FORMATS)}")
    return chosen


def seed_of(given: int | None, nonce: str | None) -> int:
    """The seed of a run; pytest.UsageError where it was given beside a challenge, which decides it."""
    if nonce and given is not None:
        raise pytest.UsageError("--challenge decides the seed of the run; leave the seed out")
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
    locked: list[str] = field(default_factory=list)
    """Those of them that answer, and let none of the logins in: of these it is judged what strangers are told."""
    open: list[str] = field(default_factory=list)
    """Surfaces that ask nobody for a login: no process need find that out anew."""
    taking: list[str] = field(default_factory=list)
    """Webhooks, where they have taken an event."""

    def learn(self, states: Iterable[SurfaceState]) -> None:
        """Takes what the preflight has found out."""
        for state in states:
            if state.blocked:
                self.blocked[state.surface] = list(state.blocked)
            if state.shut:
                self.locked.append(state.surface)
            if state.open:
                self.open.append(state.surface)
            if state.surface == "webhooks" and state.credentials.get("url") == "ok":
                self.taking.append(state.surface)

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return asdict(self)
