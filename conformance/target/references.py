"""Resolve ``${ENV}`` and ``file:PATH`` in a target file before it is validated.

A secret must be a reference; a literal secret is a mistake, and its value is never repeated. Any other string may
contain ``${ENV}``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from conformance.target import toml_locations
from conformance.target.description import SHORTEST_SECRET, Secret
from conformance.target.errors import Mistake, model_of
from conformance.vocabulary.wording import UNDECODED

WHOLE = re.compile(r"^\$\{([^}]*)\}$")
WITHIN = re.compile(r"\$\{([^}]*)\}")
NAME = re.compile(r"^[A-Z][A-Z0-9_]*$")
LARGEST_SECRET = 64 * 1024
BODIES = frozenset({"body", "hidden_body"})
MAY_BE_SECRET = BODIES | {"hooks"}
"""Keys in which an environment variable may hold a secret, although they are no secret fields."""


@dataclass
class References:
    """Resolves one document; collects ``mistakes`` of form, and ``missing`` variables and files."""

    folder: Path
    mistakes: list[Mistake] = field(default_factory=list)
    missing: list[Mistake] = field(default_factory=list)
    environment_values: dict[str, dict[str, str]] = field(default_factory=dict)
    """The environment values in the commands and bodies of each target, by variable."""

    def resolved(self, value: Any, annotation: Any, path: toml_locations.Path = ()) -> Any:
        """Return the value with its references replaced; an unresolved one gets a placeholder."""
        if is_secret(annotation):
            return self._secret(value, path)
        if isinstance(value, dict):
            kinds = {key: member_annotation(annotation, key) for key in value}
            return {key: self.resolved(each, kinds[key], (*path, key)) for key, each in value.items()}
        if isinstance(value, list):
            kind = item_annotation(annotation)
            return [self.resolved(each, kind, (*path, index)) for index, each in enumerate(value)]
        return self._interpolated(value, path) if isinstance(value, str) else value

    def _interpolated(self, text: str, path: toml_locations.Path) -> str:
        def value(match: re.Match[str]) -> str:
            found = self._environment(match[1], path)
            if found and not MAY_BE_SECRET.isdisjoint(path[2:]):
                self.environment_values.setdefault(str(path[1]), {})[match[1]] = found
            return found or match[0]

        return WITHIN.sub(value, text)

    def _environment(self, name: str, path: toml_locations.Path) -> str:
        value = os.environ.get(name, "")
        if not value:
            state = "empty" if name in os.environ else "not set"
            self.missing.append(Mistake(path, f"environment variable {name} is {state}"))
        if UNDECODED.search(value):
            self.missing.append(Mistake(path, f"environment variable {name} is not UTF-8"))
            return ""
        return value

    def _secret(self, value: Any, path: toml_locations.Path) -> Secret:
        name = name_of(path)
        reference = WHOLE.match(value) if isinstance(value, str) else None
        if reference:
            return Secret(reference[1], self._long_enough(self._secret_of_environment(reference[1], path), path))
        if isinstance(value, str) and value.startswith("file:"):
            file = value.removeprefix("file:")
            return Secret(name, self._long_enough(self._content(file, path), path), self._from_here(file))
        self.mistakes.append(Mistake(path, "secrets only as ${ENV} or file:PATH; a value must not stand in the file"))
        return Secret(name, "")

    def _long_enough(self, value: str, path: toml_locations.Path) -> str:
        if 0 < len(value) < SHORTEST_SECRET:
            why = f"the secret has fewer than {SHORTEST_SECRET} characters, and could be kept out of no report"
            self.missing.append(Mistake(path, f"{why}: have a longer one set"))
        return value

    def _from_here(self, name: str) -> str:
        """Return the path of a file for commands: an absolute one unchanged, others relative to the current folder."""
        if Path(name).is_absolute():
            return name
        path, here = (self.folder / name).absolute(), Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else ""

    def _secret_of_environment(self, name: str, path: toml_locations.Path) -> str:
        if NAME.match(name):
            return self._environment(name, path)
        self.mistakes.append(Mistake(path, "the variable of a secret is named in capitals, such as ${CT_FULL_SECRET}"))
        return ""

    def _content(self, name: str, path: toml_locations.Path) -> str:
        try:
            with (self.folder / name).open("rb") as file:
                content = file.read(LARGEST_SECRET).decode("utf-8")
        except (OSError, ValueError) as reason:
            why = reason.strerror if isinstance(reason, OSError) and reason.strerror else "not a text file in UTF-8"
            self.missing.append(Mistake(path, f"the secret file {name} cannot be read: {why}"))
            return ""
        content = content.removesuffix("\n").removesuffix("\r")
        if not content:
            self.missing.append(Mistake(path, f"the secret file {name} is empty"))
        return content


def name_of(path: toml_locations.Path) -> str:
    """Return the name of a secret from a file, made of its keys: ``IDENTITY_FULL_CLIENT_SECRET``."""
    words = [str(part) for part in path[2:] if part != "credentials"]
    return re.sub(r"[^A-Z0-9_]", "_", "_".join(words).upper())


def is_secret(annotation: Any) -> bool:
    """Return whether an annotation is of a secret, optional ones (``SecretValue | None``) included."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(map(is_secret, get_args(annotation)))
    return annotation is Secret


def item_annotation(annotation: Any) -> Any:
    """Return the annotation of the values of a list or dict; None for another one."""
    for option in (annotation, *get_args(annotation)):
        if get_origin(option) in (list, dict):
            return get_args(option)[-1]
    return None


def member_annotation(annotation: Any, key: str) -> Any:
    """Return the annotation of a key of a model or dict; None for an unknown one."""
    model = model_of(annotation)
    if model is None:
        return item_annotation(annotation)
    known = model.model_fields.get(key)
    return known.annotation if known else None


def secrets_in(value: Any) -> Iterator[Secret]:
    """Yield every secret of a described value, in order."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from secrets_in(each)
