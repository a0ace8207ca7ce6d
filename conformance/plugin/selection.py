"""Selectors of checks.

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
from conformance.plugin.invocation import requested_paths
from conformance.plugin.sharding import durations_of, share_of_rate

KINDS = ("promise:", "class:", "level:", "clause:")


def matches(selector: str, check: CheckInfo) -> bool:
    """Return whether a selector matches a check, by its area, the beginning of its id, or the selector's kind.

    The text of ``clause:`` matches anywhere in the clause.
    """
    value = selector.partition(":")[2]
    requirement = check.requirement
    if selector.startswith("promise:") or PROMISE_ID.match(selector.upper()):
        return requirement.promise == (value or selector).upper()
    if selector.startswith("class:"):
        return requirement.conformance_class == value
    if selector.startswith("level:"):
        return str(requirement.level) == value.upper()
    if selector.startswith("clause:"):
        return value.lower() in str(requirement.clause).lower()
    if "#" in selector:
        return check.id == selector
    stem = selector.rstrip("/")
    # A prefix of an area's name does not match, so that a misspelling ("oaut") is reported.
    begins = "/" in selector and requirement.id.startswith(selector)
    return begins or requirement.id == stem or requirement.id.startswith(f"{stem}/")


def selected(check: CheckInfo, selectors: Sequence[str]) -> bool:
    """Return whether any of the selectors matches the check; without selectors all checks match."""
    return not selectors or any(matches(selector, check) for selector in selectors)


def unmatched(selectors: Iterable[str], checks: Sequence[CheckInfo]) -> list[str]:
    """Return the selectors that match no check."""
    return [selector for selector in selectors if not any(matches(selector, check) for check in checks)]


def why_unmatched(selector: str, checks: Iterable[CheckInfo]) -> str:
    """Return why a selector matches nothing, or a similar one (``; did you mean "oauth"?``), or ""."""
    kind, colon, word = selector.partition(":")
    if colon and f"{kind}:" not in KINDS:
        return f": no such kind of selector; choose from {', '.join(KINDS)}"
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
    for argument, path in zip(config.args, requested_paths(config), strict=True):
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
    """Return a sentence for a selector that matches no check, else None."""
    requirement, hash_sign, _ = selector.partition("#")
    checks = [CheckInfo(each.id, each, "") for each in catalogue()]
    if requirement in catalogue() and hash_sign:
        # Only the suites know the cases. The run reports mistakes in the suites.
        with contextlib.suppress(CollectionError):
            checks = checks_of(requirement)
    return f"no check matches {selector!r}{why_unmatched(selector, checks)}" if unmatched([selector], checks) else None
