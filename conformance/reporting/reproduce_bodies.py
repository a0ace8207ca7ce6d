"""The bodies that a script sends: as they stand in it, from files beside it, or made by it as it goes on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.reporting.reproduce_text import looks_plain, word

Body = Mapping[str, Any]


def made(
    number: int, body: Body, marks: Mapping[str, str], secrets: Sequence[str], is_named: Callable[[str], bool]
) -> tuple[list[str], dict[str, bytes]]:
    """The lines that make a body of what it repeats, or of names that are others each time, with the files for it.

    ``is_named``: whether a text holds such names, which it adds to ``marks``. No lines: the body is sent as it is.
    """
    into, lines, files = f'>>"$ANSWERS/{number}.sent"', list[str](), dict[str, bytes]()
    if "pieces" not in body:
        text = body.get("text") or ""
        if not stands_in_script(text, secrets) and is_named(text):
            lines.append(f"printf %s {word(text, marks)} {into}")
    for place, piece in enumerate(body.get("pieces", []), 1):
        unit, times, name = base64.b64decode(piece["base64"]), piece["times"], f"body-{number}-{place}.bin"
        text = unit.decode("utf-8", "replace")
        if times == 1 and text.encode() == unit and is_named(text):
            lines.append(f"printf %s {word(text, marks)} {into}")
        else:
            files[name] = unit
            lines.append(f"repeated {name} {times} {into}")
    return lines, files


def options(number: int, body: Body, secrets: Sequence[str], made_as: str) -> Iterator[tuple[str, str]]:
    """The options with which curl sends a body; ``made_as``: what it is called where lines of the script make it."""
    if "pieces" in body:
        # What curl adds to a large body by itself, and waits for.
        yield "header", "Expect:"
    text = body.get("text")
    if made_as:
        yield "data-binary", made_as
    elif text and stands_in_script(text, secrets):
        yield "data-binary", text
    elif body["size"]:
        yield "data-binary", f"@{file_of(number)}"


def stands_in_script(text: str, secrets: Sequence[str]) -> bool:
    """Whether a body stands in the script: it holds secrets, or is plain enough."""
    return any(f"${name}" in text for name in secrets) or looks_plain(text)


def file_of(number: int) -> str:
    """The name of the file that a body is sent from."""
    return f"body-{number}.bin"


def content(body: Body) -> bytes:
    """The bytes of a body that was kept."""
    text = body.get("text")
    return base64.b64decode(body["base64"]) if text is None else str(text).encode("utf-8", "replace")
