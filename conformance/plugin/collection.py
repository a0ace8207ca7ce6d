"""Collecting the checks without running any: for ``conformance list`` and ``explain``."""

from __future__ import annotations

import contextlib
import io

import pytest

from conformance.contract.catalogue import Catalogue, catalogue
from conformance.plugin.checks import CheckInfo, check_info, is_check, mistakes_among, uncollected
from conformance.plugin.invocation import pytest_arguments, run_pytest
from conformance.plugin.locations import suites_folder


class CollectionError(Exception):
    """The suites cannot be collected, or contain mistakes."""


class Listing:
    """Collects the checks of the suites without a run."""

    def __init__(self, contract: Catalogue) -> None:
        self.contract = contract
        self.checks: list[CheckInfo] = []
        self.mistakes: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        if report.failed:
            self.mistakes.append(uncollected(report))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note every collected check."""
        for item in filter(is_check, session.items):
            info = check_info(item, self.contract)
            if isinstance(info, str):
                self.mistakes.append(info)
            else:
                self.checks.append(info)
        self.mistakes += mistakes_among(self.checks)


def collect(*paths: str) -> list[CheckInfo]:
    """Return every check of the suites, or of these paths in them.

    CollectionError for mistakes in the suites, ContractError for mistakes in the contract's data.
    """
    listing = Listing(catalogue())
    output = io.StringIO()
    arguments = [*pytest_arguments(*paths), "--collect-only", "-q"]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = run_pytest(arguments, listing)
    if listing.mistakes or code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CollectionError("\n".join(listing.mistakes) or output.getvalue()[-3000:])
    return listing.checks


def checks_of(requirement: str) -> list[CheckInfo]:
    """Return the checks of a requirement from the files that contain its id, or else from all files."""
    suites, names = suites_folder(), (f'"{requirement}"', f'"{requirement}#')
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(suites.rglob("test_*.py"))}
    candidates = [path for path, text in texts.items() if any(name in text for name in names)]
    found = _of(requirement, collect(*(str(path.relative_to(suites)) for path in candidates)))
    return found if found or not candidates else _of(requirement, collect())


def _of(requirement: str, checks: list[CheckInfo]) -> list[CheckInfo]:
    return [each for each in checks if each.requirement.id == requirement]
