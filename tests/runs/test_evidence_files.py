"""Files of evidence: compressed, long bodies once, readable up to the last complete check."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.runs.reading import Record, entries_of, read
from conformance.runs.record import STORED_ONCE, EvidenceWriter
from tests.reporting import samples

LONG = b"x" * (STORED_ONCE + 1)


@pytest.fixture
def entries() -> list[dict[str, Any]]:
    """Exchanges of two checks: two with the same long body, one whose body is no text."""
    recorder = samples.recorder()
    for body in (LONG, LONG, b"\xff" * STORED_ONCE):
        samples.exchange(recorder, body=body)
    checks = ("oauth/a/x", "oauth/a/x", "oauth/a/y")
    return [{**entry, "check": check} for entry, check in zip(recorder.entries, checks, strict=True)]


@pytest.fixture
def path(tmp_path: Path, entries: list[dict[str, Any]]) -> Path:
    """The file that the entries were written to, a check at a time."""
    file = tmp_path / "gw0.ndjson.gz"
    writer = EvidenceWriter(file)
    writer.write(entries[:2])
    writer.write(entries[2:])
    assert writer.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    writer.close()
    return file


def test_written_evidence_is_read(path: Path, entries: list[dict[str, Any]]) -> None:
    remarks: list[str] = []
    assert list(entries_of(path, remarks)) == entries
    assert remarks == []


def test_a_long_body_is_stored_once(path: Path) -> None:
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [line["kind"] for line in lines] == ["body", "exchange", "exchange", "body", "exchange"]
    assert lines[1]["response_body"] == lines[2]["response_body"] == {"size": len(LONG), "stored": lines[0]["digest"]}


@pytest.mark.parametrize("left_out", [1, 20])
def test_a_killed_process_leaves_every_complete_check(path: Path, entries: list[dict[str, Any]], left_out: int) -> None:
    path.write_bytes(path.read_bytes()[:-left_out])
    remarks: list[str] = []
    assert list(entries_of(path, remarks))[:2] == entries[:2]
    assert len(remarks) == 1
    assert "cannot be decompressed from here on" in remarks[0]


def test_plain_evidence_of_an_older_suite_is_read(tmp_path: Path) -> None:
    record: Record = samples.every_verdict(tmp_path / "run")
    (compressed,) = record.evidence_files()
    plain = compressed.with_suffix("")
    writing = "".join(json.dumps(entry) + "\n" for entry in record.evidence_of_checks())
    plain.write_text(writing, encoding="utf-8")
    compressed.unlink()
    assert read(record.folder).evidence() == record.evidence()
