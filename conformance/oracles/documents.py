"""Members of JSON documents whose shape the contract leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, literal, wrong_body
from conformance.vocabulary.wording import worded

SHORTEST = 8
"""Characters that make a text distinctive."""


def shows(reply: Exchange, text: str) -> bool:
    """Return whether a response contains a text, verbatim or in a JSON string, which may have escapes."""
    if text in reply.text:
        return True
    try:
        return any(text in each for each in texts(reply.json()))
    except (ValueError, RecursionError):
        return False


def texts(document: Any) -> Iterator[str]:
    """Yield every string value of a JSON document, at any depth; member names are left out."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from texts(each)


def distinct_texts(document: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the members of a body whose texts are long enough to be distinctive."""
    return {name: each for name, each in (document or {}).items() if isinstance(each, str) and len(each) >= SHORTEST}


def lists_in(document: Any) -> Iterator[list[Any]]:
    """Yield every array of a JSON document, at any depth."""
    if isinstance(document, list):
        yield document
    for each in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from lists_in(each)


def named_texts(reply: Exchange) -> list[tuple[str, str]]:
    """Return every string of a JSON response that is a member's value, at any depth, with the member's name."""
    try:
        return list(_named(reply.json()))
    except (ValueError, RecursionError):
        return []


def _named(document: Any) -> Iterator[tuple[str, str]]:
    if isinstance(document, dict):
        yield from ((name, each) for name, each in document.items() if isinstance(each, str))
    if isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from _named(each)


def expect_declared_json(reply: Exchange) -> None:
    """Expect valid JSON in UTF-8 if Content-Type declares JSON (RFC 8259 section 8.1)."""
    if not reply.body or not reply.media_type.endswith("json"):
        return
    try:
        reply.json()
    except (ValueError, RecursionError) as mistake:
        raise NonConformance(
            f"valid JSON, as Content-Type: {reply.media_type} declares",
            f"malformed JSON ({mistake})",
            reply,
        ) from None


def member(reply: Exchange, name: str) -> Any:
    """Return a member of the response object, or of its ``data`` if the object is in an envelope; else None."""
    return _shown(reply, name).get(name)


def shows_member(reply: Exchange, name: str) -> bool:
    """Return whether the response object has such a member, with any value."""
    return name in _shown(reply, name)


def _shown(reply: Exchange, name: str) -> dict[str, Any]:
    """Return the object that may have the member."""
    document = reply.members()
    inner = document.get("data")
    return inner if isinstance(inner, dict) and name not in document else document


def expect_named(reply: Exchange, unique: str, name: str | None, because: str = "") -> None:
    """Expect the response to show the resource of this name, if it has the member that identifies it."""
    got = member(reply, unique)
    if isinstance(got, str) and name and got != name:
        deviation = wrong_body(f'"{literal(unique)}" *: *"{literal(name)}"')
        raise NonConformance(f"{unique} {worded(name)}{because}", f"{unique} {worded(got)}", reply, deviation=deviation)
