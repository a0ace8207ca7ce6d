"""Defects and variants that replace one method of a surface, written as a function or as one expression.

    @defect("storage/tagging/tags-come-back", shipped=True)
    async def tagging_drops_the_checksum(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
        '''S3 API Reference, PutObjectTagging: tagging removes the object's checksum.'''
        answer: Answer = await put_tags(call, bucket)
        ...

The function's name is the name of the defect; its docstring names the clause and the fault. The first parameter has the
name of the replaced method, and is that method. A function of ``request`` intercepts, one of ``request`` and ``answer``
rewrites. With ``state=set``, each activation passes a new set as an additional first parameter. A defect with several
methods is a class (``conformance.reference.alteration``).

    ROWS = (
        row(
            "key-count-without-prefixes",
            "S3 API Reference, ListObjectsV2, KeyCount: common prefixes are not counted.",
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
from functools import partial
from typing import Any, TypeVar

from conformance.reference.alteration import Alteration, Defect, Variant

A = TypeVar("A", bound=Alteration)
State = Callable[[], Any] | None
FILTERS = {("request",): "intercept", ("request", "answer"): "rewrite"}


def defect(*noticed_by: str, state: State = None, **facts: Any) -> Callable[[Callable[..., Any]], type[Defect]]:
    """Make the decorated function a defect that these checks notice; ``facts`` are further attributes of Defect."""
    return lambda function: _of_function(Defect, function, state, {"noticed_by": noticed_by, **facts})


def variant(*, state: State = None, **facts: Any) -> Callable[[Callable[..., Any]], type[Variant]]:
    """Make the decorated function a variant; ``facts`` are further attributes of Variant."""
    return lambda function: _of_function(Variant, function, state, facts)


def row(
    name: str,
    clause: str,
    *noticed_by: str,
    shipped: bool = False,
    crashes: tuple[type[Exception], ...] = (),
    **methods: Callable[..., Any],
) -> type[Defect]:
    """Make a defect of the calling module: its name, the broken clause, the checks, an expression for each method.

    An expression gets the original method first, except ``rewrite`` and ``intercept``.
    """
    module = str(sys._getframe(1).f_globals["__name__"])
    facts = {"noticed_by": noticed_by, "shipped": shipped, "crashes": crashes}
    return _made(Defect, name, {"__doc__": clause, "__module__": module, **facts}, methods)


def _of_function(kind: type[A], function: Callable[..., Any], state: State, facts: Mapping[str, Any]) -> type[A]:
    parameters = tuple(inspect.signature(function).parameters)[bool(state) :]
    facts = {"__doc__": function.__doc__, "__module__": function.__module__, **facts}
    method = FILTERS.get(parameters, parameters[0])
    if state is not None:
        facts["__init__"] = lambda self: setattr(self, method, partial(function, state()))
    return _made(kind, function.__name__, facts, {method: function})


def _made(kind: type[A], name: str, facts: Mapping[str, Any], methods: Mapping[str, Callable[..., Any]]) -> type[A]:
    return type(name, (kind,), {**facts, **{each: staticmethod(method) for each, method in methods.items()}})
