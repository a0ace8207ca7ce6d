"""How a check says what it verifies: ``@verifies(id)``, ``case(name, value)``, ``@disturbs(what)``,
``@of_strangers()``.

They are pytest marks and parameter sets; the plugin reads them at collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

FAILED = pytest.StashKey[bool]()
"""Of a check that has run: whether it did not pass. Who shares things among checks puts them right then."""


def verifies(requirement_id: str) -> pytest.MarkDecorator:
    """Mark a check as verifying one requirement; ``requirement#case`` if it has cases and the check is one of them.

    An unknown id is a usage error at collection.
    """
    return pytest.mark.verifies(requirement_id)


def case(name: str, *values: Any) -> Any:
    """One case of a parametrised check: its name becomes ``#name`` in the check's id."""
    return pytest.param(*values, id=name)


def row(check_id: str, *values: Any) -> Any:
    """One row of a table whose rows verify several requirements; ``requirement#case`` where that one has cases."""
    return pytest.param(*values, id=check_id, marks=verifies(check_id.partition("#")[0]))


def rows(table: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> list[Any]:
    """The rows of a table by requirement and case, each with its values; the case "" has no name."""
    return [
        row(f"{requirement}#{name}" if name else requirement, *values)
        for requirement, cases in table.items()
        for name, values in cases.items()
    ]


def of_strangers() -> pytest.MarkDecorator:
    """Marks a check that needs nobody let in, such as what strangers are told: judged also of a LOCKED surface."""
    return pytest.mark.of_strangers


def concludes() -> pytest.MarkDecorator:
    """Marks a check that judges the run as a whole: it runs when every other one is done."""
    return pytest.mark.concludes


def disturbs(what: str, *, others: bool = False) -> pytest.MarkDecorator:
    """Marks checks that use up or change something shared: equal names run one after another, and last.

    ``others``: what it changes is also used by checks that are not marked, so it runs when all of those are done.
    """
    return pytest.mark.disturbs(what, others=others)
