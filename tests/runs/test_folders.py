"""The folder of a run stays below its parent, whatever the target's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.runs.record import folder_for


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("staging", "staging"),
        ("St\u00e4ging (EU)/x", "St\u00e4ging-EU-x"),
        ("../../etc", "..-..-etc"),
        ("a\x00b\nc", "a-b-c"),
        ("x" * 300, "x" * 80),
    ],
)
def test_the_name_of_a_target_leads_into_no_other_folder(tmp_path: Path, name: str, part: str) -> None:
    folder = folder_for(name, tmp_path)
    assert folder.parent == tmp_path
    assert folder.name.split("-", 1)[1] == part
