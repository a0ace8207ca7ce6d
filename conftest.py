"""Loads the suite's pytest plugin, so that ``pytest suites/`` is a run."""

pytest_plugins = ["conformance.plugin"]
