"""The single changes that are made to a module: slips as its author might have made them.

A comparison turned or off by one, a condition left out or always true, a statement, an argument or a member forgotten,
a number one too large, a word misspelt, a list unsorted, a text not trimmed. Annotations and docstrings stay.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OTHER_FUNCTION = {"sorted": "list", "min": "max", "max": "min", "any": "all", "all": "any"}
TRIMMING = {"lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix"}
KEPT = {"annotation", "returns", "decorator_list", "bases"}


@dataclass(frozen=True)
class Mutant:
    """A module with one change: the line of it, how it reads before and after, and the whole source."""

    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every single change to a module, in the order of its lines."""
    tree = ast.parse(source)
    for holder, name, place, node in list(_places(tree)):
        for other in _others(node):
            _put(holder, name, place, other)
            line = getattr(node, "lineno", getattr(holder, "lineno", 0))
            yield Mutant(line, f"{_shown(node)} → {_shown(other)}", ast.unparse(tree))
            _put(holder, name, place, node)


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:100]


def _places(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Where nodes stand in a tree: in which other one, in which field of it, and in which place of a list."""
    for name, value in ast.iter_fields(parent):
        if name in KEPT:
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not _is_docstring(child):
                yield parent, name, place if isinstance(value, list) else None, child
                yield from _places(child)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _put(holder: ast.AST, name: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(holder, name, node)
    else:
        getattr(holder, name)[place] = node


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    match node:
        case ast.Compare(left, [operator, *more], others) if type(operator) in TURNED:
            yield ast.Compare(left, [TURNED[type(operator)](), *more], others)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for rest in _without_one(values):
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.If(_, body, orelse):
            yield from (ast.If(ast.Constant(value), body, orelse) for value in (False, True))
        case ast.Constant(value):
            yield from _other_constants(value)
        case ast.Expr(ast.Call() | ast.Await()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign([ast.Attribute() | ast.Subscript()]) | ast.AugAssign(ast.Attribute() | ast.Subscript()):
            yield ast.Pass()
        case ast.Call():
            yield from _other_calls(node)
        case ast.Dict(keys, values) if len(keys) > 1:
            pairs = list(zip(keys, values, strict=True))
            yield from (
                ast.Dict([key for key, _ in left], [value for _, value in left]) for left in _without_one(pairs)
            )
        case ast.comprehension(target, iterable, [_, *more], is_async):
            yield ast.comprehension(target, iterable, more, is_async)


def _without_one(members: list[Any]) -> Iterator[list[Any]]:
    yield from ([*members[:place], *members[place + 1 :]] for place in range(len(members)))


def _other_constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value and " " not in value:
        yield ast.Constant(f"{value}x")


def _other_calls(call: ast.Call) -> Iterator[ast.AST]:
    yield from (ast.Call(call.func, call.args, left) for left in _without_one(call.keywords))
    match call.func:
        case ast.Name(name) if name in OTHER_FUNCTION:
            other = OTHER_FUNCTION[name]
            yield ast.Call(ast.Name(other), call.args, [] if other == "list" else call.keywords)
        case ast.Attribute(text, name) if name in TRIMMING:
            yield text
