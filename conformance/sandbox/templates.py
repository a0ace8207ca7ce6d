"""Templates of a target file: paths and bodies with {slug} for an item's name and {text} for a free text."""

from __future__ import annotations

from typing import Any


def filled(value: Any, slug: str, text: str) -> Any:
    """Return a template with ``{slug}`` and ``{text}`` replaced in all its strings."""
    if isinstance(value, str):
        return value.replace("{slug}", slug).replace("{text}", text)
    if isinstance(value, list):
        return [filled(each, slug, text) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, slug, text) for name, each in value.items()}
    return value


def named_in(path: str, template: str | None) -> str:
    """Return the part of a path at a template's {slug}; "" if the path does not match the template."""
    before, slug, after = (template or "").partition("{slug}")
    matches = slug and path.startswith(before) and path.endswith(after)
    return path[len(before) : len(path) - len(after)] if matches else ""
