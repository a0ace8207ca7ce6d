"""Pytest marks and parameter sets with which a check states what it verifies. The plugin reads them at collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

FAILED = pytest.StashKey[bool]()
"""Whether a finished check did not pass. Fixtures that share resources between checks then restore them."""


def verifies(requirement_id: str) -> pytest.MarkDecorator:
    """Mark a check as verifying a requirement, or one case of it (``requirement#case``).

    An unknown id is a usage error at collection.
    """
    return pytest.mark.verifies(requirement_id)


def case(name: str, *values: Any) -> Any:
    """One case of a parametrised check: its name becomes ``#name`` in the check's id."""
    return pytest.param(*values, id=name)


def row(check_id: str, *values: Any) -> Any:
    """One row of a table whose rows verify several requirements; ``check_id`` is ``requirement[#case]``."""
    return pytest.param(*values, id=check_id, marks=verifies(check_id.partition("#")[0]))


def rows(table: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> list[Any]:
    """Return the rows of a table by requirement and case; the case "" has no name."""
    return [
        row(f"{requirement}#{name}" if name else requirement, *values)
        for requirement, cases in table.items()
        for name, values in cases.items()
    ]


def needs_no_credential() -> pytest.MarkDecorator:
    """Mark a check that needs no working credential: it runs even if no credential of the surface works."""
    return pytest.mark.needs_no_credential


def sends_up_to(requests: int) -> pytest.MarkDecorator:
    """Mark a check that sends more requests than others: it, or each example of a property, ends beyond this number."""
    return pytest.mark.sends_up_to(requests)


def concludes() -> pytest.MarkDecorator:
    """Mark a check that judges the whole run: it runs after all others."""
    return pytest.mark.concludes


def disturbs(what: str, *, others: bool = False) -> pytest.MarkDecorator:
    """Mark a check that uses up or changes a shared resource: checks of one resource run last, one after another.

    ``others``: unmarked checks use the resource too, so the check runs after all of those.
    """
    return pytest.mark.disturbs(what, others=others)
