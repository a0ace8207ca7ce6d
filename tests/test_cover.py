"""Which defects are enough, and what each of them proves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from tests.assertions import Measured
from tests.cover import ALWAYS, alone, cover, failures, for_each_requirement, main, proved

TABLE: Measured = {
    "broad": {"a/b/c#one": ["suites/x.py:1"], "a/b/c#two": ["suites/x.py:2"]},
    "narrow": {"a/b/c#one": ["suites/x.py:1"]},
    "same-as-narrow": {"a/b/c#one": ["suites/x.py:1"]},
    "other-line": {"a/b/c#two": ["suites/x.py:3"]},
}


def test_a_defect_whose_failures_others_show_is_left_out() -> None:
    assert cover(failures(TABLE), always=(), preferred=()) == ["broad", "other-line"]


def test_what_must_stay_stays() -> None:
    assert cover(failures(TABLE), always=("narrow",), preferred=()) == ["broad", "narrow", "other-line"]


def test_of_two_equal_defects_the_preferred_one_is_taken() -> None:
    table = {name: TABLE[name] for name in ("narrow", "same-as-narrow")}
    assert cover(failures(table), always=(), preferred=("same-as-narrow",)) == ["same-as-narrow"]


def test_a_preferred_defect_that_shows_nothing_more_is_left_out() -> None:
    assert "narrow" not in cover(failures(TABLE), always=("broad",), preferred=("narrow",))


def test_each_check_and_each_line_is_proved_by_one_defect() -> None:
    assert proved(TABLE, ["broad", "other-line"]) == {"broad": ["a/b/c#one", "a/b/c#two"], "other-line": ["a/b/c#two"]}
    assert proved(TABLE, ["broad", "narrow"]) == {"broad": ["a/b/c#two"], "narrow": ["a/b/c#one"]}


def test_each_requirement_keeps_a_defect_that_names_it() -> None:
    named = {"one": {"a/b/c"}, "two": {"a/b/d"}, "three": {"a/b/d", "a/b/e"}}
    assert for_each_requirement(["one"], named) == ["three"]
    assert for_each_requirement(["one", "three"], named) == []


def test_what_a_defect_alone_makes_fail() -> None:
    assert alone(failures(TABLE), "other-line") == ["suites/x.py:3"]
    assert alone(failures(TABLE), "narrow") == []


def test_defects_that_must_stay_exist() -> None:
    assert [name for name in ALWAYS if not issubclass(alterations()[name], Defect)] == []


def test_the_command_writes_the_cover_and_judges_a_new_defect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = ALWAYS[:2]
    table = {one: {"a/b/c": ["suites/x.py:1"]}, two: {"a/b/c": []}, "gone-since": {"a/b/d": []}}
    (tmp_path / "table.json").write_text(json.dumps(table), encoding="utf-8")
    written = str(tmp_path / "table.json")

    assert main([written, "--defect", one]) == 0
    assert capsys.readouterr().out == "suites/x.py:1\n"
    assert main([written, "--defect", two]) == 1
    assert capsys.readouterr().out == f"{two} makes nothing fail that no other defect does: remove it\n"
    assert main([written, "--out", str(tmp_path / "cover.json")]) == 0
    assert json.loads((tmp_path / "cover.json").read_text(encoding="utf-8")) == {one: ["a/b/c"], two: []}
    with pytest.raises(SystemExit, match="does not contain made-up"):
        main([written, "--defect", "made-up"])
