"""One reference for the whole runs of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import control_of


@pytest.fixture(scope="session")
def reference() -> Iterator[EmbeddedReference]:
    """A running reference; ``control`` keeps it clean."""
    running = EmbeddedReference()
    yield running
    running.stop()


@pytest.fixture
def control(reference: EmbeddedReference) -> Iterator[str]:
    """The address at which defects are switched; the reference is as at its start before and after the test."""
    address = control_of(reference)
    tell(address, "reset")
    tell(address, "switch")
    yield address
    tell(address, "reset")
    tell(address, "switch")
