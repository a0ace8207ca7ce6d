"""Reading of run records; ``record`` describes the format.

A damaged record is read as far as possible, with remarks on what is missing.
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

FINDING = {"expected", "observed", "hint", "exchanges", "deviation"}
LONGEST_LINE = 1 << 25
"""Bytes of a line, at most: a small compressed file may expand to a line larger than memory."""
CLAUSE = dict.fromkeys(("document", "section", "quote", "url"), "")


@dataclass
class Record:
    """The content of a run's folder; ``amended`` are the checks whose amendments ``results`` include."""

    folder: Path
    info: RunInfo
    results: list[CheckResult]
    complete: bool
    remarks: list[str] = field(default_factory=list)
    amended: list[str] = field(default_factory=list)
    _evidence: dict[str, dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def evidence(self) -> dict[str, dict[str, Any]]:
        """Return every exchange and transcript by id, read once; a shared one is of the first check that uses it."""
        if self._evidence is None:
            self._evidence = {}
            for entry in self.evidence_of_checks():
                self._evidence.setdefault(str(entry["id"]), entry)
        return self._evidence

    def evidence_to_show(self) -> dict[str, dict[str, Any]]:
        """Return the evidence for reports: none if nothing went wrong, since they show none then."""
        return {} if all(result.went_well for result in self.results) else self.evidence()

    def evidence_of_checks(self) -> Iterator[dict[str, Any]]:
        """Yield every exchange and transcript of every check, in the order of writing.

        A shared exchange comes once for each check. Unreadable lines are left out, with a remark.
        """
        for path in self.evidence_files():
            yield from entries_of(path, self.remarks)

    def evidence_files(self) -> list[Path]:
        """Return the files of evidence, by name: compressed, or plain NDJSON of an older suite."""
        folder = self.folder / "evidence"
        return sorted([*folder.glob("*.ndjson"), *folder.glob("*.ndjson.gz")])

    def leftovers(self) -> list[dict[str, str]]:
        """Return the leftovers: what the run could not remove."""
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
    """Read a run's folder; RecordError if it is not one, or has another format."""
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
    """Read a run that may have been interrupted; RecordError if a line cannot be read."""
    record = read(folder)
    need_untouched(record)
    return record


def need_untouched(record: Record) -> None:
    """Raise RecordError if a line of the record could not be read so far."""
    if record.remarks:
        raise RecordError(f"{record.folder}: {record.remarks[0]}; the record was changed after it was written")


def read_whole(folder: Path) -> Record:
    """Read a complete run; RecordError if it was interrupted or a line cannot be read."""
    record = read_untouched(folder)
    if not record.complete:
        judged = f"{len(record.results)} checks were judged before it ended"
        raise RecordError(f"{folder}: the run is not complete: {judged}; run it again to the end")
    return record


def _add(results: dict[str, CheckResult], line: dict[str, Any], path: Path, remarks: list[str]) -> None:
    try:
        result = _reader(CheckResult).validate_python(line)
        _validate(result)
    except ValueError as mistake:
        remarks.append(f"{path.name}: a check line that is not understood ({_mistake_in(mistake)})")
        return
    if result.id in results:
        raise RecordError(f"{path}: {result.id} appears twice")
    result.clause = CLAUSE | result.clause
    results[result.id] = result


def _validate(result: CheckResult) -> None:
    """Raise ValueError, without the line's text, if a check line has invalid values."""
    if result.verdict not in list(Verdict):
        raise ValueError("an unknown verdict")
    if not all(each.keys() >= FINDING for each in result.findings):
        raise ValueError("a finding that lacks a part")
    if not math.isfinite(result.duration_s):
        raise ValueError("a duration without end")


def _amend(results: dict[str, CheckResult], line: dict[str, Any], path: Path, remarks: list[str]) -> list[str]:
    """Apply an amendment; return the id of the check whose verdict it changed."""
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


def _mistake_in(mistake: ValueError) -> str:
    """Describe the mistake in a line without its text, which may contain anything."""
    from pydantic import ValidationError

    if not isinstance(mistake, ValidationError):
        return str(mistake)
    first = mistake.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def read_info(folder: Path) -> RunInfo:
    """Return the content of ``run.json``; RecordError if it cannot be read."""
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
        raise RecordError(f"{path}: {_mistake_in(mistake)}") from None
    return info


def json_object(text: str) -> dict[str, Any]:
    """Parse a JSON object of a run's files; ValueError for anything else."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def entries_of(path: Path, remarks: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the exchanges and transcripts of a file of evidence, with the bodies that they refer to by digest."""
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
    """Insert the bodies that a line refers to; return whether all were found."""
    for name in BODIES:
        body = line.get(name)
        if isinstance(body, dict) and "stored" in body:
            digest = str(body.pop("stored"))
            if digest not in bodies:
                return False
            body.update(bodies[digest])
    return True


def _lines(path: Path, remarks: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, one a line; other lines are left out, with a remark.

    The same holds for the rest of a compressed file that is damaged or truncated.
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


def _remark(remarks: list[str], remark: str) -> None:
    """Add a remark unless it is there already, since a file may be read several times."""
    if remark not in remarks:
        remarks.append(remark)
