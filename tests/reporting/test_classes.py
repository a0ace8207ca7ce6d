"""What a report states about a conformance class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.classes import overall, summarise
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

WAIVER = {"reason": "known", "issue": "https://issues.example/1", "until": "2026-04-01"}
OLD = {**WAIVER, "until": "2026-02-01"}

NOT_APPLICABLE: dict[str, dict[str, Any]] = {
    "not-claimed": {"optional": True},
    "not-declared": {"lacks": ["hooks.revoke"]},
    "not-installed": {"lacks": ["program:docker"]},
    "not-applicable": {"optional": False},
}


def results(*verdicts: str) -> list[CheckResult]:
    """``MUST pass``, ``SHOULD fail``, ``MUST waived``, ``MUST expired`` …"""
    made = []
    for number, text in enumerate(verdicts):
        level, verdict = text.split()
        waiver: dict[str, Any] | None = {"waived": WAIVER, "expired": OLD}.get(verdict)
        absent = NOT_APPLICABLE.get(verdict, {})
        found = Verdict.FAIL if waiver else Verdict.NOT_APPLICABLE if absent else Verdict(verdict)
        made.append(samples.check(f"oauth/token/n{number}", found, level=level, waiver=waiver, **absent))
    return made


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["MUST pass"], "conformant"),
        (["MUST pass", "SHOULD fail"], "conformant"),
        (["MUST pass", "MUST not-claimed"], "conformant"),
        (["MUST pass", "SHOULD not-declared"], "conformant"),
        (["MUST pass", "MUST not-declared"], "not shown"),
        (["MUST pass", "MUST not-installed"], "not shown"),
        (["MUST pass", "MUST not-applicable"], "not shown"),
        (["MUST fail", "MUST not-declared"], "not conformant"),
        (["SHOULD pass"], "conformant"),
        (["MUST pass", "SHOULD inconclusive"], "conformant"),
        (["MUST pass", "MUST fail"], "not conformant"),
        (["MUST inconclusive", "MUST fail"], "not conformant"),
        (["MUST expired"], "not conformant"),
        (["MUST pass", "MUST inconclusive"], "not shown"),
        (["MUST pass", "MUST error"], "not shown"),
        (["MUST not-applicable"], "not shown"),
        (["MUST waived", "MUST inconclusive"], "not shown"),
        (["MUST pass", "MUST waived"], "conformant with 1 waiver"),
        (["MUST waived", "MUST waived"], "conformant with 2 waivers"),
        (["MUST pass", "SHOULD fail", "strict"], "not conformant"),
        (["MUST pass", "MUST waived", "strict"], "not conformant"),
        (["MUST pass", "incomplete"], "not shown"),
    ],
    ids=" + ".join,
)
def test_the_statement(tmp_path: Path, verdicts: list[str], words: str) -> None:
    made = results(*(each for each in verdicts if " " in each))
    record = samples.written(tmp_path / "run", made, complete="incomplete" not in verdicts, strict="strict" in verdicts)
    [summary] = summarise(record)

    assert summary.words == words
    assert overall(record, [summary]).words == words


def test_a_class_that_is_not_shown_names_the_missing_settings(tmp_path: Path) -> None:
    verdicts = ("MUST pass", "MUST not-installed", "MUST not-declared", "MUST not-applicable")
    record = samples.written(tmp_path / "run", results(*verdicts))

    assert summarise(record)[0].why == "3 requirements not judged; missing: hooks.revoke, the program docker"


@pytest.mark.parametrize(("absent", "words"), [
    ({"lacks": ["program:podman"]}, "conformant"),
    ({}, "conformant"),
    ({"lacks": ["identity.credentials.viewer"]}, "not shown"),
])  # fmt: skip
def test_one_case_shows_a_requirement_unless_the_target_file_lacks_another(
    tmp_path: Path, absent: dict[str, Any], words: str
) -> None:
    cases = [samples.check("oauth/token/a#1"), samples.check("oauth/token/a#2", Verdict.NOT_APPLICABLE, **absent)]
    record = samples.written(tmp_path / "run", cases)

    assert summarise(record)[0].words == words


def test_a_part_of_the_contract_is_called_a_part(tmp_path: Path) -> None:
    record = samples.written(tmp_path / "run", results("MUST pass"), selection=["oauth"])

    whole = overall(record, summarise(record))
    assert whole.words == "passes in part"
    assert whole.why.endswith("; only a part of the contract was checked")


@pytest.mark.parametrize(
    ("size", "selection", "words", "why"),
    [
        (2, [], "conformant", "every binding check passes"),
        (5, ["oauth/token"], "passes in part", "nothing that was checked fails; 3 checks left out"),
        (5, [], "passes in part", "nothing that was checked fails; 3 checks left out"),
        (0, ["-k token"], "passes in part", "nothing that was checked fails; the number of checks left out is unknown"),
    ],
    ids=["all of it", "a selection", "a profile", "a choice of pytest's own"],
)
def test_a_class_of_which_checks_were_left_out_is_not_called_conformant(
    tmp_path: Path, size: int, selection: list[str], words: str, why: str
) -> None:
    made = results("MUST pass", "MUST not-claimed")
    sizes = {made[0].conformance_class: size} if size else {}
    record = samples.written(tmp_path / "run", made, selection=selection, class_sizes=sizes)
    [summary] = summarise(record)

    assert (summary.words, summary.why) == (words, why)


@pytest.mark.parametrize(
    ("basic", "sizes", "words", "why"),
    [
        (Verdict.PASS, {}, "conformant", "every binding check passes"),
        (Verdict.FAIL, {}, "not conformant", "it includes storage-basic: 1 MUST check fails"),
        (None, {"storage-basic": 4}, "not shown", "it includes storage-basic: none of its checks ran"),
        (None, {}, "conformant", "every binding check passes"),
    ],
    ids=["passes", "fails", "did not run", "unknown to the run"],
)
def test_a_core_class_includes_the_basic_one(
    tmp_path: Path, basic: Verdict | None, sizes: dict[str, int], words: str, why: str
) -> None:
    made = [samples.check("storage/get/x")]
    if basic:
        made.append(samples.check("storage/get/y", basic, conformance_class="storage-basic"))
    found = {each.name: each for each in summarise(samples.written(tmp_path / "run", made, class_sizes=sizes))}

    assert (found["storage-core"].words, found["storage-core"].why) == (words, why)
    assert next(iter(found)) == ("storage-basic" if basic else "storage-core")


def test_an_unreadable_line_prevents_a_statement(tmp_path: Path) -> None:
    unreadable = samples.check("oauth/token/x")
    unreadable.verdict = "great"
    record = samples.written(tmp_path / "run", [*results("MUST pass"), unreadable])

    [summary] = summarise(record)
    assert (summary.words, summary.why) == ("not shown", "a part of its record cannot be read")
