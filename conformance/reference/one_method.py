"""Defects and variants that replace one method of a surface, written as a function or as one expression.

    @defect("storage/tagging/tags-come-back", shipped=True)
    async def tagging_drops_the_checksum(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
        '''S3 API Reference, PutObjectTagging: it sets an object's tags and changes nothing else.'''
        answer: Answer = await put_tags(call, bucket)
        ...

The function's name is the name of the defect; its docstring names the broken clause. The first parameter has the name
of the replaced method, and is that method. A function of ``request`` intercepts, one of ``request`` and ``answer``
rewrites. A defect with state or several methods is a class (``conformance.reference.alteration``).

    ROWS = (
        row(
            "key-count-without-prefixes",
            "S3 API Reference, ListObjectsV2, KeyCount: keys and common prefixes of the answer together.",
            "storage/listing/count-is-right",
            key_count=lambda original, page: len(page.keys),
        ),
    )

The package determines the surface: ``tests.defects.<surface>.<topic>``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from conformance.reference.alteration import Alteration, Defect, Variant

A = TypeVar("A", bound=Alteration)
FILTERS = {("request",): "intercept", ("request", "answer"): "rewrite"}


def defect(*noticed_by: str, **facts: Any) -> Callable[[Callable[..., Any]], type[Defect]]:
    """Make the decorated function a defect that these checks notice; ``facts`` are further attributes of Defect."""
    return lambda function: _of_function(Defect, function, {"noticed_by": noticed_by, **facts})


def variant(**facts: Any) -> Callable[[Callable[..., Any]], type[Variant]]:
    """Make the decorated function a variant; ``facts`` are further attributes of Variant."""
    return lambda function: _of_function(Variant, function, facts)


def row(name: str, clause: str, *noticed_by: str, shipped: bool = False, **methods: Callable[..., Any]) -> type[Defect]:
    """Make a defect of the calling module: its name, the broken clause, the checks, an expression for each method.

    An expression gets the original method first, except ``rewrite`` and ``intercept``.
    """
    module = str(sys._getframe(1).f_globals["__name__"])
    facts = {"__doc__": clause, "__module__": module, "noticed_by": noticed_by, "shipped": shipped}
    return _made(Defect, name, facts, methods)


def _of_function(kind: type[A], function: Callable[..., Any], facts: Mapping[str, Any]) -> type[A]:
    parameters = tuple(inspect.signature(function).parameters)
    facts = {"__doc__": function.__doc__, "__module__": function.__module__, **facts}
    methods = {FILTERS.get(parameters, parameters[0]): function}
    return _made(kind, function.__name__, facts, methods)


def _made(kind: type[A], name: str, facts: Mapping[str, Any], methods: Mapping[str, Callable[..., Any]]) -> type[A]:
    return type(name, (kind,), {**facts, **{each: staticmethod(method) for each, method in methods.items()}})
