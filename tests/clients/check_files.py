"""Import the checks of a file, so that a test can call them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SUITES = Path(__file__).resolve().parent.parent.parent / "suites"


def checks_of(area: str, topic: str) -> ModuleType:
    """Return the checks of an area and a topic."""
    spec = importlib.util.spec_from_file_location(f"checks_of_{area}_{topic}", SUITES / area / f"test_{topic}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for theirs
    spec.loader.exec_module(module)
    return module
