"""That a change is laid to the check which notices it, and that what nobody notices is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.__main__ import NO_START, NOBODY, Changed, changed, markdown, tried
from tests.mutation.changes import Mutant

pytestmark = pytest.mark.nightly

WEBHOOKS = Path("conformance/reference/webhooks.py")


def test_what_notices_a_change_is_told_and_what_nobody_notices() -> None:
    source = WEBHOOKS.read_text(encoding="utf-8")
    turned = "method == 'POST' → method != 'POST'"
    broken = [each for each in changed("webhooks", "", 1, 0) if each.mutant.change == turned]
    unread = Changed(WEBHOOKS, Mutant(1, "unreadable", "("))
    harmless = Changed(WEBHOOKS, Mutant(1, "a | b → a", source))

    found = tried("webhooks", [*broken, unread, harmless], explore=1, jobs=2)

    by = {each["change"]: each["by"] for each in found}
    assert by[turned].startswith("webhooks/")
    assert by["unreadable"] == NO_START
    assert by["a | b → a"] == NOBODY
    assert markdown(found).splitlines()[2:] == ["| webhooks.py:1 | `a \\| b → a` |"]


def test_each_so_manieth_change_of_a_module_is_taken() -> None:
    every = changed("registry", "uploads", 1, 0)

    assert {each.file.name for each in every} == {"uploads.py"}
    assert changed("registry", "uploads", 10, 3) == every[3::10]
