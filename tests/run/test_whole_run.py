"""The check that judges the run as a whole: it reads the responses to every worker's checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.unjudged import JUDGED_BY
from tests.run.support import conformance, redescribed

pytestmark = pytest.mark.once

OTHER = "errors/400/invalid-body"
# The reference says this in responses to that check, and in none to the check of the whole run.
LEAKED = "slug is missing or malformed"


@pytest.fixture
def config(reference: EmbeddedReference, control: str) -> str:
    """A target file that declares a text of the reference's errors to be a secret of the other organization."""
    return str(redescribed(reference, {r'canaries = \["': f'canaries = ["{LEAKED}", "'}, "canary.toml"))


def test_a_leak_in_a_response_to_another_check_is_a_finding(config: str, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", OTHER, JUDGED_BY, "--config", config, "--workers", "2")
    assert ran.code == 1, ran.output
    verdicts = ran.verdicts()
    assert {name for name, verdict in verdicts.items() if verdict == "fail"} == {JUDGED_BY}
    (found,) = [result for result in ran.record.results if result.id == JUDGED_BY]
    finding = found.findings[0]
    assert LEAKED in finding["observed"] and "the 400 response to POST" in finding["observed"]
    assert (finding["curl"], finding["script"]) == ("", False) and finding["no_script"], "no single request shows it"
    evidence = ran.record.evidence()
    assert all(name in evidence for name in finding["exchanges"])


@pytest.mark.nightly
def test_a_run_without_that_check_names_it(config: str, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", OTHER, "--config", config)
    assert ran.code == 0, ran.output
    assert f"run {JUDGED_BY} with it" in ran.output
