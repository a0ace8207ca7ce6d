"""How the suite starts pytest on its own suites, from whatever folder and however it is installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.locations import INSTALLED, PACKAGE, suites_folder

MODULE = "conformance.suites"
"""Under this name ``pytest --pyargs`` finds the suites, in a checkout too."""


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
    if "--color=no" in arguments:
        # pytest reports wrong usage in red, whatever its option says.
        os.environ["NO_COLOR"] = "1"
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


def asked_paths(config: pytest.Config) -> list[Path]:
    """Return the paths of the command line, each with its ``::node``; ``--pyargs`` names paths by modules too."""
    return [_path(str(each), config) for each in config.args]


def _path(argument: str, config: pytest.Config) -> Path:
    name, colons, node = argument.partition("::")
    if config.option.pyargs and f"{name}.".startswith(f"{MODULE}."):
        found = suites_folder().joinpath(*name.split(".")[2:])
        return Path(f"{found if found.is_dir() else found.with_suffix('.py')}{colons}{node}")
    return Path(f"{(config.invocation_params.dir / name).resolve()}{colons}{node}")


def asks_for_suites(config: pytest.Config) -> bool:
    """Whether any path of the command line is in the suites, or is the checkout that holds them.

    A folder further up does not count: somebody's project may contain the environment in which this is installed.
    """
    suites = suites_folder()
    paths = [Path(str(each).partition("::")[0]) for each in asked_paths(config)]
    return any(suites in (path, *path.parents) or (path == suites.parent and not INSTALLED) for path in paths)


def parts_of_suites(config: pytest.Config) -> list[str]:
    """What pytest itself was told to run of the suites: areas, files, ``-k`` and the like; nothing: all of them."""
    suites = suites_folder()
    return [
        *(path.name if path.parent == suites else str(path) for path in asked_paths(config) if path != suites),
        *(f"{option} {words}".rstrip() for option, words in _filters(config).items()),
    ]


def _filters(config: pytest.Config) -> dict[str, Any]:
    """The options by which pytest leaves out tests, where they are given."""
    names = {
        "keyword": "-k",
        "markexpr": "-m",
        "deselect": "--deselect",
        "ignore": "--ignore",
        "ignore_glob": "--ignore-glob",
        "lf": "--lf",
        "stepwise": "--stepwise",
    }
    given = {option: getattr(config.option, name, None) for name, option in names.items()}
    return {option: "" if value is True else value for option, value in given.items() if value}


def cuts_areas(config: pytest.Config) -> bool:
    """Whether pytest was told to leave out something of an area, so that nobody sees how much there is of it."""
    return bool(_filters(config)) or any(not (suites_folder() / part).is_dir() for part in parts_of_suites(config))
