"""What a service lets one have at a time, and when what is done is seen: each variant shows."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.variants import identity_limits
from tests.reference.identity_table import Look, Row
from tests.reference.identity_world import World


def created_many(w: World) -> int:
    """The status of the last of some creations."""
    return [w.create(slug=f"more-{number}").status_code for number in range(20)][-1]


VARIANTS: list[Row] = [
    (identity_limits.ProjectsAreFew, created_many, 201, 403),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), VARIANTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_variant_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert (look(World()), look(World(alteration))) == (clean, altered)
