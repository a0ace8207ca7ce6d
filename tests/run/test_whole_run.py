"""What is judged of a run as a whole: every worker's answers count, and nothing seen goes untold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.unjudged import JUDGED_BY
from tests.run.support import conformance

ELSEWHERE = "errors/400/invalid-body"
# What the reference says in that check's answers and in none of the conclusion's own.
SAID_THERE = "slug is missing or malformed"


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """A target file that takes a text of the reference's errors for something of the other organization."""
    reference = EmbeddedReference()
    text = reference.target_config.read_text(encoding="utf-8")
    described = reference.target_config.with_name("canary.toml")
    described.write_text(text.replace('canaries = ["', f'canaries = ["{SAID_THERE}", "'), encoding="utf-8")
    yield described
    reference.stop()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_answer_to_another_check_is_a_finding(config: Path, tmp_path: Path, workers: str) -> None:
    ran = conformance(tmp_path, "run", ELSEWHERE, JUDGED_BY, "--config", str(config), "--workers", workers)
    assert ran.code == 1, ran.output
    verdicts = ran.verdicts()
    assert {name for name, verdict in verdicts.items() if verdict == "fail"} == {JUDGED_BY}
    assert list(verdicts)[-1] == JUDGED_BY
    (found,) = [result for result in ran.record.results if result.id == JUDGED_BY]
    finding = found.findings[0]
    assert SAID_THERE in finding["observed"] and "the body of POST" in finding["observed"]
    assert (finding["curl"], finding["script"]) == ("", True), "no one request shows what several answers say"
    evidence = ran.record.evidence()
    assert all(name in evidence for name in finding["exchanges"])
    assert "showed what another" not in ran.output


def test_without_that_check_the_run_says_what_it_saw(config: Path, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", ELSEWHERE, "--config", str(config), "--workers", "2")
    assert ran.code == 0, ran.output
    assert f"run {JUDGED_BY} with it" in ran.output


def test_where_nothing_leaked_the_conclusion_passes(config: Path, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", "webhooks/methods", JUDGED_BY, "--config", str(config), "--workers", "2")
    assert ran.code == 0, ran.output
    assert ran.verdicts()[JUDGED_BY] == "pass"
