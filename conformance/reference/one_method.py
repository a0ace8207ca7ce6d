"""Defects and variants that replace one method of a surface, written as a function or as one expression.

    @defect("storage/tagging/tags-come-back", shipped=True)
    async def tagging_drops_the_checksum(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
        '''S3 API Reference, PutObjectTagging: it sets an object's tags and changes nothing else.'''
        answer: Answer = await put_tags(call, bucket)
        ...

The function's name is the name of the defect; its docstring names the broken clause. The first parameter has the name
of the method that is replaced, and is that method. A function of ``request`` intercepts, one of ``request`` and
``answer`` rewrites. What needs state, or replaces several methods, is a class (``conformance.reference.alteration``).

    ROWS = (
        row(
            "key-count-without-prefixes",
            "S3 API Reference, ListObjectsV2, KeyCount: keys and common prefixes of the answer together.",
            "storage/listing/count-is-right",
            key_count=lambda original, page: len(page.keys),
        ),
    )

The surface of all of these is that of their package: ``tests.defects.<surface>.<topic>``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from conformance.reference.alteration import Alteration, Defect, Variant

A = TypeVar("A", bound=Alteration)
FILTERS = {("request",): "intercept", ("request", "answer"): "rewrite"}


def defect(*noticed_by: str, **facts: Any) -> Callable[[Callable[..., Any]], type[Defect]]:
    """Make the decorated function a defect that these checks notice; ``facts`` are further attributes of Defect."""
    return lambda function: _made(Defect, function, noticed_by=noticed_by, **facts)


def variant(**facts: Any) -> Callable[[Callable[..., Any]], type[Variant]]:
    """Make the decorated function a variant; ``facts`` are further attributes of Variant."""
    return lambda function: _made(Variant, function, **facts)


def _made(kind: type[A], function: Callable[..., Any], **facts: Any) -> type[A]:
    parameters = tuple(inspect.signature(function).parameters)
    method = {FILTERS.get(parameters, parameters[0]): staticmethod(function)}
    names = {"__doc__": function.__doc__, "__module__": function.__module__}
    return type(function.__name__.replace("_", "-"), (kind,), {**names, **facts, **method})


def row(name: str, clause: str, *noticed_by: str, shipped: bool = False, **methods: Callable[..., Any]) -> type[Defect]:
    """Make a defect of the calling module: its name, the broken clause, the checks, an expression for each method.

    An expression gets the original method first, but for ``rewrite`` and ``intercept``.
    """
    module = str(sys._getframe(1).f_globals["__name__"])
    facts = {"noticed_by": noticed_by, "shipped": shipped}
    replaced = {each: staticmethod(method) for each, method in methods.items()}
    return type(name, (Defect,), {"__doc__": clause, "__module__": module, **facts, **replaced})
