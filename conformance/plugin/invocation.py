"""How the suite starts pytest on its own suites, from whatever folder and however it is installed."""

from __future__ import annotations

from pathlib import Path

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
        "--assert=plain",
        *chosen,
    ]
