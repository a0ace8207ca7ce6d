"""Each variant of the registry changes an answer, and none ever fails."""

from __future__ import annotations

import functools

import pytest

from conformance.reference.alteration import Variant
from conformance.reference.deployment import alterations
from tests.reference import (
    registry_access_scenarios,
    registry_afterwards_scenarios,
    registry_apart_scenarios,
    registry_by_reading_scenarios,
    registry_scenarios,
    registry_unusual_scenarios,
)
from tests.reference.registry_support import Recorded, run
from tests.reference.registry_table import SHOWN_BY as PARTS

KNOWN = {each.__name__: each for each in alterations().values() if each.surface == "registry"}
SCENARIOS = (
    registry_scenarios,
    registry_access_scenarios,
    registry_afterwards_scenarios,
    registry_apart_scenarios,
    registry_by_reading_scenarios,
    registry_unusual_scenarios,
)
CONVERSATIONS = {name: each for module in SCENARIOS for name, each in vars(module).items()}
SHOWN_BY = PARTS | registry_apart_scenarios.SHOWN_BY
SHOWN_BY |= registry_afterwards_scenarios.SHOWN_BY
EVERY_TABLE = (SHOWN_BY, registry_unusual_scenarios.SHOWN_BY, registry_by_reading_scenarios.SHOWN_BY)
SCENARIO_OF = {name: scenario for table in EVERY_TABLE for scenario, names in table.items() for name in names}


@functools.cache
def clean(scenario: str) -> list[Recorded]:
    return run(CONVERSATIONS[scenario])


def test_every_variant_is_seen_to_vary() -> None:
    own = [name for name in VARIANTS if not KNOWN[name].__module__.endswith((".in_front", ".framing"))]
    unseen = [name for name in own if name not in SCENARIO_OF]
    assert unseen == [], "each needs its name in registry_table.SHOWN_BY, at a scenario that it changes"


@pytest.mark.parametrize("name", sorted(SCENARIO_OF))
def test_it_is_seen(name: str) -> None:
    scenario = SCENARIO_OF[name]
    altered = KNOWN[name]
    assert run(CONVERSATIONS[scenario], altered) != clean(scenario)


@pytest.mark.parametrize("scenario", sorted({scenario for table in EVERY_TABLE for scenario in table}))
def test_the_clean_registry_answers_the_same_each_time_and_never_fails(scenario: str) -> None:
    answered = run(CONVERSATIONS[scenario])
    assert answered == clean(scenario)
    assert all(status < 500 for _, _, status, _, _ in answered)


VARIANTS = sorted(name for name, each in KNOWN.items() if issubclass(each, Variant))


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("scenario", ["upload", "ranges", "manifest_deleted", "tag_list", "referrers", "catalog"])
def test_no_variant_ever_fails(name: str, scenario: str) -> None:
    answered = run(CONVERSATIONS[scenario], KNOWN[name])
    assert all(status < 500 or status == 501 for _, _, status, _, _ in answered)
