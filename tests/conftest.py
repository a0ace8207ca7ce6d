"""References that tests start know every defect and variant, not only the showcase."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.defects import PROGRAM

EmbeddedReference.program = PROGRAM


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    """A reference that runs for the tests of one module."""
    running = EmbeddedReference()
    yield running
    running.stop()
