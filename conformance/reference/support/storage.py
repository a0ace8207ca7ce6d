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
"""The length of a text column in many databases."""
PAUSE_S = 0.02


def page_of(original: Any, names: list[str], wanted: Wanted) -> Page:
    """Return the page of these names; ignore the prefix if a name does not begin with it."""
    ignores_prefix = any(not name.startswith(wanted.prefix) for name in names)
    page: Page = original(names, replace(wanted, prefix="") if ignores_prefix else wanted)
    return page


def gateway(original: Any) -> Storage:
    """Return the surface of a replaced method."""
    while isinstance(original, functools.partial):  # Another alteration also replaces it.
        original = original.args[0]
    surface: Storage = original.__self__
    return surface


def server_error() -> Fault:
    """Return the response of a crash as a refusal."""
    fault = Fault("InvalidRequest", "We encountered an internal error. Please try again.")
    fault.code, fault.status = "InternalError", 500
    return fault


def crashing(reading: Callable[[], Any]) -> Any:
    """Return the result of a call; a refusal becomes a crash."""
    try:
        return reading()
    except Fault:
        raise server_error() from None
