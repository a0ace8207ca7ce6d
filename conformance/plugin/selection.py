"""Selectors: which checks a run is of. An area, an id or the beginning of one, ``class:``, ``level:``, ``clause:``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance.plugin.checks import CheckInfo


def matches(selector: str, check: CheckInfo) -> bool:
    """Whether a check is meant by a selector. Ids match whole path parts; words of a clause match anywhere in it."""
    wanted = selector.partition(":")[2]
    requirement = check.requirement
    if selector.startswith("class:"):
        return requirement.conformance_class == wanted
    if selector.startswith("level:"):
        return str(requirement.level) == wanted.upper()
    if selector.startswith("clause:"):
        return wanted.lower() in str(requirement.clause).lower()
    if "#" in selector:
        return check.id == selector
    stem = selector.rstrip("/")
    return (
        check.requirement.id == stem
        or check.requirement.id.startswith(f"{stem}/")
        or check.requirement.id.startswith(selector)
    )


def selected(check: CheckInfo, selectors: Sequence[str]) -> bool:
    """Whether any of the selectors means the check; no selector means all."""
    return not selectors or any(matches(selector, check) for selector in selectors)


def unmatched(selectors: Iterable[str], checks: Sequence[CheckInfo]) -> list[str]:
    """Selectors that mean no check at all."""
    return [selector for selector in selectors if not any(matches(selector, check) for check in checks)]
