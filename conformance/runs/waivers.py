"""Waivers: reviewed, dated permissions for known findings, in ``waivers.toml`` next to the target file (``path_of``).

    [[waiver]]
    id = "registry/tags/list-is-sorted"     # a requirement, or one case of it (…#case)
    reason = "sorted from release 2026.12 on"
    issue = "https://tracker.example/1234"
    until = 2026-12-31                      # the last day on which it holds

A waiver permits the named check to fail until its day. If it has expired, or its check no longer fails, the run fails
until the waiver is removed or renewed.
"""

from __future__ import annotations

import contextlib
import datetime
import difflib
import json
import re
import tomllib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.runs.record import CheckResult, RunInfo
from conformance.vocabulary.verdict import Verdict

FILE_NAME = "waivers.toml"
KEYS = {"id", "reason", "issue", "until"}
CASES = re.compile(r"#|^-|\.py$|::")
"""Selections that may leave out cases of a requirement: a case's id, pytest's -k, a file."""


class WaiverError(Exception):
    """The waivers cannot be used: every mistake, with its place and its correction."""


@dataclass(frozen=True)
class Waiver:
    """A permission for one known finding."""

    id: str
    reason: str
    issue: str
    until: datetime.date

    def covers(self, check_id: str) -> bool:
        """Return whether the waiver names this check or its requirement."""
        return check_id == self.id or check_id.split("#", 1)[0] == self.id

    def plain(self) -> dict[str, str]:
        """Return the waiver as the record stores it."""
        return {"id": self.id, "reason": self.reason, "issue": self.issue, "until": self.until.isoformat()}


@dataclass(frozen=True)
class Waivers:
    """The waivers of a run, valid or expired on its day (``YYYY-MM-DD``, UTC).

    ``whole``: the run is not a shard. A waiver can only be stale if the run judged all cases of its requirement: not in
    a shard, nor if ``selection`` leaves out cases.
    """

    entries: list[Waiver]
    day: str
    whole: bool = True
    selection: Sequence[str] = ()
    file: Path | None = None

    @property
    def read_from(self) -> str | None:
        """The file of the waivers; None if there is none."""
        return str(self.file) if self.file is not None and self.file.exists() else None

    def mark(self, result: CheckResult) -> None:
        """Note the waiver that names a failing check in its result, valid or not."""
        if result.failing:
            result.waiver = next((each.plain() for each in self.entries if each.covers(result.id)), None)

    def permits(self, result: CheckResult) -> bool:
        """Return whether a valid waiver names this failing check."""
        return any(each.covers(result.id) and each.until.isoformat() >= self.day for each in self.entries)

    def wrong(self, results: Iterable[CheckResult]) -> list[str]:
        """Describe the expired waivers, and those whose checks ran and no longer fail."""
        run = list(results)
        sentences = []
        for waiver in self.entries:
            covered = [result for result in run if waiver.covers(result.id)]
            if waiver.until.isoformat() < self.day:
                sentences.append(
                    f"the waiver of {waiver.id} ran out on {waiver.until}: mend the finding or review it anew"
                )
            elif self._judged_whole(waiver) and covered and all(result.verdict == Verdict.PASS for result in covered):
                sentences.append(f"the waiver of {waiver.id} is stale: its check passes; take it out")
        return sentences

    def _judged_whole(self, waiver: Waiver) -> bool:
        """Return whether the run selects every case that a waiver names."""
        return self.whole and ("#" in waiver.id or not any(map(CASES.search, self.selection)))


def of_plain(entries: Iterable[dict[str, Any]]) -> list[Waiver]:
    """Return the waivers of a record, each once; an invalid entry is left out."""
    found = {}
    for each in entries:
        with contextlib.suppress(KeyError, ValueError):
            day = datetime.date.fromisoformat(str(each["until"]))
            found[str(each["id"])] = Waiver(str(each["id"]), str(each["reason"]), str(each["issue"]), day)
    return list(found.values())


def of_run(info: RunInfo) -> Waivers:
    """Return the waivers that a run read."""
    return Waivers(of_plain(info.waivers or []), info.started[:10], info.shard is None, info.selection)


def path_of(given: str | Path | None, target_file: Path | None, start: Path) -> Path:
    """Return where the waivers are, for every command: the given file, or ``waivers.toml`` next to the target file.

    Without a target file, when the embedded reference is checked, ``waivers.toml`` is in ``start``.
    """
    if given:
        return (start / given).absolute()
    return (target_file.with_name(FILE_NAME) if target_file else start / FILE_NAME).absolute()


def load(path: Path, known: Container[str], given: bool = False) -> list[Waiver]:
    """Return the waivers of a file; none if it does not exist and was not ``given``. ``known`` are the requirements.

    Raises WaiverError.
    """
    if not path.exists():
        if given:
            raise WaiverError(f"--waivers {path}: there is no such file")
        return []
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as mistake:
        raise WaiverError(f"{path}: cannot be read: {mistake}") from None
    entries = data.get("waiver", [])
    unknown = set(data) - {"waiver"}
    if unknown or not isinstance(entries, list):
        raise WaiverError(
            f"{path}: may contain only [[waiver]] tables, not {', '.join(sorted(unknown)) or 'waiver = …'}"
        )
    mistakes = [mistake for number, entry in enumerate(entries, 1) for mistake in _mistakes(number, entry, known)]
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    mistakes += [f"{each}: stands twice" for each in sorted({str(each) for each in ids if ids.count(each) > 1})]
    if mistakes:
        raise WaiverError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return [Waiver(**entry) for entry in entries]


def _mistakes(number: int, entry: Any, known: Container[str]) -> Iterable[str]:
    if not isinstance(entry, dict):
        yield f"waiver {number}: must be a [[waiver]] table"
        return
    name = f"waiver {number} ({entry.get('id', 'without id')})"
    for key in sorted(KEYS - set(entry)):
        yield f"{name}: {key} is missing"
    for key in sorted(set(entry) - KEYS):
        yield f"{name}: unknown key {key}; it has id, reason, issue, until"
    for key in ("id", "reason", "issue"):
        if key in entry and not (isinstance(entry[key], str) and entry[key].strip()):
            yield f"{name}: {key} must say something"
    if "until" in entry and type(entry["until"]) is not datetime.date:
        yield f"{name}: until must be a date, such as until = 2026-12-31"
    if isinstance(entry.get("id"), str) and entry["id"].split("#", 1)[0] not in known:
        near = difflib.get_close_matches(entry["id"], [*known], 1) if isinstance(known, Iterable) else []
        yield f"{name}: no such requirement" + (f"; did you mean {near[0]}?" if near else "")


def append(path: Path, waiver: Waiver) -> None:
    """Append a waiver to a file, which may not exist yet; WaiverError if it cannot be written."""
    values = {"id": waiver.id, "reason": waiver.reason, "issue": waiver.issue}
    lines = ["", "[[waiver]]", *(f"{key} = {_text(value)}" for key, value in values.items())]
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join([*lines, f"until = {waiver.until.isoformat()}", ""]))
    except (OSError, UnicodeEncodeError) as mistake:
        raise WaiverError(f"{path}: cannot be written: {getattr(mistake, 'strerror', mistake)}") from None


def _text(value: str) -> str:
    """Return a TOML string: a JSON string with DEL escaped as well."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
