"""What xdist has a worker execute: the checks that the nursery has collected, or what xdist itself would have.

On another machine the package may be found only by what xdist itself executes there, so nothing of it is imported here.
"""

from __future__ import annotations

if __name__ == "__channelexec__":
    import importlib.metadata
    import os
    import sys
    from pathlib import Path

    channel = globals()["channel"]
    hatching = sys.modules.get("conformance.plugin.hatching")
    if hatching is not None and hatching.hatched is not None:
        hatching.hatched.hand_over(channel)
    else:
        if "PYTEST_DISABLE_PLUGIN_AUTOLOAD" in os.environ:
            # Else the worker would not understand the words that the run was started with.
            named = filter(None, [os.environ.get("PYTEST_PLUGINS"), "xdist.plugin"])
            os.environ["PYTEST_PLUGINS"] = ",".join(named)
        # Read, not imported: pytest warns of plugins that were imported before it.
        source = Path(str(importlib.metadata.distribution("pytest-xdist").locate_file("xdist/remote.py")))
        exec(compile(source.read_text(encoding="utf-8"), source, "exec"), globals())  # noqa: S102
