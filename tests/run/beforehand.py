"""``python -m tests.run.beforehand FOLDER WORDS…``: the reference, whose repositories are each made before a push.

One is made by a file of its name in the folder, a slash written as a comma.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path

from conformance.reference.http import Answer
from conformance.reference.registry import Registry
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.service import main

Push = Callable[[Registry, Call], Awaitable[Answer]]


def of_known(push: Push, folder: Path) -> Push:
    """The same operation, where the repository is there."""

    @wraps(push)
    async def pushed(registry: Registry, asked: Call) -> Answer:
        if not (folder / asked.name.replace("/", ",")).exists():
            raise Refusal("NAME_UNKNOWN", {"name": asked.name})
        return await push(registry, asked)

    return pushed


if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    for each in ("post_upload", "put_manifest"):
        setattr(Registry, each, of_known(getattr(Registry, each), folder))
    sys.exit(main())
