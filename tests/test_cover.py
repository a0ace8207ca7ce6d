"""The cover keeps the defects that are needed, and says what each of them proves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from tests.assertions import Measured
from tests.cover import ALWAYS, cover, failures, for_each_requirement, main, proved

TABLE: Measured = {
    "broad": {"a/b/c#one": ["suites/x.py:1"], "a/b/c#two": ["suites/x.py:2"]},
    "narrow": {"a/b/c#one": ["suites/x.py:1"]},
    "same-as-narrow": {"a/b/c#one": ["suites/x.py:1"]},
    "other-line": {"a/b/c#two": ["suites/x.py:3"]},
}


@pytest.mark.parametrize(
    ("table", "always", "preferred", "kept"),
    [
        (TABLE, (), (), ["broad", "other-line"]),
        (TABLE, ("narrow",), (), ["broad", "narrow", "other-line"]),
        (TABLE, ("broad",), ("narrow",), ["broad", "other-line"]),
        ({name: TABLE[name] for name in ("narrow", "same-as-narrow")}, (), ("same-as-narrow",), ["same-as-narrow"]),
    ],
    ids=["needed", "always", "preferred-but-needless", "preferred-of-equals"],
)
def test_needless_defects_are_left_out(
    table: Measured, always: Sequence[str], preferred: Sequence[str], kept: list[str]
) -> None:
    assert cover(failures(table), always, preferred) == kept


def test_each_check_and_each_line_is_proved_by_one_defect() -> None:
    assert proved(TABLE, ["broad", "other-line"]) == {"broad": ["a/b/c#one", "a/b/c#two"], "other-line": ["a/b/c#two"]}
    assert proved(TABLE, ["broad", "narrow"]) == {"broad": ["a/b/c#two"], "narrow": ["a/b/c#one"]}


def test_each_requirement_keeps_a_defect_that_names_it() -> None:
    named = {"one": {"a/b/c"}, "two": {"a/b/d"}, "three": {"a/b/d", "a/b/e"}}
    assert for_each_requirement(["one"], named) == ["three"]


def test_the_command_judges_a_new_defect_and_writes_the_cover(tmp_path: Path) -> None:
    assert all(issubclass(alterations()[name], Defect) for name in ALWAYS)
    one, two = ALWAYS[:2]
    written, out = tmp_path / "table.json", tmp_path / "cover.json"
    written.write_text(json.dumps({one: {"a/b/c": ["suites/x.py:1"]}, two: {"a/b/c": []}, "removed": {"a/b/d": []}}))
    assert [main([str(written), "--defect", name]) for name in (one, two)] == [0, 1]
    assert main([str(written), "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8")) == {one: ["a/b/c"], two: []}
    with pytest.raises(SystemExit, match="does not contain made-up"):
        main([str(written), "--defect", "made-up"])
