"""Which assertions a defect makes fail, and which none does."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.assertions import SUITES, assertions, lines_in, main, measured
from tests.rows import Row, requirement_of


def test_what_tells_a_finding_is_an_assertion(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "test_one.py").write_text(
        dedent("""\
            def test_one(reply):
                expect_status(
                    reply,
                    200,
                )
                self.answers.expect_object(reply)
                space.get(reply)
                if reply.status == 201:
                    raise NonConformance("200", "201", reply)
            """),
        encoding="utf-8",
    )
    found = list(assertions(tmp_path / "suites"))

    assert [(each.file, each.first, each.last) for each in found] == [
        ("suites/test_one.py", 2, 5),
        ("suites/test_one.py", 6, 6),
        ("suites/test_one.py", 9, 9),
    ]
    assert str(found[2]) == 'suites/test_one.py:9: raise NonConformance("200", "201", reply)'
    assert found[0].within({("suites/test_one.py", 4)})
    assert not found[0].within({("suites/test_one.py", 6), ("suites/test_two.py", 4)})


@pytest.mark.once
def test_the_line_that_tells_of_a_defect_is_seen_and_the_others_of_its_check_are_not() -> None:
    row = Row("json-array-refused", "webhooks", ("webhooks/delivery/valid-events-are-accepted",))

    table = measured([row], explore=0)
    seen = lines_in(table)

    assert {*table} == {row.name}
    assert {requirement_of(check) for check in table[row.name]} == {*(row.requirements or ())}
    assert {file for file, _ in seen} == {"suites/webhooks/test_acceptance.py"}
    assert len([each for each in assertions(SUITES) if each.within(seen)]) == 1


def test_a_name_that_is_no_defect_is_told() -> None:
    with pytest.raises(SystemExit, match="no defect that a check names: made-up"):
        main(["--defect", "made-up"])
