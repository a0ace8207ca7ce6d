"""The suite starts pytest in the process that it runs in, and leaves that process as it was."""

from __future__ import annotations

import os

import pytest

from conformance.plugin.invocation import run_pytest


class Looking:
    """Notes what the run is told by its environment."""

    told: str | None = None

    def pytest_configure(self) -> None:
        """Looks, and leaves something behind as a plugin may."""
        self.told = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        os.environ["LEFT_BY_A_RUN"] = "1"


@pytest.mark.parametrize("before", [None, ""])
def test_what_is_started_later_is_not_told_what_a_run_was(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", before)
    looking = Looking()
    environment = dict(os.environ)
    assert run_pytest(["--collect-only", "-q", "-p", "no:cacheprovider", __file__], looking) == 0
    assert looking.told == "1"
    assert dict(os.environ) == environment
    assert "LEFT_BY_A_RUN" not in os.environ
    assert os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") == before


def test_what_somebody_always_gives_to_a_pytest_of_their_own_is_not_a_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert run_pytest(["--collect-only", "-q", "-p", "no:cacheprovider", __file__]) == 0
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
