"""Selectors, ids and shards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.plugin.checks import CheckInfo, mistakes_among
from conformance.plugin.selection import matches, selected, unmatched
from conformance.plugin.sharding import plan
from conformance.vocabulary.requirement import Clause, Level, Requirement


def check(identifier: str, nodeid: str = "suites/a/test_a.py::test_a", disturbs: str | None = None) -> CheckInfo:
    clause = Clause("RFC 6749 (OAuth 2.0)", "section 5.2", "words", "https://example.org")
    requirement = Requirement(identifier.split("#")[0], "title", clause, Level.MUST, "oauth-core", "ID-01")
    return CheckInfo(identifier, requirement, nodeid, disturbs=disturbs)


TOKEN = check("oauth/token/wrong-secret-is-refused#empty")


@pytest.mark.parametrize(
    "selector",
    [
        "oauth", "oauth/token", "oauth/token/wrong-secret-is-refused", "oauth/token/wrong", "class:oauth-core",
        "level:must", "clause:5.2", "clause:rfc 6749", "ID-01", "id-01", "promise:ID-01",
        "oauth/token/wrong-secret-is-refused#empty",
    ],
)  # fmt: skip
def test_a_selector_matches(selector: str) -> None:
    assert matches(selector, TOKEN)
    assert selected(TOKEN, ["nothing", selector])


@pytest.mark.parametrize(
    "selector",
    [
        "storage", "oaut", "", "/", "class:oauth", "promise:ID-02", "AC-01", "level:may", "clause:9.9",
        "oauth/token/wrong-secret-is-refused#other",
    ],
)  # fmt: skip
def test_a_selector_does_not_match(selector: str) -> None:
    assert not matches(selector, TOKEN)
    assert unmatched([selector], [TOKEN]) == [selector]


def test_equal_ids_and_spread_disturbances_are_mistakes() -> None:
    assert "is also borne by" in mistakes_among([TOKEN, TOKEN])[0]
    apart = [check("a/b/c", "suites/a/test_a.py::x", "rate"), check("a/b/d", "suites/a/test_b.py::y", "rate")]
    assert "in one file only" in mistakes_among(apart)[0]


@pytest.mark.parametrize("durations", [{}, {f"a/b/{number}": float(number) for number in range(150)}])
def test_shards_split_without_loss(durations: dict[str, float]) -> None:
    checks = [check(f"a/b/{number}") for number in range(200)]
    checks += [check(f"a/c/{number}", disturbs="rate") for number in range(9)]
    parts = [plan(reversed(checks) if part == 2 else checks, f"{part}/3", durations) for part in (1, 2, 3)]
    assert sum(len(part.own) for part in parts) == 209 == parts[0].checks
    assert frozenset.union(*(part.own for part in parts)) == {each.id for each in checks}
    assert len({part.digest for part in parts}) == 1
    together = [part for part in parts if any(each.startswith("a/c/") for each in part.own)]
    assert len(together) == 1


def test_the_check_of_the_whole_run_is_in_every_shard() -> None:
    whole = replace(check("a/b/whole"), concludes=True)
    parts = [plan([check("a/b/c"), whole], f"{part}/4", {}) for part in (1, 2, 3, 4)]
    assert all(whole.id in part.own for part in parts)
    assert [part.checks for part in parts] == [2, 2, 2, 2]
