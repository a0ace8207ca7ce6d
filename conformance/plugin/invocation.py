"""Starting pytest on the suites, from any folder and any installation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.locations import INSTALLED, PACKAGE, suites_folder

MODULE = "conformance.suites"
"""Under this name ``pytest --pyargs`` finds the suites, in a checkout too."""


def pytest_arguments(*paths: str) -> list[str]:
    """Return the first arguments of every run; paths are relative to the suites' folder, without any: all suites.

    Assertions are not rewritten: the suites compare by oracles, and rewriting costs a second a process.
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
    """Run pytest in this process and return its exit code; it loads only our plugin and those in the arguments.

    The environment passes that on to workers. It is restored afterwards: this process may start other pytest runs.
    """
    before = dict(os.environ)
    isolate()
    if "--color=no" in arguments:
        # pytest reports wrong usage in red, despite its option.
        os.environ["NO_COLOR"] = "1"
    try:
        return int(pytest.main(arguments, plugins=list(plugins)))
    finally:
        os.environ.clear()
        os.environ.update(before)


def isolate() -> None:
    """Disable other plugins and options for this process's pytest and those that it starts.

    Plugins of other packages cost half a second a process; options of a user (PYTEST_ADDOPTS) could end a run or leave
    out checks.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)


def requested_paths(config: pytest.Config) -> list[Path]:
    """Return the paths of the command line, each with its ``::node``; with ``--pyargs`` they may be modules."""
    return [_path(str(each), config) for each in config.args]


def _path(argument: str, config: pytest.Config) -> Path:
    name, colons, node = argument.partition("::")
    if config.option.pyargs and f"{name}.".startswith(f"{MODULE}."):
        found = suites_folder().joinpath(*name.split(".")[2:])
        return Path(f"{found if found.is_dir() else found.with_suffix('.py')}{colons}{node}")
    return Path(f"{(config.invocation_params.dir / name).resolve()}{colons}{node}")


def asks_for_suites(config: pytest.Config) -> bool:
    """Return whether a path of the command line is in the suites, or is the checkout that contains them.

    A folder above does not count: a user's project may contain the environment in which the suite is installed.
    """
    suites = suites_folder()
    paths = [Path(str(each).partition("::")[0]) for each in requested_paths(config)]
    return any(suites in (path, *path.parents) or (path == suites.parent and not INSTALLED) for path in paths)


def parts_of_suites(config: pytest.Config) -> list[str]:
    """Return the part of the suites that pytest's own arguments select: areas, files, ``-k`` …; [] for all."""
    suites = suites_folder()
    return [
        *(path.name if path.parent == suites else str(path) for path in requested_paths(config) if path != suites),
        *(f"{option} {value}".rstrip() for option, value in _filters(config).items()),
    ]


def _filters(config: pytest.Config) -> dict[str, Any]:
    """Return the given options by which pytest leaves out tests."""
    names = {
        "keyword": "-k",
        "markexpr": "-m",
        "deselect": "--deselect",
        "ignore": "--ignore",
        "ignore_glob": "--ignore-glob",
        "lf": "--lf",
        "stepwise": "--stepwise",
    }
    options = {option: getattr(config.option, name, None) for name, option in names.items()}
    return {option: "" if value is True else value for option, value in options.items() if value}


def cuts_areas(config: pytest.Config) -> bool:
    """Return whether pytest's own arguments select a part of an area, so that the area's size is unknown."""
    return bool(_filters(config)) or any(not (suites_folder() / part).is_dir() for part in parts_of_suites(config))
