"""Run folders that cannot be used: one clear message and the designed exit code from every command that takes one.

One spoilt folder is given to every command, every other one to two commands. A command does what it still can: a
report shows the readable part, with a remark, and states nothing of what was never judged.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.reporting.classes import overall, summarise
from conformance.runs.reading import read
from tests.certification import runs
from tests.reporting import samples

DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, a key and the target file that one of them names."""
    folder = tmp_path_factory.mktemp("bad-runs")
    (folder / ".git").mkdir()
    samples.every_verdict(folder / "runs" / "bad", target_file="conformance.toml")
    samples.every_verdict(folder / "runs" / "other")
    runs.keys(folder)
    return folder


@pytest.fixture
def here(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(prepared, tmp_path / "here"))
    monkeypatch.chdir(copy)
    return copy


COMMANDS = {
    "replay": ["replay", "runs/bad"],
    "rejudge": ["rejudge", "runs/bad"],
    "merge": ["merge", "runs/bad", "runs/other", "--out", "merged"],
    "compare-old": ["compare", "runs/bad", "runs/other"],
    "compare-new": ["compare", "runs/other", "runs/bad"],
    "run-baseline": ["run", "webhooks/none", "--baseline", "runs/bad"],
    "history": ["history", "runs"],
    "report": ["report", "runs/bad"],
    "report-index": ["report", "--index", "runs"],
    "certify": ["certify", "runs/bad", "--key", "key.pem", "--out", "s.jsonl", *runs.product_words()],
    "sweep": ["sweep", "runs/bad"],
}


def paired(spoils: Iterable[str], whole: str, *commands: str) -> list[tuple[str, str]]:
    """Every command with one spoil, every spoil with these commands."""
    pairs = [(whole, command) for command in COMMANDS] + [(how, each) for how in spoils for each in commands]
    return list(dict.fromkeys(pairs))


OVER_MANY = {"history", "report-index"}
READ_WHOLE = {"merge", "compare-old", "compare-new", "run-baseline"}


def spoil_line(path: Path, change: Callable[[dict[str, Any]], str]) -> None:
    """Changes the second line, which is the first that tells of a check."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = change(json.loads(lines[1]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def set_in(path: Path, **changes: Any) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, **changes}), encoding="utf-8")


def emptied(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def a_file(run: Path) -> None:
    shutil.rmtree(run)
    run.write_text("x")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@dataclass(frozen=True)
class Spoil:
    """What is done to a run's folder, and the words by which every command refuses it."""

    change: Callable[[Path], object]
    told: str


# No command can use these.
USELESS = {
    "gone": Spoil(shutil.rmtree, "no run.json; not a run's folder"),
    "empty": Spoil(emptied, "no run.json; not a run's folder"),
    "a-file": Spoil(a_file, "no run.json; not a run's folder"),
    "never-began": Spoil(lambda run: (run / "results.ndjson").unlink(), "no results.ndjson"),
    "older-format": Spoil(lambda run: set_in(run / "run.json", format=1), "format 1; this suite reads format 2"),
    "newer-format": Spoil(lambda run: set_in(run / "run.json", format=[3]), "format [3]; this suite reads format 2"),
    "no-seed": Spoil(lambda run: set_in(run / "run.json", seed=None), "run.json: seed: "),
    "more-fields": Spoil(lambda run: set_in(run / "run.json", mood="good"), "run.json: mood: "),
    "cut-info": Spoil(lambda run: (run / "run.json").write_text('{"run_id": "'), "run.json: is not a JSON object"),
    "binary-info": Spoil(lambda run: (run / "run.json").write_bytes(b"\xff\xfe"), "run.json: is not a JSON object"),
    "deep-info": Spoil(lambda run: (run / "run.json").write_text(DEEP), "run.json: is not a JSON object"),
    "list-info": Spoil(lambda run: (run / "run.json").write_text("[]"), "run.json: is not a JSON object"),
    "no-file": Spoil(lambda run: a_folder(run / "results.ndjson"), "results.ndjson: cannot be read"),
}
# A record of which a part cannot be read: a report is made of the rest.
GARBLED = {
    "garbage": Spoil(lambda run: spoil_line(run / "results.ndjson", lambda _: "{garbage"), "is not a JSON object"),
    "deep": Spoil(lambda run: spoil_line(run / "results.ndjson", lambda _: DEEP), "is not a JSON object"),
    "number": Spoil(lambda run: spoil_line(run / "results.ndjson", lambda _: "5"), "is not a JSON object"),
    "verdict": Spoil(
        lambda run: spoil_line(run / "results.ndjson", lambda line: json.dumps({**line, "verdict": "great"})),
        "a check line that is not understood",
    ),
    "finding": Spoil(
        lambda run: spoil_line(run / "results.ndjson", lambda line: json.dumps({**line, "findings": [{}]})),
        "a check line that is not understood (a finding that lacks a part)",
    ),
    "endless": Spoil(
        lambda run: spoil_line(run / "results.ndjson", lambda line: json.dumps({**line, "duration_s": float("inf")})),
        "a check line that is not understood (a duration without end)",
    ),
    "half-a-line": Spoil(
        lambda run: (run / "results.ndjson").write_text((run / "results.ndjson").read_text()[:-300]),
        "is not a JSON object",
    ),
}
SENTENCES = 1


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert "CONFORMANCE_DEBUG" not in said.err
    return [line for line in said.err.splitlines() if not line.startswith("html: ")]


@pytest.mark.parametrize(("how", "command"), paired(USELESS, "cut-info", "report", "history"))
def test_a_folder_that_is_no_run(how: str, command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    USELESS[how].change(here / "runs" / "bad")
    code = main(COMMANDS[command])
    lines = told(capsys)
    if command in OVER_MANY:
        assert code == 0
        assert all(line.startswith("left out: ") for line in lines)
        return
    assert code == 4
    assert len(lines) == SENTENCES and USELESS[how].told in lines[0], lines
    assert "runs/bad" in lines[0]


@pytest.mark.parametrize(("how", "command"), paired(GARBLED, "garbage", "report", "certify"))
def test_a_garbled_record(how: str, command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conformance.toml").write_text("[targets.staging]\norganization = 'acme'\n")
    GARBLED[how].change(here / "runs" / "bad")
    code = main(COMMANDS[command])
    said = capsys.readouterr()
    assert "CONFORMANCE_DEBUG" not in said.err
    if command == "report":
        record = read(here / "runs" / "bad")
        assert code == 0 and said.err.startswith("remark: results.ndjson")
        assert overall(record, summarise(record)).words != "conformant"
    elif command in OVER_MANY:
        # They read no more of a check than its verdict.
        assert code == 0
        assert said.err.startswith("left out: runs/bad/results.ndjson") == (how not in ("finding", "endless"))
    elif command == "certify":
        assert code == 1 and "the run is not complete" in said.out
    elif command == "sweep":
        # What a run left is in its ledger, not in its record; this target is another one.
        assert code == 4 and "another target" in said.err
    else:
        assert code == 4 and GARBLED[how].told.partition(" (")[0] in said.err and said.err.count("\n") == SENTENCES


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interrupted_run(command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conformance.toml").write_text("[targets.staging]\norganization = 'acme'\n")
    path = here / "runs" / "bad" / "results.ndjson"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    code = main(COMMANDS[command])
    said = capsys.readouterr()
    assert "CONFORMANCE_DEBUG" not in said.err
    if command in READ_WHOLE:
        assert code == 4 and "the run is not complete" in said.err and said.err.count("\n") == SENTENCES
    elif command == "certify":
        assert code == 1 and "the run is not complete" in said.out
    elif command == "replay":
        assert code == 7 and "the run is not complete" in said.out
    elif command in {"sweep", "rejudge"}:
        assert code == 4 and said.err.count("\n") == SENTENCES
    else:
        assert code == 0


def spoil_bodies(path: Path) -> int:
    """Gives the bodies of exchanges members of other kinds, each in turn."""
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    odd: list[dict[str, Any]] = [{"size": []}, {"size": 1, "pieces": [True]}, {"size": 1, "text": 7}, {"size": "1"}]
    for number, line in enumerate(line for line in lines if line["kind"] == "exchange"):
        line["response_body"] = line["request_body"] = odd[number % len(odd)]
    return path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))


EVIDENCE: dict[str, Callable[[Path], object]] = {
    "missing": lambda run: shutil.rmtree(run / "evidence"),
    "garbage": lambda run: [each.write_text("{garbage\n") for each in (run / "evidence").iterdir()],
    "deep": lambda run: [each.write_text(DEEP + "\n") for each in (run / "evidence").iterdir()],
    "binary": lambda run: [each.write_bytes(b"\xff\x00\n" * 9) for each in (run / "evidence").iterdir()],
    "shapeless": lambda run: [each.write_text('{"kind": "exchange"}\n') for each in (run / "evidence").iterdir()],
    "bodies": lambda run: [spoil_bodies(each) for each in (run / "evidence").iterdir()],
    "leftovers": lambda run: (run / "leftovers.json").write_text("{x"),
}


@pytest.mark.parametrize(("how", "command"), paired(EVIDENCE, "missing", "report", "certify"))
def test_missing_or_garbled_evidence(how: str, command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conformance.toml").write_text("[targets.staging]\norganization = 'acme'\n")
    EVIDENCE[how](here / "runs" / "bad")
    code = main(COMMANDS[command])
    said = capsys.readouterr()
    assert "CONFORMANCE_DEBUG" not in said.err
    if command == "report" and how == "leftovers":
        assert code == 4 and said.err.endswith("leftovers.json: is not a JSON list of leftovers\n")
    elif command == "report":
        assert code == 0 and all(line.startswith("remark: ") for line in said.err.splitlines())
    elif command == "certify":
        assert code == 1
    elif command in {"compare-old", "compare-new", *OVER_MANY}:
        assert code == 0
    elif command not in {"replay", "run-baseline"}:
        assert code == 4
