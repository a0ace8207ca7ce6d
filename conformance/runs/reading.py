"""The run record, read. What a folder holds stands with how it is written (``record``).

A folder that is not whole is read as far as it goes and says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conformance.evidence.recorded_responses import is_entry
from conformance.runs.record import FORMAT, LEFTOVERS, CheckResult, RecordError, RunInfo
from conformance.vocabulary.verdict import Verdict

FINDING = {"expected", "observed", "hint", "exchanges"}
CLAUSE = dict.fromkeys(("document", "section", "quote", "url"), "")


@dataclass
class Record:
    """A run's folder, read: info, results with amendments applied (to which checks), whether it is complete.

    Of a run that goes on it ``grows``. ``ahead`` is what was made of a check while it did, by the check's id and what
    it was made for; what an amendment changes is made again.
    """

    folder: Path
    info: RunInfo
    results: list[CheckResult]
    complete: bool
    remarks: list[str] = field(default_factory=list)
    amended: list[str] = field(default_factory=list)
    grows: bool = False
    ahead: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    _evidence: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    _tapes: dict[Path, Lines] = field(default_factory=dict, repr=False, compare=False)
    _heard_out: bool = field(default=False, repr=False, compare=False)

    def evidence(self) -> dict[str, dict[str, Any]]:
        """Every exchange and transcript by id, read once; what several checks look at is of the first of them."""
        if not self._heard_out:
            self._heard_out = not self.grows
            for line in self._entries(self._tapes):
                self._evidence.setdefault(str(line.get("id", "")), line)
        return self._evidence

    def evidence_of_checks(self) -> Iterator[dict[str, Any]]:
        """Every exchange and transcript of every check, in the order in which they were written.

        What several checks look at comes once for each; lines that cannot be read are left out and remarked on.
        """
        return self._entries({})

    def _entries(self, tapes: dict[Path, Lines]) -> Iterator[dict[str, Any]]:
        """What the tapes have that was not yet read of them."""
        for path in sorted((self.folder / "evidence").glob("*.ndjson")):
            for line in tapes.setdefault(path, Lines(path, self.remarks)).more(self.grows):
                if is_entry(line):
                    yield line
                else:
                    _remark(self.remarks, f"{path.name}: a line that is no exchange or transcript is left out")

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
            raise RecordError(f"{path}: is not a list of what the run could not remove")
        return found


def get_ready() -> None:
    """Does what takes time before a first folder is read."""
    _reader(RunInfo)
    _reader(CheckResult)


def read(folder: Path) -> Record:
    """Reads a run's folder; RecordError where it is none, or of another format."""
    return Reading(folder, grows=False).end()


class Reading:
    """A run's folder as it is read: ``more`` while the run goes on, and then to its ``end``.

    RecordError where it is none, or of another format.
    """

    def __init__(self, folder: Path, grows: bool = True) -> None:
        self.record = Record(folder, read_info(folder), [], complete=False, grows=grows)
        path = folder / "results.ndjson"
        if not path.exists():
            raise RecordError(f"{folder}: no results.ndjson; not a run's folder, or a run that never began")
        self._lines = Lines(path, self.record.remarks)
        self._results: dict[str, CheckResult] = {}

    def more(self) -> list[CheckResult]:
        """The checks that have been judged since."""
        record, path, before = self.record, self._lines.path, len(self._results)
        for line in self._lines.more(record.grows):
            kind = line.pop("kind", None)
            if kind == "check":
                _add(self._results, line, path, record.remarks)
            elif kind == "amendment":
                amended = _amend(self._results, line, path, record.remarks)
                record.amended += amended
                for each in amended:
                    record.ahead.pop(each, None)
            elif kind == "footer":
                record.complete = bool(line.get("complete"))
        new = [*self._results.values()][before:]
        record.results += new
        return new

    def end(self) -> Record:
        """The record of what has been written by now."""
        if self.record.grows:
            self.record.grows = False
            self.record.info = read_info(self.record.folder)
        self.more()
        return self.record


def read_untouched(folder: Path) -> Record:
    """The same of a run every line of which can be read, though it may have been interrupted; or RecordError."""
    record = read(folder)
    need_untouched(record)
    return record


def need_untouched(record: Record) -> None:
    """RecordError where a line of what was read of a record so far cannot be read."""
    if record.remarks:
        raise RecordError(f"{record.folder}: {record.remarks[0]}; the record is not as it was written")


def read_whole(folder: Path) -> Record:
    """The same of a run that also came to its end; RecordError where that is not so."""
    record = read_untouched(folder)
    if not record.complete:
        told = f"{len(record.results)} checks were judged before it ended"
        raise RecordError(f"{folder}: the run is not complete: {told}; run it again to the end")
    return record


def _add(results: dict[str, CheckResult], line: dict[str, Any], path: Path, remarks: list[str]) -> None:
    try:
        result = _reader(CheckResult).validate_python(line)
        _understood(result)
    except ValueError as mistake:
        remarks.append(f"{path.name}: a check line that is not understood ({_place(mistake)})")
        return
    if result.id in results:
        raise RecordError(f"{path}: {result.id} stands twice")
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
        raise RecordError(f"{path}: is not a JSON object; what a run wrote was changed or cut off") from None
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


class Lines:
    """The lines of a file, an object each, as they are written; what is none is left out and remarked on."""

    def __init__(self, path: Path, remarks: list[str]) -> None:
        self.path, self.remarks = path, remarks
        self._number = self._place = 0

    def more(self, grows: bool) -> Iterator[dict[str, Any]]:
        """What was not read yet; of a file that grows without a last line that is not ended."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._place)
                for line in file:
                    if grows and not line.endswith(b"\n"):
                        return
                    self._number += 1
                    self._place += len(line)
                    try:
                        yield json_object(line.decode("utf-8", "replace"))
                    except ValueError:
                        told = "a line that is not a JSON object is left out"
                        _remark(self.remarks, f"{self.path.name}:{self._number}: {told}")
        except OSError as failure:
            raise RecordError(f"{self.path}: cannot be read ({failure.strerror})") from None


def _remark(remarks: list[str], what: str) -> None:
    """Remarks on something once, however often a file is read."""
    if what not in remarks:
        remarks.append(what)
