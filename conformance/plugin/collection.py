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
    """The suites cannot be collected, or hold mistakes: which."""


class Listing:
    """Reads the checks from collected items; nothing else of a run is needed."""

    def __init__(self, contract: Catalogue) -> None:
        self.contract = contract
        self.checks: list[CheckInfo] = []
        self.mistakes: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Takes what could not be collected."""
        if report.failed:
            self.mistakes.append(uncollected(report))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Takes every check that was collected."""
        for item in filter(is_check, session.items):
            info = check_info(item, self.contract)
            if isinstance(info, str):
                self.mistakes.append(info)
            else:
                self.checks.append(info)
        self.mistakes += mistakes_among(self.checks)


def collect(*paths: str) -> list[CheckInfo]:
    """Every check of the suites (or of these paths in them).

    CollectionError where something is wrong with them, ContractError where the contract's data is.
    """
    listing = Listing(catalogue())
    said = io.StringIO()
    arguments = [*pytest_arguments(*paths), "--collect-only", "-q"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run_pytest(arguments, listing)
    if listing.mistakes or code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CollectionError("\n".join(listing.mistakes) or said.getvalue()[-3000:])
    return listing.checks


def checks_of(requirement: str) -> list[CheckInfo]:
    """The checks of a requirement, by its id: of the files that name it, or of all where none of theirs does so.

    Errors as of ``collect``.
    """
    suites, names = suites_folder(), (f'"{requirement}"', f'"{requirement}#')
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(suites.rglob("test_*.py"))}
    naming = [path for path, text in texts.items() if any(name in text for name in names)]
    found = _of(requirement, collect(*(str(path.relative_to(suites)) for path in naming)))
    return found if found or not naming else _of(requirement, collect())


def _of(requirement: str, checks: list[CheckInfo]) -> list[CheckInfo]:
    return [each for each in checks if each.requirement.id == requirement]
