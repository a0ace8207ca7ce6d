"""The assertions of the checks are found, and the line that reports a defect is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assertions import SUITES, assertions, lines_in, measured
from tests.rows import Row, requirement_of

CHECK = """def test_one(reply):
    expect_status(
        reply,
    )
    space.get(reply)
    raise NonConformance("200", "201", reply)
"""


def test_assertions_are_calls_that_make_findings(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "test_one.py").write_text(CHECK, encoding="utf-8")
    first, second = assertions(tmp_path / "suites")
    assert (first.file, first.first, first.last) == ("suites/test_one.py", 2, 4)
    assert str(second) == 'suites/test_one.py:6: raise NonConformance("200", "201", reply)'
    assert first.within({("suites/test_one.py", 3)}) and not first.within({("suites/test_one.py", 5)})


@pytest.mark.once
def test_only_the_line_that_reports_the_defect_is_recorded() -> None:
    row = Row("json-array-refused", "webhooks", ("webhooks/delivery/valid-events-are-accepted",))
    table = measured([row], explore=0)
    assert {requirement_of(check) for check in table[row.name]} == {*(row.requirements or ())}
    assert {file for file, _ in lines_in(table)} == {"suites/webhooks/test_acceptance.py"}
    assert len([each for each in assertions(SUITES) if each.within(lines_in(table))]) == 1
