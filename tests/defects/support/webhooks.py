"""Helpers that defects and variants of the webhooks surface share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from conformance.reference.webhooks import Webhooks


def surface_of(original: Callable[..., Any]) -> Webhooks:
    """Return the surface that a replaced method belongs to."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Webhooks, original.__self__)  # type: ignore[attr-defined]
