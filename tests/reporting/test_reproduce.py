"""No script of a finding passes on the target that showed it, or fails on a clean one."""

from __future__ import annotations

import pytest

from tests.properties import explored, found_by
from tests.scripts import is_false, table

pytestmark = pytest.mark.nightly

EXPLORE = 150
"""Examples enough to find each defect from any seed."""


def test_no_script_accuses_a_clean_target_or_acquits_a_defect() -> None:
    by_property = [(name, requirement) for name, each in explored().items() for requirement in found_by(each)]
    tried, wrong = table(by_property, EXPLORE)
    assert tried == len(by_property)
    assert [each for each in wrong if is_false(each)] == []
