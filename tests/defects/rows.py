"""Defects that are one expression: a row instead of a class.

    ROWS = (
        row(
            "key-count-without-prefixes",
            "S3 API Reference, ListObjectsV2, KeyCount: keys and common prefixes of the answer together.",
            "storage/listing/count-is-right",
            key_count=lambda original, page: len(page.keys),
        ),
    )

A row has the name of the defect, the broken clause, the checks that must fail, and a replacement for each method of
the surface. A replacement gets the original method first, as in a class; ``rewrite`` and ``intercept`` do not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect


def row(name: str, clause: str, *noticed_by: str, shipped: bool = False, **methods: Callable[..., Any]) -> type[Defect]:
    """Make a defect of the surface that the calling module is about: ``tests.defects.<surface>.<topic>``."""
    module = str(sys._getframe(1).f_globals["__name__"])
    facts = {"surface": module.split(".")[2], "noticed_by": noticed_by, "shipped": shipped}
    replaced = {each: staticmethod(method) for each, method in methods.items()}
    return type(name, (Defect,), {"__doc__": clause, "__module__": module, **facts, **replaced})
