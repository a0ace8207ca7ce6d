"""Selectors, ids and what is a mistake in them."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.plugin.checks import CheckInfo, described, mistakes_among
from conformance.plugin.locations import suites_folder
from conformance.plugin.selection import matches, selected, unmatched
from conformance.plugin.sharding import parse_shard, plan
from conformance.vocabulary.requirement import Clause, Level, Requirement
from tests.run.support import conformance, run


def check(identifier: str, nodeid: str = "suites/a/test_a.py::test_a", disturbs: str | None = None) -> CheckInfo:
    clause = Clause("RFC 6749 (OAuth 2.0)", "section 5.2", "words", "https://example.org")
    requirement = Requirement(identifier.split("#")[0], "title", clause, Level.MUST, "oauth-core", "ID-01")
    return CheckInfo(identifier, requirement, nodeid, disturbs=disturbs)


TOKEN = check("oauth/token/wrong-secret-is-refused#empty")


@pytest.mark.parametrize(
    "selector",
    [
        "oauth",
        "oauth/token",
        "oauth/token/wrong-secret-is-refused",
        "oauth/token/wrong",
        "class:oauth-core",
        "level:must",
        "clause:5.2",
        "clause:rfc 6749",
        "ID-01",
        "id-01",
        "promise:ID-01",
        "oauth/token/wrong-secret-is-refused#empty",
    ],
)
def test_a_selector_means_a_check(selector: str) -> None:
    assert matches(selector, TOKEN)
    assert selected(TOKEN, ["nothing", selector])


@pytest.mark.parametrize(
    "selector",
    [
        "storage",
        "oaut",
        "",
        "/",
        "class:oauth",
        "promise:ID-02",
        "AC-01",
        "level:may",
        "clause:9.9",
        "oauth/token/wrong-secret-is-refused#other",
    ],
)
def test_a_selector_does_not_mean_another(selector: str) -> None:
    assert not matches(selector, TOKEN)
    assert unmatched([selector], [TOKEN]) == [selector]


TARGET = """
[targets.it]
organization = "acme"
[targets.it.webhooks]
url = "http://127.0.0.1:{port}/hook"
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["webhooks", "oaut"], "no check matches 'oaut'; did you mean \"oauth\"?"),
        (["webhooks/delivery/post-is-accepted#some"], "no check matches 'webhooks/delivery/post-is-accepted#some'"),
        (["--profile", "ful"], 'did you mean "full"?'),
        (["--shard", "3/2"], "--shard 3/2"),
        (["--rate", "fast"], "--rate fast"),
    ],
)
def test_a_mistake_is_reported_before_anything_is_contacted_or_started(
    tmp_path: Path, words: list[str], told: str
) -> None:
    alone = conformance(tmp_path, "run", *words)
    assert alone.code == 4 and told in alone.output, alone.output
    assert "the embedded reference" not in alone.output

    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "conformance.toml").write_text(TARGET.format(port=server.getsockname()[1]), encoding="utf-8")
        assert conformance(tmp_path, "run", *words).code == 4
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_path_that_is_not_there_is_reported_before_anything_is_started(tmp_path: Path) -> None:
    for words in (["--pyargs", "conformance.suites.oaut"], [str(suites_folder() / "oaut")]):
        ran = run([sys.executable, "-m", "pytest", *words], tmp_path)
        assert ran.code == 4 and f"{words[-1]}: no such file, folder or module" in ran.output, ran.output
        assert "the embedded reference" not in ran.output


def test_no_selector_means_all() -> None:
    assert selected(TOKEN, [])


def test_equal_ids_and_spread_disturbances_are_mistakes() -> None:
    assert "is also borne by" in mistakes_among([TOKEN, TOKEN])[0]
    apart = [check("a/b/c", "suites/a/test_a.py::x", "rate"), check("a/b/d", "suites/a/test_b.py::y", "rate")]
    assert "in one file only" in mistakes_among(apart)[0]


def test_a_docstring_is_purpose_and_steps() -> None:
    text = """Purpose: it holds.

    Method: 1. do this
            2. expect 200, or 204 in 3 cases
    """
    steps = ("it holds.", ["do this", "expect 200, or 204 in 3 cases"])
    assert described(text) == steps
    assert described("Purpose: it holds.\nMethod: 1. do this; 2. expect 200, or 204 in 3 cases") == steps


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


def test_shards_take_equally_long_by_the_last_durations() -> None:
    durations = {"a/b/0": 30.0, **{f"a/b/{number}": 1.0 for number in range(1, 61)}}
    checks = [check(each) for each in durations]
    lengths = [sum(durations[each] for each in plan(checks, f"{part}/3", durations).own) for part in (1, 2, 3)]
    assert lengths == [30.0, 30.0, 30.0]


def test_what_judges_the_whole_run_is_judged_in_every_shard() -> None:
    whole = replace(check("a/b/whole"), concludes=True)
    parts = [plan([check("a/b/c"), whole], f"{part}/4", {}) for part in (1, 2, 3, 4)]
    assert all(whole.id in part.own for part in parts)
    assert [part.checks for part in parts] == [2, 2, 2, 2]


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="--shard"):
        parse_shard(text)
