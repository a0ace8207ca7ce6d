"""References that tests start know every defect and variant, not only the showcase."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from conformance.plugin.embedded import EmbeddedReference
from tests.defects import PROGRAM

EmbeddedReference.program = PROGRAM

# Neither the time that an example takes nor chance decides a test.
settings.register_profile("tests", derandomize=True, deadline=None, database=None)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def profile() -> None:
    """Use the settings of the tests' own properties, whatever an earlier test has set for those of the suite."""
    settings.load_profile("tests")


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    """A reference that runs for the tests of one module."""
    running = EmbeddedReference()
    yield running
    running.stop()
