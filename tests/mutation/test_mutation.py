"""Each change of the reference's code is one slip, and is attributed to the check that notices it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.__main__ import NO_START, NOBODY, Changed, changed, markdown, tried
from tests.mutation.changes import Mutant, mutants

WEBHOOKS = Path("conformance/reference/webhooks.py")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a < b → a <= b"}),
        ("a and b", {"a and b → a or b", "a and b → a", "a and b → b"}),
        ("x = a if b else c", {"a if b else c → a", "a if b else c → c"}),
        ("f(a, key=b)", {"f(a, key=b) → f(a)", "f(a, key=b) → pass"}),
        ("x = sorted(a, key=b)", {"sorted(a, key=b) → sorted(a)", "sorted(a, key=b) → list(a)"}),
        ("x = [a.strip() for a in b if c]", {"a.strip() → a", "for a in b if c → for a in b"}),
        ("x = {'word': 7}", {"'word' → 'wordx'", "7 → 8"}),
        ("if a:\n    b", {"if a: b → if False: b", "if a: b → if True: b"}),
        ("def f(a: 'text' = b) -> 'text':\n    'what it does'\n    return a", set()),
    ],
)
def test_each_change_is_one_slip(source: str, expected: set[str]) -> None:
    assert {each.change for each in mutants(source)} == expected


@pytest.mark.nightly
def test_unnoticed_changes_are_reported() -> None:
    source = WEBHOOKS.read_text(encoding="utf-8")
    turned = "method == 'POST' → method != 'POST'"
    broken = [each for each in changed("webhooks", "", 1, 0) if each.mutant.change == turned]
    unread = Changed(WEBHOOKS, Mutant(1, "unreadable", "("))
    harmless = Changed(WEBHOOKS, Mutant(1, "a | b → a", source))

    found = tried("webhooks", [*broken, unread, harmless], explore=1, jobs=2)

    by = {each["change"]: each["by"] for each in found}
    assert by[turned].startswith("webhooks/")
    assert (by["unreadable"], by["a | b → a"]) == (NO_START, NOBODY)
    assert markdown(found).splitlines()[2:] == ["| webhooks.py:1 | `a \\| b → a` |"]
