"""A plugin for runs in which each property meets one defect, the one that it is to find: so one run shows many.

``SWITCHED`` in the environment is JSON: by check or requirement the defect that is on while it is called. What a check
prepares before is made on a clean reference. ``CONTROL`` is where defects are switched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator

import pytest

from conformance.plugin.checks import CHECK
from conformance.reference.control import tell


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Calls a check with its defect switched on."""
    control = os.environ["CONTROL"]
    switched, check = json.loads(os.environ["SWITCHED"]), item.stash[CHECK]
    defect = switched.get(check.id) or switched.get(check.requirement.id)
    tell(control, "switch", *([defect] if defect else []))
    try:
        yield
    finally:
        tell(control, "switch")
