"""Reports that were begun while the run went on say what those say that are made of the whole at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting import FORMATS, make_ahead, render_all
from conformance.runs.reading import Reading, Record, read
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

AMENDED = "oauth/token/wrong-secret-is-refused#wrong"


class Growing:
    """The folder of a run into which its lines are written piece by piece."""

    def __init__(self, folder: Path) -> None:
        whole = samples.every_verdict(folder)
        assert whole.complete
        self.folder, self.results = folder, folder / "results.ndjson"
        self.lines = self.results.read_bytes().splitlines(keepends=True)
        self.results.write_bytes(b"")

    def write(self, content: bytes) -> None:
        """Writes some bytes of the lines."""
        with self.results.open("ab") as file:
            file.write(content)

    def amend(self, check: str) -> None:
        """Writes that the verdict of a check is another now."""
        line = {"kind": "amendment", "id": check, "verdict": "error", "reason": "the clean-up failed"}
        self.write(json.dumps(line).encode() + b"\n")


@pytest.fixture
def growing(tmp_path: Path) -> Growing:
    """A run of which nothing is written yet but its evidence."""
    return Growing(tmp_path / "run")


def test_a_line_is_read_when_it_is_ended(growing: Growing) -> None:
    """What is half written is no mistake of the run's: it is read when the rest is there."""
    reading = Reading(growing.folder)
    header, first, second, *others = growing.lines
    growing.write(header + first + second[:30])

    assert [each.id for each in reading.more()] == [json.loads(first)["id"]]
    growing.write(second[30:])
    assert [each.id for each in reading.more()] == [json.loads(second)["id"]]
    assert reading.more() == []
    growing.write(b"".join(others))

    assert reading.end() == read(growing.folder)
    assert reading.record.remarks == []


def test_a_line_that_was_never_ended_is_told_at_the_end(growing: Growing) -> None:
    """A run that was killed in the middle of a line."""
    reading = Reading(growing.folder)
    growing.write(growing.lines[0] + growing.lines[1][:30])

    assert reading.more() == []
    assert reading.record.remarks == []
    assert reading.end().remarks == ["results.ndjson:2: a line that is not a JSON object is left out"]
    assert reading.record == read(growing.folder)


def test_evidence_goes_on_where_it_was_left(growing: Growing) -> None:
    """What was recorded since is there the next time, and once."""
    tape = growing.folder / "evidence" / "main.ndjson"
    lines = tape.read_bytes().splitlines(keepends=True)
    tape.write_bytes(b"".join(lines[:3]))
    record = Reading(growing.folder).record
    assert len(record.evidence()) == 3

    tape.write_bytes(b"".join(lines))

    assert list(record.evidence()) == [json.loads(line)["id"] for line in lines]


def shown(record: Record) -> dict[str, Any]:
    """What the reports of a folder say, but for names that Allure has made up."""
    render_all(record)
    allure = record.folder / FORMATS["allure"][1]
    results = [json.loads(file.read_text("utf-8")) for file in allure.glob("*-result.json")]
    attached = {file.name: file.read_text("utf-8") for file in allure.glob("*-attachment.json")}
    named = sorted(each["source"] for result in results for each in result.get("attachments", ()))
    assert named == sorted(attached), "each is named once, and what is named is there"
    for result in results:
        del result["uuid"]
        for each in result.get("attachments", ()):
            each["source"] = attached[each["source"]]
    rest = {name: record.folder / FORMATS[name][1] for name in ("html", "junit", "ctrf", "markdown")}
    scripts = {str(file): file.read_bytes() for file in (record.folder / "reproduce").rglob("*") if file.is_file()}
    others = [file.name for file in allure.iterdir() if file.suffix != ".json"]
    return {
        **{name: path.read_text("utf-8") for name, path in rest.items()},
        "allure": sorted(results, key=lambda each: str(each["fullName"])),
        "scripts": scripts,
        "others": others,
    }


@pytest.mark.parametrize("recipes", [{}, {"TOKEN_FULL": samples.RECIPE}], ids=["no-recipes", "recipes"])
def test_what_was_made_ahead_is_what_is_made_at_the_end(growing: Growing, recipes: dict[str, str]) -> None:
    """Also of a check whose verdict changed afterwards, and where secrets made in the run can be had at its end."""
    file = growing.folder / "run.json"
    info = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**info, "recipes": {}}), "utf-8")
    reading = Reading(growing.folder)
    for line in growing.lines[:-3]:
        growing.write(line)
        make_ahead(reading.record, reading.more(), FORMATS)
    ahead = {check: {name for name, made in each.items() if made} for check, each in reading.record.ahead.items()}
    assert ahead[AMENDED] == {"html", "allure"}
    growing.amend(AMENDED)
    growing.write(b"".join(growing.lines[-3:]))
    file.write_text(json.dumps({**info, "recipes": recipes}), "utf-8")

    record = reading.end()

    assert next(each.verdict for each in record.results if each.id == AMENDED) == Verdict.ERROR
    assert AMENDED not in record.ahead
    assert shown(record) == shown(read(growing.folder))


def test_what_lacks_its_evidence_waits(growing: Growing) -> None:
    """A check whose exchanges are not written yet is shown when they are, not without them."""
    tape = growing.folder / "evidence" / "main.ndjson"
    lines = tape.read_bytes()
    tape.write_bytes(b"")
    reading = Reading(growing.folder)
    growing.write(b"".join(growing.lines))

    make_ahead(reading.record, reading.more(), FORMATS)

    # But for those that have none.
    assert not any(each.exchanges for each in reading.record.results if each.id in reading.record.ahead)
    tape.write_bytes(lines)
    assert shown(reading.end()) == shown(read(growing.folder))
