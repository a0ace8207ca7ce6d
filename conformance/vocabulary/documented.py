"""Docstrings as they stand in a file: Python keeps none of them when it is told to optimise (``-OO``)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def docstrings(file: Path) -> dict[str, str]:
    """What a file's functions and classes say of themselves, by name."""
    found = ast.parse(file.read_bytes()).body
    documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {each.name: ast.get_docstring(each) or "" for each in found if isinstance(each, documented)}
