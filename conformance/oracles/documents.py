"""Members of JSON documents whose shape the contract leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.oracles.proofs import literal
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

SHORTEST = 8
"""Characters of a text that is told from others."""


def shows(reply: Exchange, text: str) -> bool:
    """Whether a text stands in an answer: as it is, or in a text of its JSON, which may be written with escapes."""
    if text in reply.text:
        return True
    try:
        return any(text in each for each in texts(reply.json()))
    except (ValueError, RecursionError):
        return False


def texts(document: Any) -> Iterator[str]:
    """Every text of a JSON document, however deep; names of members are none."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from texts(each)


def distinct_texts(document: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the members of a body whose texts are long enough to be told from other texts."""
    return {name: each for name, each in (document or {}).items() if isinstance(each, str) and len(each) >= SHORTEST}


def lists_in(document: Any) -> Iterator[list[Any]]:
    """Every list of a JSON document, however deep."""
    if isinstance(document, list):
        yield document
    for each in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from lists_in(each)


def named_texts(reply: Exchange) -> list[tuple[str, str]]:
    """Every text that is the value of a member of an answer's JSON, however deep, with the member's name."""
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


def expect_json_where_told(reply: Exchange) -> None:
    """What says that it is JSON is JSON, in UTF-8 (RFC 8259 section 8.1), whatever texts are in it."""
    if not reply.body or not reply.media_type.endswith("json"):
        return
    try:
        reply.json()
    except (ValueError, RecursionError) as mistake:
        cut = reply.text.lstrip().startswith("{") and not reply.text.rstrip().endswith("}")
        proof = Proof(beyond="it is about JSON, which curl does not read")
        proof = Proof(reply.id, matches="[}] *$") if cut else proof
        raise NonConformance(f"JSON, as {reply.media_type} says", f"{mistake}", reply, proof=proof) from None


def member(reply: Exchange, name: str) -> Any:
    """A member of the object that an answer shows, or of its ``data`` where it comes in an envelope; None without."""
    return _shown(reply, name).get(name)


def shows_member(reply: Exchange, name: str) -> bool:
    """Whether there is such a member, whatever it says."""
    return name in _shown(reply, name)


def _shown(reply: Exchange, name: str) -> dict[str, Any]:
    """The object in which a member may stand."""
    document = reply.members()
    inner = document.get("data")
    return inner if isinstance(inner, dict) and name not in document else document


def expect_named(reply: Exchange, unique: str, name: str | None, because: str = "") -> None:
    """What an answer shows is of this name, where it has the member that things are told apart by."""
    told = member(reply, unique)
    if isinstance(told, str) and name and told != name:
        proof = Proof(reply.id, matches=f'"{literal(unique)}" *: *"{literal(name)}"') if name.isascii() else None
        raise NonConformance(f"{unique} {worded(name)}{because}", worded(told), reply, proof=proof)
