"""Pytest items as checks: each verifies one requirement, or is a mistake in the suite."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from conformance.clients.transport.request_budget import PER_CHECK
from conformance.contract.catalogue import Catalogue
from conformance.plugin.locations import suites_folder
from conformance.vocabulary.documented import docstrings
from conformance.vocabulary.requirement import Requirement

RESULT = "conformance"
TEARDOWN = "conformance-teardown"
EVIDENCE = "conformance-evidence"
"""Properties of pytest's report: the check's result, a failed clean-up, the digest of its worker's evidence."""


@dataclass(frozen=True)
class CheckInfo:
    """One check: ``id`` is the requirement's, plus ``#case`` if it has cases."""

    id: str
    requirement: Requirement
    nodeid: str
    purpose: str = ""
    method: list[str] = field(default_factory=list)
    disturbs: str | None = None
    comes_last: bool = False
    concludes: bool = False
    needs_no_credential: bool = False
    most_requests: int = PER_CHECK

    @property
    def file(self) -> str:
        """The file of the check."""
        return self.nodeid.split("::", 1)[0]


CHECK = pytest.StashKey[CheckInfo]()
"""The key of an item's check."""


def is_check(item: pytest.Item) -> bool:
    """Return whether the item is in the suites, not one of the suite's own tests."""
    return _in_suites(item.path)


@cache
def _in_suites(file: Path) -> bool:
    # The path may contain a symbolic link: site-packages of some systems is one.
    return suites_folder() in file.resolve().parents


def described(docstring: str | None) -> tuple[str, list[str]]:
    """Return purpose and numbered steps of a check's docstring ("Purpose: … Method: 1. …; 2. …")."""
    purpose, _, method = " ".join((docstring or "").split()).partition("Method:")
    steps = [step.strip() for step in re.split(r"(?:^|;?\s)\d+\.\s", method) if step.strip()]
    return purpose.removeprefix("Purpose:").strip(), steps


def check_info(item: pytest.Item, catalogue: Catalogue) -> CheckInfo | str:
    """Return the check that an item is, or a text that says why it is not one."""
    # The closest marker wins: that of a table's row over that of the function.
    mark = item.get_closest_marker("verifies")
    if mark is None or len(mark.args) != 1:
        return f"{item.nodeid}: no @verifies(requirement id)"
    requirement_id, _, named_case = str(mark.args[0]).partition("#")
    if requirement_id not in catalogue:
        return f"{item.nodeid}: unknown requirement {requirement_id}"
    callspec = getattr(item, "callspec", None)
    case = named_case or (callspec.id if callspec is not None else "").replace(f"{requirement_id}#", "")
    # A parametrized class joins its case and the row's id, which is the requirement's.
    case = case.removeprefix(f"{requirement_id}-").removesuffix(f"-{requirement_id}")
    check_id = requirement_id if case in ("", requirement_id) else f"{requirement_id}#{case}"
    disturbing = item.get_closest_marker("disturbs")
    sending = item.get_closest_marker("sends_up_to")
    concludes = item.get_closest_marker("concludes") is not None
    named = getattr(item, "originalname", item.name)
    purpose, method = described(
        getattr(getattr(item, "obj", None), "__doc__", None) or docstrings(item.path).get(named)
    )
    return CheckInfo(
        check_id,
        catalogue[requirement_id],
        item.nodeid,
        purpose,
        method,
        str(disturbing.args[0]) if disturbing else None,
        concludes or bool(disturbing and disturbing.kwargs.get("others")),
        concludes,
        item.get_closest_marker("needs_no_credential") is not None,
        int(sending.args[0]) if sending else PER_CHECK,
    )


def uncollected(report: pytest.CollectReport) -> str:
    """Say which file pytest could not collect, and why: without its checks a run would look complete."""
    lines = str(report.longrepr).strip().splitlines()
    return f"{report.nodeid}: {' '.join(each[1:].strip() for each in lines if each.startswith('E ')) or lines[-1]}"


def mistakes_among(checks: Iterable[CheckInfo]) -> list[str]:
    """Return mistakes: ids of two checks, and equal disturbances in several files or with different ``others``."""
    found: list[str] = []
    by_id: dict[str, CheckInfo] = {}
    disturbing: dict[str, CheckInfo] = {}
    for check in checks:
        if check.id in by_id:
            found.append(f"{check.nodeid}: the id {check.id} is also borne by {by_id[check.id].nodeid}")
        by_id[check.id] = check
        if check.disturbs:
            first = disturbing.setdefault(check.disturbs, check)
            if (check.file, check.comes_last) != (first.file, first.comes_last):
                found.append(
                    f"{check.nodeid}: @disturbs({check.disturbs!r}) also marks {first.nodeid}; "
                    "equal names stand in one file only, all with others=True or none"
                )
    return found
