"""What the registry's defects share: the surface behind a replaced method, and which endpoint a request is for."""

from __future__ import annotations

import functools
from typing import Any, cast

from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry
from conformance.reference.registry.routing import find_route

PAUSE_S = 0.03


def registry_of(original: Any) -> Registry:
    """The registry that a replaced method is of."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Registry, original.__self__)


def kind_of(request: Request) -> str:
    """The kind of endpoint that a request is for, empty for none."""
    found = find_route(request.path)
    return found[0].kind if found else ""


def without(answer: Answer, *names: str) -> Answer:
    """The answer without these headers."""
    for name in names:
        if name in answer.headers:
            del answer.headers[name]
    return answer


class EveryTwentieth:
    """Counts, and says yes once in twenty times."""

    def __init__(self) -> None:
        self.count = 0

    def due(self) -> bool:
        self.count += 1
        return self.count % 20 == 0
