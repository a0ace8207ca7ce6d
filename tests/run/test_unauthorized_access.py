"""A deployment that grants unauthorized access is never certified: a MUST of its class fails."""

from __future__ import annotations

import pytest

from conformance.contract.catalogue import catalogue
from conformance.reference.deployment import alterations
from conformance.vocabulary.requirement import Level
from tests.cover import UNAUTHORIZED


@pytest.mark.parametrize(("area", "defect"), [(area, each) for area, names in UNAUTHORIZED.items() for each in names])
def test_a_must_of_the_class_fails(area: str, defect: str) -> None:
    """tests/test_defects.py shows that the checks which are named here fail."""
    names = {each.partition("#")[0] for each in alterations()[defect].noticed_by}  # type: ignore[attr-defined]
    binding = [each for each in catalogue() if each.id in names and each.level is Level.MUST]
    assert any(each.conformance_class in (f"{area}-core", f"{area}-basic") for each in binding), names
