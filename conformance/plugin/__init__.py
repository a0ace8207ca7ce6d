"""The pytest side of the suite: an entry point of the package, and ``pytest_plugins`` of a checkout's conftest.

``options``: command-line options; ``session``: the run as a whole (in the reporting process);
``worker``: the checks (in each process that runs them); ``fixtures``: the fixtures of checks.

Every pytest of the environment loads this module. Unless the suites are run, the plugin only adds options and markers.
"""

from __future__ import annotations

import pytest

from conformance.plugin.invocation import asks_for_suites
from conformance.plugin.locations import suites_folder
from conformance.plugin.options import pytest_addoption

__all__ = [
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_xdist_auto_num_workers",
]
MARKERS = (
    "verifies(id): the requirement that a check verifies",
    "concludes: the check judges the run as a whole",
    "sends_up_to(requests): the most requests of the check, or of each example of a property",
    "needs_no_credential: the check is about responses to unauthenticated clients",
    "disturbs(what): the check uses up or changes something shared",
)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Let the distance of the target determine ``-n auto`` in a conformance run."""
    if not asks_for_suites(config):
        return None
    from conformance.plugin.workers import provisional

    return provisional(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Limit how many workers of a conformance run are replaced, before xdist reads the option."""
    if asks_for_suites(config):
        from conformance.plugin.crashes import bound

        bound(config)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the plugins that this process needs."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    worker_input = getattr(config, "workerinput", {})
    if not asks_for_suites(config) and "conformance" not in worker_input:
        return
    from conformance.plugin import fixtures
    from conformance.plugin.garbage import Garbage

    config.pluginmanager.register(fixtures, "conformance-fixtures")
    name_from_suites(config)
    if config.option.collectonly or config.pluginmanager.has_plugin("conformance-worker"):
        return
    if "conformance" in worker_input:
        from conformance.plugin.worker import Worker

        config.pluginmanager.register(Worker.of_worker(config, worker_input), "conformance-worker")
    else:
        from conformance.plugin.session import begin

        begin(config)
    config.pluginmanager.register(Garbage(), "conformance-garbage")


def name_from_suites(config: pytest.Config) -> None:
    """Make node ids begin with the suites' folder if pytest's root folder does not contain it (``--pyargs``).

    Otherwise they begin in the requested folder, and files of two areas can have the same node id.
    """
    suites = suites_folder()
    if config.rootpath not in suites.parents:
        config._rootpath = suites.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse checks of another copy of the suite."""
    for item in () if config.pluginmanager.has_plugin("conformance-fixtures") else items:
        if item.get_closest_marker("verifies") is not None:
            raise pytest.UsageError(
                f"{item.path}: belongs to another copy of the suite; the loaded copy has its checks in "
                f"{suites_folder()} (pytest --pyargs conformance.suites)"
            )
