"""The pytest side of the suite: an entry point of the package, and ``pytest_plugins`` of a checkout's conftest.

``options`` what can be asked for; ``session`` the run as a whole (in the process that reports);
``worker`` the checks as they run (in each process that runs them); ``fixtures`` what checks are given.

Every pytest of the environment loads this module. Without a path of the suites the plugin only adds options and
markers, and imports nothing else.
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
    "needs_no_credential: the check is about responses to unauthenticated clients",
    "disturbs(what): the check uses up or changes something shared",
)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Lets ``-n auto`` follow the distance of the target, where it is a run of ours."""
    if not asks_for_suites(config):
        return None
    from conformance.plugin.workers import provisional

    return provisional(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Bounds how many workers of a run of ours are replaced, before xdist looks."""
    if asks_for_suites(config):
        from conformance.plugin.crashes import bound

        bound(config)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Registers the parts that this process needs."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    given = getattr(config, "workerinput", {})
    if not asks_for_suites(config) and "conformance" not in given:
        return
    from conformance.plugin import fixtures
    from conformance.plugin.garbage import Garbage

    config.pluginmanager.register(fixtures, "conformance-fixtures")
    name_from_suites(config)
    if config.option.collectonly or config.pluginmanager.has_plugin("conformance-worker"):
        return
    if "conformance" in given:
        from conformance.plugin.worker import Worker

        config.pluginmanager.register(Worker.of_worker(config, given), "conformance-worker")
    else:
        from conformance.plugin.session import begin

        begin(config)
    config.pluginmanager.register(Garbage(), "conformance-garbage")


def name_from_suites(config: pytest.Config) -> None:
    """Make node ids begin with the suites' folder where pytest's root folder does not contain it (``--pyargs``).

    Otherwise they begin in the folder that was asked for, and files of two areas have one name.
    """
    suites = suites_folder()
    if config.rootpath not in suites.parents:
        config._rootpath = suites.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuses checks that the run does not know: those of another copy of the suite."""
    for item in () if config.pluginmanager.has_plugin("conformance-fixtures") else items:
        if item.get_closest_marker("verifies") is not None:
            raise pytest.UsageError(
                f"{item.path}: belongs to another copy of the suite; the loaded copy has its checks in "
                f"{suites_folder()} (pytest --pyargs conformance.suites)"
            )
