"""``python -m tests.mutation.serving MODULE FILE WORDS…``: the reference, one of its modules read from another file."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

from conformance.reference.service import main


class Instead(importlib.abc.MetaPathFinder):
    """Finds one module in a file of another place."""

    def __init__(self, module: str, path: str) -> None:
        self.module, self.path = module, path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The file's, where it is that module."""
        return importlib.util.spec_from_file_location(fullname, self.path) if fullname == self.module else None


if __name__ == "__main__":
    module, path, *words = sys.argv[1:]
    sys.argv[1:] = words
    sys.meta_path.insert(0, Instead(module, path))
    sys.exit(main())
