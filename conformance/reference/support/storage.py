"""Helpers that defects and variants of the storage surface share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.storage import Storage
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted

LONGEST = 255
"""What many a database keeps of a text."""
PAUSE_S = 0.02


def page_of(original: Any, names: list[str], wanted: Wanted) -> Page:
    """The page of these names, whatever they begin with, where one does not begin with the prefix."""
    astray = any(not name.startswith(wanted.prefix) for name in names)
    page: Page = original(names, replace(wanted, prefix="") if astray else wanted)
    return page


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


def crashing(reading: Callable[[], Any]) -> Any:
    """What is read, or in place of a refusal a crash."""
    try:
        return reading()
    except Fault:
        raise server_error() from None
