"""What lists and manifests of a registry tell, as far as they can be read: what clears them judges nothing."""

from __future__ import annotations

from typing import Any

from conformance.vocabulary.exchange import Exchange


def document_of(reply: Exchange) -> dict[str, Any] | None:
    """The object that an answer holds; None where there is none."""
    try:
        document = reply.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def list_in(document: dict[str, Any] | None, member: str) -> list[Any]:
    """The list under a member; an empty one where there is none."""
    found = (document or {}).get(member)
    return found if isinstance(found, list) else []


def texts(reply: Exchange, member: str) -> list[str]:
    """The strings of a list that an answer holds; none of one that is a refusal."""
    return [each for each in list_in(document_of(reply), member) if isinstance(each, str)] if reply.ok else []
