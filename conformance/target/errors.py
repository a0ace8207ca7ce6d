"""Mistakes in a target file in plain sentences: a place (path of keys) and the correction."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from conformance.target.toml_locations import Path

IN_A_URL = 'must begin with "/", and have blanks and letters beyond ASCII as %20 and the like'
FORMS = {
    "content_types": 'must be a media type such as "application/json", without parameters',
    "buckets": "must be the name of a bucket alone",
    "foreign_bucket": "must be the name of a bucket alone",
    "name": "must be lower-case letters, digits and hyphens",
    "path": IN_A_URL,
    "token_path": IN_A_URL,
    "jwks_path": IN_A_URL,
    "absent": IN_A_URL,
    "item": IN_A_URL,
    "content_type": 'must be a media type such as "application/merge-patch+json"',
    "repository": 'must be a repository name such as "orgs/acme/conformance"',
}
KINDS = {
    "string": "a string",
    "list": "a list",
    "dict": "a table",
    "model": "a table",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
}
BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(frozen=True)
class Mistake:
    """One mistake: ``path`` is its place, ``text`` says what is wrong and how to correct it."""

    path: Path
    text: str


def path_text(path: Path) -> str:
    """Return a path as text: ``targets.staging.identity.resources[0].path``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return ``; did you mean "url"?`` if a known word is similar, else ``otherwise``."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{found[0]}"?' if found else otherwise


def choices(words: Iterable[str]) -> str:
    """Return ``; choose from a, b, c``."""
    return f"; choose from {', '.join(words)}"


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation (``Model | None``) names, if any."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model of the table at a path; walks the annotations."""
    annotation: Any = model
    for part in path:
        table = model_of(annotation)
        if table is not None:
            field = table.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            annotation = get_args(annotation)[-1] if get_args(annotation) else None
    return model_of(annotation)


def pydantic_mistakes(errors: Iterable[dict[str, Any]], root: type[BaseModel]) -> Iterator[Mistake]:
    """Translate pydantic's errors; never repeat their input values, which may be secrets."""
    for error in errors:
        path = tuple(part for part in error["loc"] if part != "[key]")
        kind = str(error["type"])
        if kind == "extra_forbidden":
            model = model_at(root, path[:-1])
            known = list(model.model_fields) if model else []
            yield Mistake(path, "unknown key" + nearest(str(path[-1]), known, choices(known)))
        elif kind == "missing":
            yield Mistake(path[:-1], f'the key "{path[-1]}" is missing')
        elif error["loc"][-1] == "[key]":
            known = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            yield Mistake(path, "unknown role" + nearest(str(path[-1]), known, choices(known)))
        else:
            yield Mistake(path, _sentence(kind, error.get("ctx", {}), path))


def _sentence(kind: str, context: dict[str, Any], path: Path) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return "must be " + str(context["expected"]).replace("'", "")
    if kind == "string_pattern_mismatch":
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        return FORMS.get(key, "has not the form that is asked for")
    if kind in ("too_short", "string_too_short"):
        return "must not be empty"
    if kind in BOUNDS:
        words, key = BOUNDS[kind]
        return f"must be {words} {context[key]:{'g' if isinstance(context[key], float) else ','}}"
    return f"must be {KINDS.get(kind.split('_')[0], 'of another kind')}"
