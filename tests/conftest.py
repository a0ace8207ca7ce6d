"""References that tests start know every defect and variant, not only the showcase."""

from __future__ import annotations

from conformance.plugin.embedded import EmbeddedReference
from tests.defects import PROGRAM

EmbeddedReference.program = PROGRAM
