"""The suite starts pytest in its own process, and leaves the environment as it was."""

from __future__ import annotations

import argparse
import os

import pytest

from conformance.commands import run
from conformance.plugin.invocation import run_pytest
from conformance.runs.options import OPTIONS, option_arguments, values_of


class Looking:
    """Notes what the run is told by its environment."""

    told: str | None = None

    def pytest_configure(self) -> None:
        """Looks, and leaves something behind as a plugin may."""
        self.told = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        os.environ["LEFT_BY_A_RUN"] = "1"


@pytest.mark.parametrize("before", [None, ""])
def test_the_environment_is_restored_after_a_run(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
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


class Given:
    """Notes the options that pytest has parsed."""

    option: argparse.Namespace

    def pytest_configure(self, config: pytest.Config) -> None:
        """Look at them."""
        self.option = config.option


VALUES = {
    "config": "a.toml", "target": "staging", "profile": "core", "shard": "1/2", "durations": "old", "explore": "0",
    "explore-time": "2.5", "shrink-time": "0", "seed": "7", "database": "db", "rate": "5/s", "out": "-run",
    "report": "html", "waivers": "w.toml", "challenge": "nonce-of-a-certifier", "max-requests": "9",
}  # fmt: skip


def test_each_option_of_a_run_reaches_pytest_under_its_own_name() -> None:
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    words = [f"--{name}={value}" for name, value in VALUES.items()]
    parsed = values_of(parser.parse_args(["run", *words, "--strict"]))
    assert {*VALUES, "strict"} == {*parsed} == {each.name for each in OPTIONS}
    given = Given()
    arguments = ["--collect-only", "-q", "-p", "conformance.plugin", "-p", "no:cacheprovider", __file__]
    assert run_pytest([*arguments, *option_arguments(parsed)], given) == 0
    found = {name: getattr(given.option, f"conformance_{name.replace('-', '_')}") for name in parsed}
    assert found == parsed
    assert (found["explore"], found["seed"], found["strict"], found["out"]) == (0, 7, True, "-run")
