"""Docstrings read from the source file: Python drops them when it optimises (``-OO``)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def docstrings(file: Path) -> dict[str, str]:
    """Return the docstrings of a file's top-level functions and classes by name."""
    documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    nodes = ast.parse(file.read_bytes()).body
    return {node.name: ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)}
