"""Every change of a certified run or its statement is refused: single bytes, lines and files."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.reporting.certification import Refused, certify, statements, verify_run
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from conformance.runs.seal import SUMS, SealError, seal
from conformance.runs.signing import private_key, public_key
from tests.certification import runs
from tests.reporting import samples

BYTES = 200


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its statement and the keys."""
    folder = tmp_path_factory.mktemp("certified")
    private, _ = runs.keys(folder)
    record = runs.run(folder / "run")
    lines = certify(record, runs.wanted(), private_key(private), runs.suite(), lambda _record: [])
    (folder / "s.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.fixture
def copy(certified: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(certified, tmp_path / "copy"))


def refusal(folder: Path) -> str:
    """Why the folder's statement is refused; "" where it is verified."""
    try:
        verify_run(statements(folder / "s.jsonl", public_key(folder / "key.public.pem")), folder / "run", runs.suite())
    except (Refused, SealError, RecordError) as refused:
        return str(refused)
    return ""


def test_every_changed_byte_is_refused(copy: Path) -> None:
    chance = random.Random(20261125)
    files = sorted(each for each in (copy / "run").rglob("*") if each.is_file() and each.stat().st_size)
    for number in range(BYTES):
        path = copy / "s.jsonl" if number % 4 == 0 else chance.choice(files)
        before = path.read_bytes()
        place, other = chance.randrange(len(before)), chance.randrange(1, 256)
        path.write_bytes(before[:place] + bytes([before[place] ^ other]) + before[place + 1 :])
        assert refusal(copy), f"{path.name}, byte {place}: {before[place]} ^ {other} was not noticed"
        path.write_bytes(before)
    assert refusal(copy) == ""


Change = Callable[[list[str]], list[str]]


def passing(line: str) -> str:
    """The line with another verdict."""
    return line.replace('"verdict": "pass"', '"verdict": "not-applicable"')


# The second line is the first of a check in the record.
CHANGES: dict[str, Change] = {
    "without": lambda lines: lines[:1] + lines[2:],
    "twice": lambda lines: [*lines, lines[1]],
    "swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "spaced": lambda lines: [json.dumps(json.loads(lines[0]), separators=(", ", ":  ")), *lines[1:]],
    "passing": lambda lines: [lines[0], passing(lines[1]), *lines[2:]],
}
IN_LINES = [
    *(("run/results.ndjson", change) for change in CHANGES),
    *((name, change) for name in ("run/evidence/main.ndjson.gz", "s.jsonl") for change in list(CHANGES)[:4]),
    *((f"run/{SUMS}", change) for change in list(CHANGES)[:3]),
]


@pytest.mark.parametrize("sealed_again", [False, True], ids=["old-seal", "new-seal"])
@pytest.mark.parametrize(("name", "change"), IN_LINES)
def test_changed_lines_are_refused(copy: Path, name: str, change: str, sealed_again: bool) -> None:
    path = copy / name
    packed = path.suffix == ".gz"
    lines = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode().splitlines()
    assert CHANGES[change](lines) != lines
    changed = "".join(f"{line}\n" for line in CHANGES[change](lines)).encode()
    path.write_bytes(gzip.compress(changed) if packed else changed)
    if sealed_again and ".ndjson" in name:
        seal(copy / "run")
    assert refusal(copy)


def with_other_evidence(run: Path) -> None:
    line = samples.evidence_lines(run / samples.EVIDENCE)[0]
    samples.write_evidence(run / samples.EVIDENCE, [{**line, "status": 201}])


def another_run(run: Path) -> None:
    shutil.rmtree(run)
    runs.run(run, run_id="another")
    seal(run)


def linked(run: Path) -> None:
    (run / "run.json").rename(run.parent / "run.json")
    (run / "run.json").symlink_to(run.parent / "run.json")


IN_FILES: dict[str, Callable[[Path], object]] = {
    "removed": lambda run: (run / "junit.xml").unlink(),
    "added": lambda run: (run / "evidence" / "other.ndjson.gz").write_text(""),
    "renamed": lambda run: (run / "evidence" / "main.ndjson.gz").rename(run / "evidence" / "gw0.ndjson.gz"),
    "without-evidence": lambda run: shutil.rmtree(run / "evidence"),
    "other-evidence": with_other_evidence,
    "another-run": another_run,
    "linked": linked,
}


@pytest.mark.parametrize("change", IN_FILES)
def test_changed_files_are_refused(copy: Path, change: str) -> None:
    IN_FILES[change](copy / "run")
    assert refusal(copy)


def test_a_changed_file_is_named(copy: Path) -> None:
    (copy / "run" / "index.html").write_text("fine")
    assert refusal(copy).endswith("index.html was changed after the run was signed")
    (copy / "run" / "summary.md").unlink()
    assert refusal(copy).endswith("index.html was changed after the run was signed (and 1 more differences)")


def test_a_statement_of_another_signer_is_refused(copy: Path) -> None:
    private, _ = runs.keys(copy, "other")
    lines = certify(read(copy / "run"), runs.wanted(), private_key(private), runs.suite(), lambda _record: [])
    (copy / "s.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert refusal(copy).endswith("s.jsonl:1: it was signed with another key")


def test_a_signer_who_states_more_than_the_run_shows_is_refused(copy: Path) -> None:
    """The key is right, the sums are right: what is stated does not follow from the run."""
    from conformance.runs.signing import opened, signed

    signer = private_key(copy / "key.pem")
    lines = (copy / "s.jsonl").read_text().splitlines()
    told = opened(lines[0], None)
    told["predicate"]["passedTests"].append("registry/more/than-was-shown")
    (copy / "s.jsonl").write_text("".join(f"{line}\n" for line in [signed(told, signer), *lines[1:]]))
    assert refusal(copy) == "the statement of registry-catalog is not what follows from the run"
