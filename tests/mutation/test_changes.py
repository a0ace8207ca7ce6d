"""Which single changes are made, and that each leaves a module that can be read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.changes import mutants

REFERENCE = Path(__file__).parents[2] / "conformance" / "reference"


def changes(source: str) -> set[str]:
    return {each.change for each in mutants(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a < b → a <= b"}),
        ("a in b", {"a in b → a not in b"}),
        ("a and b", {"a and b → a or b", "a and b → a", "a and b → b"}),
        ("not a", {"not a → a"}),
        ("x = a if b else c", {"a if b else c → a", "a if b else c → c"}),
        ("f(a)", {"f(a) → pass"}),
        ("f(a, key=b)", {"f(a, key=b) → f(a)", "f(a, key=b) → pass"}),
        ("x = sorted(a, key=b)", {"sorted(a, key=b) → sorted(a)", "sorted(a, key=b) → list(a)"}),
        ("x = a.strip()", {"a.strip() → a"}),
        ("x = [a for a in b if c]", {"for a in b if c → for a in b"}),
        ("x = 7", {"7 → 8"}),
        ("x = 'word'", {"'word' → 'wordx'"}),
        ("x = 'two words'", set()),
        ("x = True", {"True → False"}),
        ("a.b = c", {"a.b = c → pass"}),
        ("raise a", {"raise a → pass"}),
        ("x = {a: b, c: d}", {"{a: b, c: d} → {c: d}", "{a: b, c: d} → {a: b}"}),
        ("if a:\n    b", {"if a: b → if False: b", "if a: b → if True: b"}),
        ("def f(a: 'text' = b) -> 'text':\n    'what it does'\n    return a", set()),
    ],
)
def test_each_change_is_one_slip(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


def test_changes_name_their_line_and_leave_all_else() -> None:
    source = "first = 1\nsecond = 2\n"

    assert [(each.line, each.source) for each in mutants(source)] == [
        (1, "first = 2\nsecond = 2"),
        (2, "first = 1\nsecond = 3"),
    ]


@pytest.mark.parametrize("module", ["registry/uploads.py", "storage/ranges.py", "identity/bearer.py"])
def test_every_changed_module_of_the_reference_can_be_read(module: str) -> None:
    source = (REFERENCE / module).read_text(encoding="utf-8")
    found = list(mutants(source))

    assert len({each.source for each in found}) > len(found) * 0.9
    for each in found:
        ast.parse(each.source)
