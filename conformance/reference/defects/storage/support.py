"""What the defects of the gateway have in common."""

from __future__ import annotations

import functools
from typing import Any

from conformance.reference.storage import Storage
from conformance.reference.storage.faults import Fault

PAUSE_S = 0.02
MOMENT_S = 2.0


def gateway(original: Any) -> Storage:
    """The surface whose method this is."""
    while isinstance(original, functools.partial):  # another alteration stands between
        original = original.args[0]
    surface: Storage = original.__self__
    return surface


def server_error() -> Fault:
    """A refusal as a crash would give it."""
    fault = Fault("InvalidRequest", "We encountered an internal error. Please try again.")
    fault.code, fault.status = "InternalError", 500
    return fault
