"""A plugin for runs in which each property meets one defect, the one that it is to find: so one run shows many.

``SWITCHED`` in the environment is JSON: by requirement the defect that is on while its check is called. What the check
prepares before is made on a clean reference. ``CONTROL`` is where defects are switched, ``BESIDE`` JSON: the variants
that are on all the while.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator

import pytest

from conformance.plugin.worker import CHECK
from conformance.reference.control import tell


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Calls a check with its defect switched on."""
    control, beside = os.environ["CONTROL"], json.loads(os.environ["BESIDE"])
    tell(control, "switch", *beside, json.loads(os.environ["SWITCHED"])[item.stash[CHECK].requirement.id])
    try:
        yield
    finally:
        tell(control, "switch", *beside)
