"""Selectors: which checks a run is of.

An area, an id or the beginning of one, a promise (``AC-06`` or ``promise:AC-06``), ``class:``, ``level:``, ``clause:``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from conformance.contract.catalogue import PROMISE_ID
from conformance.plugin.checks import CheckInfo

KINDS = ("promise:", "class:", "level:", "clause:")


def matches(selector: str, check: CheckInfo) -> bool:
    """Whether a check is meant by a selector. Ids match whole path parts; words of a clause match anywhere in it."""
    wanted = selector.partition(":")[2]
    requirement = check.requirement
    if selector.startswith("promise:") or PROMISE_ID.match(selector.upper()):
        return requirement.promise == (wanted or selector).upper()
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


def why_unmatched(selector: str, checks: Iterable[CheckInfo]) -> str:
    """``; did you mean "oauth"?`` where a selector means nothing and a word of its kind is near or goes on so."""
    kind, colon, word = selector.partition(":")
    if colon and f"{kind}:" not in KINDS:
        return f": no such kind of selector; one of {', '.join(KINDS)}"
    requirements = {each.requirement.id: each.requirement for each in checks}
    promises = {each.promise for each in requirements.values()}
    known: dict[str, Iterable[str]] = {
        "promise": promises,
        "class": {each.conformance_class for each in requirements.values()},
        "level": {str(each.level) for each in requirements.values()},
        "clause": {str(each.clause) for each in requirements.values()},
    }
    topics = {each.rpartition("/")[0] for each in requirements}
    names = known.get(kind, {*requirements, *topics, *promises, *(each.area for each in requirements.values())})
    near = sorted(each for each in topics if each.endswith(f"/{selector}"))
    near = near or difflib.get_close_matches(word if colon else selector, names, 1)
    return f'; did you mean "{kind + colon if colon else ""}{near[0]}"?' if near else ""
