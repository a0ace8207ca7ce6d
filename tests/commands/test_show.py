"""``conformance show``: the exchanges of one check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.commands import main
from conformance.vocabulary.verdict import ExitCode
from tests.reporting import samples

CHECK = "oauth/token/wrong-secret-is-refused#wrong"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with every verdict, whose evidence has exchanges and a transcript."""
    return samples.every_verdict(tmp_path / "run").folder


def test_the_exchanges_of_a_check_are_printed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = samples.recorder()
    passing = samples.check("oauth/a/x", exchanges=[samples.exchange(recorder, 201, b'{"a":1}')])
    folder = samples.written(run.with_name("other"), [passing], recorder).folder

    assert main(["show", str(folder), "oauth/a/x"]) == ExitCode.CONFORMANT

    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "oauth/a/x: pass, 1 exchange in the evidence"
    assert printed[2] == f"{passing.exchanges[0]}  POST https://identity.staging.example/oauth/token"
    assert "< 201 Created" in printed
    assert "< Content-Type: application/json" in printed
    assert printed[-4:] == ["< {", '<   "a": 1', "< }", "< (7 bytes)"]


def test_every_check_of_a_run_can_be_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [json.loads(line).get("id") for line in (run / "results.ndjson").read_text().splitlines()]
    for check in filter(None, ids):
        assert main(["show", str(run), check]) == ExitCode.CONFORMANT
        printed = capsys.readouterr().out
        assert printed.startswith(f"{check}: ")
        assert "\x1b" not in printed


@pytest.mark.parametrize(
    ("name", "check", "told"),
    [
        ("run", CHECK.partition("#")[0], f'in this run; did you mean "{CHECK}"?'),
        ("run", "zzz", "results.ndjson lists the checks of the run"),
        ("none", CHECK, "no run.json; not a run's folder"),
    ],
)  # fmt: skip
def test_an_unknown_run_or_check_is_one_message(
    run: Path, name: str, check: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(run.with_name(name)), check]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
