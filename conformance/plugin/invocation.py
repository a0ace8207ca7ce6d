"""How the suite starts pytest on its own suites, from whatever folder and however it is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.plugin.locations import PACKAGE, suites_folder


def pytest_arguments(*paths: str) -> list[str]:
    """The arguments that every run begins with; paths are below the suites' folder, none: all of them.

    Assertions are left plain: the suites compare by oracles, and rewriting costs a second a process.
    """
    suites = suites_folder()
    chosen = [str(suites / path) for path in paths] or [str(suites)]
    return [
        "-c",
        str(Path(PACKAGE / "plugin" / "run.ini")),
        f"--rootdir={suites.parent}",
        f"--confcutdir={suites}",
        "-p",
        "conformance.plugin",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:logging",
        "-p",
        "no:warnings",
        "--assert=plain",
        *chosen,
    ]


def run_pytest(arguments: list[str], *plugins: object) -> int:
    """Runs pytest in this process and returns its exit code; our plugin and what the arguments name is all it loads.

    Workers are told so by the environment, which is afterwards as it was: what this process starts later may be a
    pytest of somebody else.
    """
    before = dict(os.environ)
    keep_others_out()
    try:
        return int(pytest.main(arguments, plugins=list(plugins)))
    finally:
        os.environ.clear()
        os.environ.update(before)


def keep_others_out() -> None:
    """Has this process's pytest, and those that it starts, go by neither plugins nor options that are not of a run.

    Plugins of other packages cost half a second a process; what somebody always gives to a pytest of their own
    (PYTEST_ADDOPTS) would end a run, or leave out checks of it.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)


def parts_of_suites(config: pytest.Config) -> list[str]:
    """What pytest itself was told to run of the suites: areas, files, ``-k`` and the like; nothing: all of them."""
    suites, here = suites_folder(), config.invocation_params.dir
    paths = [Path(here, str(each)).resolve() for each in config.args]
    given = {"-k": config.option.keyword, "-m": config.option.markexpr, "--deselect": config.option.deselect}
    return [
        *(path.name if path.parent == suites else str(path) for path in paths if path != suites),
        *(f"{name} {words}" for name, words in given.items() if words),
    ]


def cuts_areas(config: pytest.Config) -> bool:
    """Whether pytest was told to leave out something of an area, so that nobody sees how much there is of it."""
    return any(not (suites_folder() / part).is_dir() for part in parts_of_suites(config))
