"""Templates of a target file: paths and bodies with {slug} for the name of an item and {text} for what it says."""

from __future__ import annotations

from typing import Any


def filled(value: Any, slug: str, text: str) -> Any:
    """A template with ``{slug}`` and ``{text}`` replaced in every string of it."""
    if isinstance(value, str):
        return value.replace("{slug}", slug).replace("{text}", text)
    if isinstance(value, list):
        return [filled(each, slug, text) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, slug, text) for name, each in value.items()}
    return value


def named_in(path: str, template: str | None) -> str:
    """What stands in a path where {slug} does in a template; nothing where these are not of one kind."""
    before, slug, after = (template or "").partition("{slug}")
    alike = slug and path.startswith(before) and path.endswith(after)
    return path[len(before) : len(path) - len(after)] if alike else ""
