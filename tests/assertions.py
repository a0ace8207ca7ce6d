"""Print the assertions of the checks that no defect makes fail: such an assertion may be unable to fail.

    python -m tests.assertions                       by every defect, with the checks that it names
    python -m tests.assertions --surface registry    by the defects of one surface
    python -m tests.assertions --defect NAME         which assertions this one makes fail
    python -m tests.assertions --out TABLE.json      also write, by defect and failed check, the assertion lines;
                                                     tests.cover reads it. Defects measured earlier stay in the file

The list includes steps that only prepare, and assertions that only real clients or TLS servers make fail. Any other
needs a defect that it alone notices; or it cannot fail, and goes.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any

import pytest

from conformance.plugin.checks import CHECK
from conformance.plugin.judging import single_exceptions
from conformance.plugin.surfaces import SURFACE_OF_AREA
from conformance.vocabulary.finding import NonConformance
from tests.defect_table import Table, dealt_out, in_reference, in_turn, noticed, parsed_with_processes
from tests.rows import Row, rows

ROOT = Path(__file__).parents[1]
SUITES = ROOT / "suites"
Measured = dict[str, dict[str, list[str]]]
"""By defect and failed check, the lines (``file:line``) that raised the findings."""


@dataclass(frozen=True, order=True)
class Assertion:
    """A call in a check that raises a finding: its file, its lines and its text."""

    file: str
    first: int
    last: int
    text: str

    def within(self, seen: set[tuple[str, int]]) -> bool:
        """Whether one of these lines belongs to it."""
        return any((self.file, line) in seen for line in range(self.first, self.last + 1))

    def __str__(self) -> str:
        return f"{self.file}:{self.first}: {self.text}"


def assertions(folder: Path) -> Iterator[Assertion]:
    """The calls that raise findings in the checks of a folder: ``expect_…`` and ``NonConformance``."""
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            name = str(getattr(call.func, "id", "") or getattr(call.func, "attr", ""))
            if name.startswith("expect_") or name == NonConformance.__name__:
                line = text.splitlines()[call.lineno - 1].strip()
                yield Assertion(str(file.relative_to(folder.parent)), call.lineno, call.end_lineno or call.lineno, line)


class Watching(Table):
    """Notes the lines of the checks that raised the findings, by row and check id."""

    def __init__(self, wanted: list[Row], control: str, measured: Measured) -> None:
        super().__init__(wanted, control)
        self.measured = measured
        self.lines: dict[str, set[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the lines that raised the failure of a check; a failed preparation is no finding."""
        if call.excinfo is not None and call.when == "call":
            found = {
                f"{file}:{line}" for each in single_exceptions(call.excinfo.value) for file, line in lines_of(each)
            }
            self.lines.setdefault(item.stash[CHECK].id, set()).update(found)
        return (yield)

    def keep(self, name: str, found: dict[str, dict[str, Any]]) -> None:
        """Adds the failed checks of a row, each with its assertion lines."""
        super().keep(name, found)
        self.measured[name] = {check: sorted(self.lines.get(check, ())) for check in noticed(found)}
        self.lines.clear()


def lines_of(error: BaseException) -> Iterator[tuple[str, int]]:
    """The lines of checks in the traceback of a finding; none for any other error."""
    for frame, line in walk_tb(error.__traceback__ if isinstance(error, NonConformance) else None):
        if Path(frame.f_code.co_filename).is_relative_to(SUITES):
            yield str(Path(frame.f_code.co_filename).relative_to(ROOT)), line


def measured(wanted: list[Row], explore: int) -> Measured:
    """The checks that fail on these defects, each with the lines that raise its findings."""
    found: Measured = {}
    in_reference(wanted, explore, lambda control: Watching(wanted, control, found))
    return found


def lines_in(table: Measured) -> set[tuple[str, int]]:
    """Every assertion line of a table."""
    lines = {line for checks in table.values() for each in checks.values() for line in each}
    return {(file, int(line)) for file, _, line in (each.rpartition(":") for each in lines)}


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line; 1 where a defect that was named makes no assertion fail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", choices=sorted({*SURFACE_OF_AREA.values()}), help="only the defects of this one")
    parser.add_argument("--defect", action="append", metavar="NAME", help="only these; repeatable")
    choice = parsed_with_processes(parser, arguments, explore=25)
    asked = {"whole": False, "variants": False, "clients": False, "check": None}
    wanted = rows(argparse.Namespace(**vars(choice), **asked))
    if choice.part:
        choice.part.write_text(json.dumps(measured(wanted, choice.explore)), encoding="utf-8")
        return 0
    if unknown := {*(choice.defect or ())} - {row.name for row in wanted}:
        raise SystemExit(f"no defect that a check names: {', '.join(sorted(unknown))}")
    words = [f"--explore={choice.explore}"]
    table: Measured = {}
    for part in dealt_out("tests.assertions", in_turn([row.name for row in wanted], choice.jobs), words):
        table.update(part)
    if choice.out:
        earlier = json.loads(choice.out.read_text(encoding="utf-8")) if choice.out.exists() else {}
        choice.out.write_text(json.dumps(earlier | table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    seen = lines_in(table)
    found = [each for each in assertions(SUITES) if each.within(seen) == bool(choice.defect)]
    print("\n".join(map(str, found)))
    return 1 if choice.defect and not found else 0


if __name__ == "__main__":
    sys.exit(main())
