"""Members of JSON documents whose shape the contract leaves open."""

from __future__ import annotations

from typing import Any

from conformance.vocabulary.exchange import Exchange


def member(reply: Exchange, name: str) -> Any:
    """A member of the object that an answer shows, or of its ``data`` where it comes in an envelope; None without."""
    try:
        document = reply.json()
    except ValueError:
        return None
    if isinstance(document, dict) and isinstance(document.get("data"), dict) and name not in document:
        document = document["data"]
    return document.get(name) if isinstance(document, dict) else None
