"""Properties find what no written example meets: each has such a defect, and a few are searched for here.

The table, every defect from 20 seeds, is made by ``python -m tests.properties``.
"""

from __future__ import annotations

from functools import cache

import pytest

from conformance.plugin.checks import CHECK
from tests.defect_table import Table, in_reference
from tests.properties import SURFACES, Found, explored, found_by, is_property, search
from tests.rows import Row

pytestmark = pytest.mark.nightly

# One of each surface, of each kind of property: of requests, of forms and documents, of sequences.
SEARCHED = (
    "parameter-read-by-its-beginning",
    "concealment-outlives-its-item",
    "range-beyond-every-number-fails",
    "closing-algorithm-unread",
    "cdata-in-tagging-refused",
    "quotes-in-query-signed-bare",
    "unusual-content-coding-fails",
)
# What a property may try is set when its module is imported, which is once a process.
SEEDS, EXPLORE = 3, 25
# How small an example becomes is not to depend on what else the machine does.
SHRINK_S = 300.0


class Collected(Table):
    """Runs nothing, and tells which requirements are verified by properties."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Looks at what was collected."""
        found = {item.stash[CHECK].requirement.id for item in session.items if is_property(item)}
        self.verdicts["properties"] = {requirement: {} for requirement in found}
        return True


@cache
def properties() -> frozenset[str]:
    """The requirements of every property."""
    wanted = [Row(surface, surface, None) for surface in SURFACES]
    return frozenset(in_reference(wanted, EXPLORE, lambda control: Collected(wanted, control))["properties"])


@cache
def searched() -> dict[str, Found]:
    return {found.defect: found for found in search(SEARCHED, SEEDS, 1, EXPLORE, SHRINK_S)}


def test_every_property_has_a_defect_that_it_alone_finds() -> None:
    assert properties() - {requirement for defect in explored().values() for requirement in found_by(defect)} == set()


@pytest.mark.parametrize("name", explored())
def test_a_defect_that_only_properties_find_names_no_other_check(name: str) -> None:
    assert explored()[name].noticed_by and set(found_by(explored()[name])) <= properties()


@pytest.mark.parametrize("name", SEARCHED)
def test_it_is_found_from_every_seed_and_shown_in_few_requests(name: str) -> None:
    assert searched()[name].often, searched()[name]
    assert searched()[name].small, searched()[name]
