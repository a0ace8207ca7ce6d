"""The run record, read. What a folder holds stands with how it is written (``record``).

A folder that is not whole is read as far as it goes and says so.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from conformance.evidence.recorded_responses import is_entry
from conformance.runs.record import BODIES, CONTENTS, FORMAT, LEFTOVERS, CheckResult, RecordError, RunInfo
from conformance.vocabulary.verdict import Verdict

FINDING = {"expected", "observed", "hint", "exchanges"}
LONGEST_LINE = 1 << 25
"""Bytes of a line, at most: a small compressed file may claim a line that no memory holds."""
CLAUSE = dict.fromkeys(("document", "section", "quote", "url"), "")


@dataclass
class Record:
    """A run's folder, read: info, results with amendments applied (to which checks), completeness, and remarks."""

    folder: Path
    info: RunInfo
    results: list[CheckResult]
    complete: bool
    remarks: list[str] = field(default_factory=list)
    amended: list[str] = field(default_factory=list)
    _evidence: dict[str, dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def evidence(self) -> dict[str, dict[str, Any]]:
        """Every exchange and transcript by id, read once; what several checks look at is of the first of them."""
        if self._evidence is None:
            self._evidence = {}
            for entry in self.evidence_of_checks():
                self._evidence.setdefault(str(entry["id"]), entry)
        return self._evidence

    def evidence_to_show(self) -> dict[str, dict[str, Any]]:
        """The same for reports, which show no exchange of a run in which nothing goes wrong: then nothing is read."""
        return {} if all(result.went_well for result in self.results) else self.evidence()

    def evidence_of_checks(self) -> Iterator[dict[str, Any]]:
        """Every exchange and transcript of every check, in the order in which they were written.

        What several checks look at comes once for each; lines that cannot be read are left out and remarked on.
        """
        for path in self.evidence_files():
            yield from entries_of(path, self.remarks)

    def evidence_files(self) -> list[Path]:
        """The files of evidence, by name: compressed, or plain NDJSON as an older suite wrote them."""
        folder = self.folder / "evidence"
        return sorted([*folder.glob("*.ndjson"), *folder.glob("*.ndjson.gz")])

    def leftovers(self) -> list[dict[str, str]]:
        """What the run could not remove."""
        path = self.folder / LEFTOVERS
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise RecordError(f"{path}: is not a JSON list of leftovers")
        return found


def read(folder: Path) -> Record:
    """Reads a run's folder; RecordError where it is none, or of another format."""
    record = Record(folder, read_info(folder), [], complete=False)
    path = folder / "results.ndjson"
    if not path.exists():
        raise RecordError(f"{folder}: no results.ndjson; not a run's folder, or a run that never began")
    results: dict[str, CheckResult] = {}
    for line in _lines(path, record.remarks):
        kind = line.pop("kind", None)
        if kind == "check":
            _add(results, line, path, record.remarks)
        elif kind == "amendment":
            record.amended += _amend(results, line, path, record.remarks)
        elif kind == "footer":
            record.complete = bool(line.get("complete"))
    record.results = [*results.values()]
    return record


def read_untouched(folder: Path) -> Record:
    """The same of a run every line of which can be read, though it may have been interrupted; or RecordError."""
    record = read(folder)
    need_untouched(record)
    return record


def need_untouched(record: Record) -> None:
    """RecordError where a line of what was read of a record so far cannot be read."""
    if record.remarks:
        raise RecordError(f"{record.folder}: {record.remarks[0]}; the record was changed after it was written")


def read_whole(folder: Path) -> Record:
    """The same of a run that also came to its end; RecordError where that is not so."""
    record = read_untouched(folder)
    if not record.complete:
        judged = f"{len(record.results)} checks were judged before it ended"
        raise RecordError(f"{folder}: the run is not complete: {judged}; run it again to the end")
    return record


def _add(results: dict[str, CheckResult], line: dict[str, Any], path: Path, remarks: list[str]) -> None:
    try:
        result = _reader(CheckResult).validate_python(line)
        _understood(result)
    except ValueError as mistake:
        remarks.append(f"{path.name}: a check line that is not understood ({_place(mistake)})")
        return
    if result.id in results:
        raise RecordError(f"{path}: {result.id} appears twice")
    result.clause = CLAUSE | result.clause
    results[result.id] = result


def _understood(result: CheckResult) -> None:
    """ValueError, in words without the line's text, where a check line says what nobody understands."""
    if result.verdict not in list(Verdict):
        raise ValueError("an unknown verdict")
    if not all(each.keys() >= FINDING for each in result.findings):
        raise ValueError("a finding that lacks a part")
    if not math.isfinite(result.duration_s):
        raise ValueError("a duration without end")


def _amend(results: dict[str, CheckResult], line: dict[str, Any], path: Path, remarks: list[str]) -> list[str]:
    """Applies an amendment; the id of the check whose verdict it changed."""
    check, verdict, reason = (str(line.get(name)) for name in ("id", "verdict", "reason"))
    if check not in results or verdict not in list(Verdict):
        remarks.append(f"{path.name}: an amendment that is not understood")
        return []
    results[check].verdict, results[check].reason = verdict, reason
    return [check]


@cache
def _reader(kind: type[Any]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _place(mistake: ValueError) -> str:
    """What a line has wrong, without its text, which may be anything."""
    from pydantic import ValidationError

    if not isinstance(mistake, ValidationError):
        return str(mistake)
    first = mistake.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def read_info(folder: Path) -> RunInfo:
    """What ``run.json`` says; RecordError where it cannot be read."""
    path = folder / "run.json"
    try:
        data = json_object(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RecordError(f"{folder}: no run.json; not a run's folder") from None
    except OSError as failure:
        raise RecordError(f"{path}: cannot be read ({failure.strerror})") from None
    except ValueError:
        raise RecordError(f"{path}: is not a JSON object; the file was changed or truncated") from None
    if data.get("format") != FORMAT:
        raise RecordError(f"{path}: format {str(data.get('format'))[:20]}; this suite reads format {FORMAT}")
    try:
        info: RunInfo = _reader(RunInfo).validate_python(data)
    except ValueError as mistake:
        raise RecordError(f"{path}: {_place(mistake)}") from None
    return info


def json_object(text: str) -> dict[str, Any]:
    """A JSON object as it stands in a run's files; ValueError for anything else, however deep."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def entries_of(path: Path, remarks: list[str]) -> Iterator[dict[str, Any]]:
    """The exchanges and transcripts of a file of evidence, with the bodies that they refer to by digest."""
    bodies: dict[str, dict[str, Any]] = {}
    for line in _lines(path, remarks):
        if line.get("kind") == "body":
            bodies[str(line.get("digest"))] = {kind: line[kind] for kind in CONTENTS if kind in line}
            continue
        if _resolved(line, bodies) and is_entry(line):
            yield line
        else:
            _remark(remarks, f"{path.name}: a line that is no exchange or transcript is left out")


def _resolved(line: dict[str, Any], bodies: dict[str, dict[str, Any]]) -> bool:
    """Puts the contents of bodies where a line refers to them; whether all were there."""
    for name in BODIES:
        body = line.get(name)
        if isinstance(body, dict) and "stored" in body:
            digest = str(body.pop("stored"))
            if digest not in bodies:
                return False
            body.update(bodies[digest])
    return True


def _lines(path: Path, remarks: list[str]) -> Iterator[dict[str, Any]]:
    """The lines of a file, an object each; lines that are none are left out and remarked on.

    So is the rest of a compressed file that is damaged, or that a killed process has not written to its end.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE), b""), 1):
                try:
                    yield json_object(line.decode("utf-8", "replace"))
                except ValueError:
                    _remark(remarks, f"{path.name}:{number}: a line that is not a JSON object is left out")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        _remark(remarks, f"{path.name}:{number + 1}: cannot be decompressed from here on; the rest is left out")
    except OSError as failure:
        raise RecordError(f"{path}: cannot be read ({failure.strerror})") from None


def _remark(remarks: list[str], what: str) -> None:
    """Remarks on something once, however often a file is read."""
    if what not in remarks:
        remarks.append(what)
