"""Selectors: which checks a run is of.

An area, an id or the beginning of one, a promise (``AC-06`` or ``promise:AC-06``), ``class:``, ``level:``, ``clause:``.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from conformance.contract.catalogue import PROMISE_ID, catalogue
from conformance.contract.profiles import profiles
from conformance.plugin.checks import CheckInfo
from conformance.plugin.collection import CollectionError, checks_of
from conformance.plugin.invocation import asked_paths
from conformance.plugin.sharding import durations_of, share_of_rate

KINDS = ("promise:", "class:", "level:", "clause:")


def matches(selector: str, check: CheckInfo) -> bool:
    """Whether a selector means a check: its area, its id, or the area and the beginning of the rest of its id.

    The words of a clause match anywhere in it.
    """
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
    # The beginning of an area's name would hide its misspelling: "oaut" is no selector.
    begins = "/" in selector and requirement.id.startswith(selector)
    return begins or requirement.id == stem or requirement.id.startswith(f"{stem}/")


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
    near = near or difflib.get_close_matches(word.upper() if kind == "level" else word if colon else selector, names, 1)
    return f'; did you mean "{kind + colon if colon else ""}{near[0]}"?' if near else ""


def refuse_mistakes(config: pytest.Config) -> None:
    """Raise pytest.UsageError if a path or a selector names no check, or a profile, part or rate is malformed.

    Nothing is contacted for that, so that a run with a mistake ends before it begins.
    """
    option = config.option
    for argument, path in zip(config.args, asked_paths(config), strict=True):
        if not Path(str(path).partition("::")[0]).exists():
            raise pytest.UsageError(f"{argument}: no such file, folder or module")
    profile = option.conformance_profile
    if profile not in profiles():
        near = difflib.get_close_matches(profile, profiles(), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise pytest.UsageError(f"--profile {profile}: one of {', '.join(profiles())}{hint}")
    for selector in option.conformance_select:
        if mistake := unknown(selector):
            raise pytest.UsageError(mistake)
    try:
        share_of_rate(option.conformance_rate, option.conformance_shard)
        durations_of(option.conformance_durations)
    except ValueError as mistake:
        raise pytest.UsageError(str(mistake)) from None


def unknown(selector: str) -> str | None:
    """Return a sentence for a selector that means no check; None for one that means some."""
    requirement, hash_sign, _ = selector.partition("#")
    checks = [CheckInfo(each.id, each, "") for each in catalogue()]
    if requirement in catalogue() and hash_sign:
        # Only the suites know the cases. What is wrong with the suites themselves, the run says.
        with contextlib.suppress(CollectionError):
            checks = checks_of(requirement)
    return f"no check matches {selector!r}{why_unmatched(selector, checks)}" if unmatched([selector], checks) else None
