"""The pytest side of the suite: ``-p conformance.plugin``, or ``pytest_plugins`` in the root conftest.

``options`` what can be asked for; ``session`` the run as a whole (in the process that reports);
``worker`` the checks as they run (in each process that runs them); ``fixtures`` what checks are given.
Where no path of the suites is asked for, the plugin does nothing.
"""

from __future__ import annotations

import pytest

from conformance.plugin.fixtures import begun, http, ledger, names, once, open_surfaces, recorder, target
from conformance.plugin.garbage import Garbage
from conformance.plugin.locations import suites_folder
from conformance.plugin.options import pytest_addoption

__all__ = [
    "begun",
    "http",
    "ledger",
    "names",
    "once",
    "open_surfaces",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_configure",
    "pytest_xdist_auto_num_workers",
    "recorder",
    "target",
]


def asks_for_suites(config: pytest.Config) -> bool:
    """Whether any path of the command line is in the suites, or a folder that holds them."""
    suites = suites_folder()
    for argument in config.args:
        path = (config.invocation_params.dir / argument.split("::", 1)[0]).resolve()
        if path == suites or suites in path.parents or path in suites.parents:
            return True
    return False


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
    config.addinivalue_line("markers", "verifies(id): the requirement that a check verifies")
    config.addinivalue_line("markers", "concludes: the check judges the run as a whole")
    config.addinivalue_line("markers", "of_strangers: the check is of what those are told who are not let in")
    config.addinivalue_line("markers", "disturbs(what): the check uses up or changes something shared")
    given = getattr(config, "workerinput", None)
    if given is not None:
        if "conformance" in given:
            from conformance.plugin.worker import Worker

            config.pluginmanager.register(Garbage(), "conformance-garbage")
            config.pluginmanager.register(Worker.of_worker(config, given), "conformance-worker")
        return
    if config.pluginmanager.has_plugin("conformance-nursery"):
        config.pluginmanager.register(Garbage(), "conformance-garbage")
        return
    if config.pluginmanager.has_plugin("conformance-worker") or not asks_for_suites(config):
        return
    if config.option.collectonly:
        return
    from conformance.plugin.session import begin

    begin(config)
    config.pluginmanager.register(Garbage(), "conformance-garbage")
