"""Errors of the organization APIs: all have one shape, and none reveals internals.

The contract leaves the shape open, so only its consistency is judged: media type and member names of the JSON.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from conformance.oracles.documents import texts
from conformance.oracles.status import observed, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, literal, wrong_body, wrong_field
from conformance.vocabulary.wording import worded

# A secret of LONG characters is revealed if all but GUESSABLE of them are.
LONG, GUESSABLE = 32, 6
ESCAPED = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
LEAKS = {
    "a stack trace": re.compile(
        r"Traceback \(most recent call last\)|\bat [\w.$<>]+\([\w.]+\.(?:java|kt|cs|js|ts|go):\d+\)"
        r"|^\s+at .+:\d+:\d+\)?$"
        r"|goroutine \d+ \[|File \"[^\"]+\", line \d+|panic: ",
        re.MULTILINE,
    ),
    # File endings that are also top-level domains count only after a folder or before a column number.
    "a source line": re.compile(
        r"(?<![\w./:@-])(?:[\w/-]+\.(?:rb|php|go|java|kt|cs|js|ts|exs?):\d+\b"
        r"|[\w-]+/[\w/-]+\.(?:py|rs):\d+\b|[\w-]+\.(?:py|rs):\d+:\d+\b)"
    ),
    "an exception name": re.compile(
        r"\b(?:javax?|jakarta|kotlin|scala|org\.springframework|org\.hibernate|com\.fasterxml)\.[\w.$]*[A-Z]\w*(?:Exception|Error)\b"
        r"|\bNullPointerException\b|\b[A-Z]\w+Exception\{\w+="
        r"|\b(?:json\.decoder|sqlalchemy|psycopg2?|asyncpg|pymysql|django|werkzeug|pydantic(?:_core)?|botocore|urllib3)"
        r"\.[\w.]*[A-Z]\w*(?:Error|Exception)\b"
        r"|\bSystem\.(?:\w+\.)*\w+Exception\b|'NoneType' object|nil pointer dereference"
        r"|Cannot read propert(?:y|ies) (?:'\w+' )?of (?:undefined|null)|undefined method .{1,60} for nil"
    ),
    "an internal address": re.compile(
        r"\bdial (?:tcp|udp|unix)\b|\bECONNREFUSED\b|connect: connection refused|\.svc\.cluster\.local\b"
        r"|\b(?:jdbc:\w+|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?)://"
    ),
    # Statements as programs write them, in capitals: "select a project from the list" is no statement.
    "SQL": re.compile(
        r"\b(?:SELECT\s.+\sFROM|INSERT INTO|UPDATE\s.+\sSET|DELETE FROM)\b"
        r"|(?i:SQLSTATE|sqlite3?\.|psycopg|\bpq: |ORA-\d{5}|UNIQUE constraint failed|duplicate key value violates)"
    ),
    "a server path": re.compile(
        r"(?<![\w./:-])/(?:usr|home|var|opt|srv|app|root|etc|tmp)/[\w.-]+/?[\w./-]*|\b[A-Z]:\\\\?(?:Users|inetpub|Windows)"
    ),
    "a server version": re.compile(
        r"\b(?:nginx|Apache|uvicorn|gunicorn|Werkzeug|Express|Jetty|Tomcat|Python|Node\.js|PHP)/\d", re.IGNORECASE
    ),
}

IN_FIELDS = ("a stack trace", "a source line", "an exception name", "SQL")
"""What no header field may show; some fields legitimately have a path, or a server name with its version."""
ADDRESSES = frozenset({"location", "content-location", "link", "set-cookie", "content-security-policy"})


def expect_no_leak(reply: Exchange, but: Iterable[str] = ()) -> None:
    """Expect no stack trace, SQL, path, address, source line, exception or version in the body, except ``but``.

    The requested address may be repeated, even if it looks like a server path. Header fields are searched as well.
    """
    text = without_address("\n".join([reply.text, *_texts(reply)]), reply)
    for what, pattern in LEAKS.items():
        found = pattern.search(text) if what not in but else None
        if found:
            got = f"{reply.status} with {worded(found.group()[:120])}"
            shown = literal(found.group().split("\n")[0][:120])
            raise NonConformance(f"an error without {what}", got, reply, deviation=wrong_body(lacks=shown))
    for name, value in [each for each in reply.headers if each[0].lower() not in ADDRESSES]:
        read = without_address(unquote(value), reply)
        leaked = [what for what in IN_FIELDS if what not in but and LEAKS[what].search(read)]
        if leaked:
            deviation = wrong_field(name, lacks=literal(value[:120]))
            raise NonConformance(f"an error without {leaked[0]}", f"{name}: {value[:120]}", reply, deviation=deviation)


def _texts(reply: Exchange) -> Iterable[str]:
    """Return the strings of a JSON body, without the escapes of line ends and quotation marks."""
    try:
        return list(texts(reply.json()))
    except ValueError:
        return []


def without_address(text: str, reply: Exchange) -> str:
    """Return a text without the requested address, which may be repeated."""
    parts = urlsplit(reply.url)
    for each in (parts.path, unquote(parts.path), parts.netloc):
        text = text.replace(each, " ") if len(each) > 1 else text
    return text


def whole_text(reply: Exchange) -> str:
    """Return the body and the header fields of a response as one text."""
    return reply.text + "\n".join(f"{name}: {value}" for name, value in reply.headers)


def _parts(secret: str) -> list[str]:
    """Return a secret, and a long one also without a few characters, which an attacker could guess."""
    return [secret, *([secret[GUESSABLE:], secret[:-GUESSABLE]] if len(secret) >= LONG else [])]


def expect_not_repeated(reply: Exchange, secrets: Iterable[str], what: str = "a secret", nearly: bool = False) -> None:
    """Expect none of these strings in the body or a header field, whether plain, escaped or encoded.

    ``nearly``: nor most of a long one. Only for random strings, because others may begin alike.
    """
    found = next(filter(None, repeated_in(reply, secrets, nearly)), "")
    if found:
        expected, got = f"a response that does not repeat {what}", f"{reply.status} with {what} in it"
        raise NonConformance(expected, got, reply)


def repeated_in(reply: Exchange, secrets: Iterable[str], nearly: bool = False) -> Iterator[str]:
    """Yield the part of each secret that a response repeats, "" for none; ``nearly`` accepts a part."""
    decoded = readings(whole_text(reply))
    for secret in secrets:
        parts = [part for part in (_parts(secret) if nearly else [secret]) if part]
        yield next((part for part in parts if any(part in each for each in decoded)), "")


def readings(text: str) -> list[str]:
    """Return a text as it is and decoded as JSON, XML, URL or form, or as one of these within JSON."""
    plain = [text, ESCAPED.sub(_unescaped, text)]
    return list(dict.fromkeys(read(each) for each in plain for read in (str, unquote, unquote_plus, html.unescape)))


def _unescaped(escaped: re.Match[str]) -> str:
    return str(json.loads(f'"{escaped[0]}"'))


def skeleton(value: Any, depth: int = 2) -> Any:
    """Return the shape of a JSON document: member names and types, without values."""
    if isinstance(value, dict) and depth:
        return {name: skeleton(each, depth - 1) for name, each in sorted(value.items())}
    return KINDS.get(type(value), "null")


def common_path(documents: Sequence[Any]) -> list[str]:
    """Return the paths of members that are strings in every document, such as ``error.message``."""
    paths = [set(_strings(document)) for document in documents]
    return sorted(set.intersection(*paths)) if paths else []


def _strings(value: Any, prefix: str = "") -> Iterable[str]:
    if isinstance(value, str):
        yield prefix
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _strings(each, f"{prefix}.{name}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, f"{prefix}[]")


def expect_one_shape(replies: Sequence[Exchange]) -> None:
    """Expect errors of one media type, whose JSON has the error message under one member name."""
    first = replies[0]
    documents = []
    for reply in replies:
        if reply.media_type != first.media_type:
            raise NonConformance(
                f"errors with the media type {first.media_type or 'none'}, as in the {first.status} response",
                f"{reply.status} with {reply.media_type or 'no Content-Type'}",
                first,
                reply,
            )
        if "json" in reply.media_type:
            documents.append(_document(reply))
    if len(documents) == len(replies):
        _expect_same_kinds(replies, documents)
    if documents and not common_path(documents):
        other = next(each for each in replies if not common_path([documents[0], _document(each)]))
        raise NonConformance(
            f"errors of the shape {worded(skeleton(documents[0]))}, as in the {first.status} response",
            f"{other.status} with {worded(skeleton(_document(other)))}",
            first,
            other,
        )


def _expect_same_kinds(replies: Sequence[Exchange], documents: Sequence[Any]) -> None:
    """Expect a member that two errors share to have one type: a code is always a string, or always a number."""
    kinds: dict[str, tuple[str, Exchange]] = {}
    for reply, document in zip(replies, documents, strict=True):
        for path, kind in _kinds(document):
            known, first = kinds.setdefault(path, (kind, reply))
            if known != kind:
                expected, seen = (
                    f"{path} of type {known}, as in the {first.status} response",
                    f"{reply.status} with {path} of type {kind}",
                )
                raise NonConformance(expected, seen, first, reply)


def _kinds(value: Any, prefix: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _kinds(each, f"{prefix}.{name}".lstrip("."))
    elif value is not None:
        yield prefix, str(skeleton(value))


def _document(reply: Exchange) -> Any:
    try:
        return reply.json()
    except ValueError:
        raise NonConformance(
            f"valid JSON, as Content-Type: {reply.media_type} declares", observed(reply), reply
        ) from None


def expect_client_error(reply: Exchange, because: str = "") -> None:
    """Expect 4xx, or 2xx if the request was harmless; never 5xx, never a redirect."""
    if not (200 <= reply.status < 300 or 400 <= reply.status < 500):
        got = f"a 4xx status for a client error{f' {because}' if because else ''}"
        raise unlike(got, reply, [*range(200, 300), *range(400, 500)])
