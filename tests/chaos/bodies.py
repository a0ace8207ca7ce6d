"""Bodies of hostile servers: constant documents and tokens, and the reference's own, cut, retyped or poisoned."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.chaos.replies import Reply, change
from tests.chaos.values import DATES, JSON_TEXTS, NASTY, TEXTS, addresses, poisoned

JWT = re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$")
ELEMENT = re.compile(rb"<(\w+)[^<>/]*>([^<>]*)</\1>")
BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (ord("b") + level, b"&%c;" % (ord("a") + level) * 10) for level in range(9)
) + b"]>"  # fmt: skip
OUTSIDE = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
XML_VALUES = (
    b"", b" ", b"-1", b"\xc2\xb2", b"9" * 400, b"9" * 5000, b"true", b"TRUE", b"&j;", b"&x;", b"&#0;", b"&#x1b;[31m",
    b"\x00", b"\xff", b"1e5", b"<a/>", b"<![CDATA[]]>", b"<!-- -->", b"]]&gt;", b"%ff", b"%", b"NaN", b"1.5", b'"',
    b"&lt;script&gt;document.title='owned'&lt;/script&gt;", b"&quot;&quot;", b"W/", b"\xed\xa0\x80", b"&#xD800;",
    b"a" * 70_000, b"&#x202e;", *(each.encode() for each in DATES),
)  # fmt: skip
KINDS = (
    b"<!doctype html><title>Log in</title><script>document.title='owned'</script>", b"\x1b]0;owned\x07\x1b[2J", b"]]>",
    b"\x00" * 100, b"\xff\xfe" + "{}".encode("utf-16-le"), b"\xef\xbb\xbf{}", b"null", b"[]", b"{}", b'"text"', b"0",
    b"NaN", b"[" * 100_000, b"<a/>", b"<a>" * 100_000, b"[" * 100_000 + b"]" * 100_000, b"{}{}", b"-" * 200_000, b"",
    b"<?xml version='1.0' encoding='utf-7'?><a>+ADw-</a>", b" " * 200_000, b"a=b&c=d", b"%PDF-1.4",
    "\ud800".encode("utf-8", "surrogatepass"), b'{"errors": [' * 2000, b"x" * 5_000_000,
)  # fmt: skip

# As JSON texts: a token, and a lifetime.
HOSTILE_TOKENS = (
    (f'"{"t" * 1_000_000}"', "3600"), ('"a\\nb"', "3600"), ('"a\\ud800b"', "3600"), ('"\\u001b[31m<b>"', "3600"),
    ('"a.b.c"', "1e300"), ('"a.b.c"', "9" * 300), ('"a.b.c"', "NaN"), ('"a.b.c"', "-Infinity"), ('"a.b.c"', '"soon"'),
    ("17", "true"), ("[]", "{}"), ('{"a": "b"}', "null"), ("true", "[1]"), ('""', "0"), ('"é"', "3600"),
)  # fmt: skip


def document_of(reply: Reply) -> Any:
    """Return the JSON of a reply, or None."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a document with each key or index in it."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from places(document[key])


def at_one_place(random: random.Random, reply: Reply, put: Callable[[Any, Any], None]) -> Any:
    """Change the JSON of a reply at one place; return the document, None where there is no such place."""
    document = document_of(reply)
    if not (found := list(places(document))):
        return None
    put(*random.choice(found))
    reply.body = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return document


@change("body")
def token(random: random.Random, reply: Reply) -> None:
    """A token response, whatever was requested, with a token or a lifetime that no client can use."""
    value, lifetime = random.choice(HOSTILE_TOKENS)
    members = f'"access_token": {value}, "token": {value}, "token_type": "Bearer", "expires_in": {lifetime}'
    reply.body = f'{{{members}, "issued_at": {lifetime}}}'.encode()
    reply.put(b"Content-Type", b"application/json")


@change("body")
def body_cut(random: random.Random, reply: Reply) -> None:
    """A part of the body, or more than the body."""
    place = random.randint(0, len(reply.body))
    behind = (b"", reply.body, b"\x00", b"}", b"<!-- -->", b" " * 100_000)
    reply.body = random.choice((reply.body[:place], b"\xef\xbb\xbf" + reply.body, reply.body + random.choice(behind)))


@change("body")
def body_of_another_kind(random: random.Random, reply: Reply) -> None:
    reply.body = random.choice((*KINDS, random.randbytes(3000)))


@change("body")
def body_recoded(random: random.Random, reply: Reply) -> None:
    coding = random.choice(("utf-16", "utf-32", "utf-16-be", "utf-7", "cp037"))
    declared = f'encoding="{random.choice((coding, "latin-1", "rot13", "idna", ""))}"'
    text = re.sub(r'encoding="[^"]*"', declared, reply.body.decode("utf-8", "replace"))
    reply.body = text.encode(coding, "replace")


@change("body")
def body_echoes(random: random.Random, reply: Reply) -> None:
    """The request comes back, as from a server that shows what it was asked."""
    request = reply.request
    fields = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\n".join([f"{request.method} {request.raw_path}?{request.query_string}", *fields])
    text = f"{head}\n\n{request.body[:5000].decode('latin-1')}"
    error = {"error": "invalid_request", "error_description": text, "errors": [{"message": text}]}
    reply.body = random.choice((text, json.dumps(error))).encode()
    if random.random() < 0.3:
        reply.put(b"X-Echo", request.headers.get("authorization", "none").encode("utf-8"))


@change("body")
def json_dropped(random: random.Random, reply: Reply) -> None:
    at_one_place(random, reply, lambda container, key: container.pop(key))


@change("body")
def json_retyped(random: random.Random, reply: Reply) -> None:
    """A value is of another type, or none that JSON has."""
    at_one_place(random, reply, lambda container, key: container.__setitem__(key, "@@here@@"))
    reply.body = reply.body.replace(b'"@@here@@"', random.choice(JSON_TEXTS).encode("utf-8"))


@change("body")
def json_retexted(random: random.Random, reply: Reply) -> None:
    """A value is an unusual text, date or address."""
    kinds = (TEXTS, DATES, NASTY, addresses(reply.own, reply.request.raw_path))
    at_one_place(random, reply, lambda box, key: box.__setitem__(key, random.choice(random.choice(kinds))))


@change("body")
def json_poisoned(random: random.Random, reply: Reply) -> None:
    """Every text and some names contain something harmful."""
    document = document_of(reply)
    for container, key in list(places(document)):
        if isinstance(container[key], str):
            container[key] = poisoned(random, container[key])
        if isinstance(container, dict) and random.random() < 0.2:
            container[poisoned(random, key)] = container[key]
    if document is not None:
        reply.body = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


@change("body")
def json_doubled(random: random.Random, reply: Reply) -> None:
    """Every member of the outermost object is there twice, or a list is a thousand times as long."""
    document = document_of(reply)
    if lists := [box[key] for box, key in places(document) if isinstance(box[key], list)]:
        random.choice(lists)[:] *= 1000
        reply.body = json.dumps(document).encode()
    elif isinstance(document, dict) and document:
        pairs = [*document.items(), *((key, random.choice(JSON_TEXTS[:20])) for key in document)]
        random.shuffle(pairs)
        reply.body = ("{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}").encode()


@change("body")
def json_token(random: random.Random, reply: Reply) -> None:
    """The header or the payload of a token is changed, its signature is not."""
    document = document_of(reply)
    found = [(box, key) for box, key in places(document) if isinstance(box[key], str) and JWT.match(box[key])]
    for container, key in found:
        parts = container[key].split(".")
        which = random.randrange(2)
        inner = Reply(
            reply.request, b"", b"", [], base64.urlsafe_b64decode(parts[which] + "=" * (-len(parts[which]) % 4))
        )
        random.choice((json_dropped, json_retyped, json_retexted, json_doubled, body_of_another_kind))(random, inner)
        parts[which] = base64.urlsafe_b64encode(inner.body).decode().rstrip("=")
        whole = ".".join(parts)
        container[key] = random.choice((whole, ".".join(parts[:2]), ".." + parts[2], whole + "=", "."))
    if found:
        reply.body = json.dumps(document).encode()


@change("body")
def xml_element(random: random.Random, reply: Reply) -> None:
    """An element is dropped, repeated, renamed or emptied, or has an unusual value."""
    if found := list(ELEMENT.finditer(reply.body)):
        match = random.choice(found)
        name, text = match[1], match[2]
        filled = b"<%s>%s</%s>" % (name, random.choice(XML_VALUES), name)
        others = (b"", match[0] * 2, match[0] * 3000, filled, filled, filled, b"<X>%s</X>" % text, b"<%s>" % name)
        if random.random() < 0.3:
            reply.body = re.sub(rb"<%s[ >].*?</%s>" % (name, name), random.choice(others[:2]), reply.body, flags=re.S)
        else:
            reply.body = reply.body[: match.start()] + random.choice(others) + reply.body[match.end() :]


@change("body")
def xml_prologue(random: random.Random, reply: Reply) -> None:
    """A document type defines entities that grow, or that name files."""
    body = re.sub(rb"^<\?xml[^>]*\?>", b"", reply.body)
    if body.startswith(b"<"):
        kind, name = random.choice(((BOMB, b"&j;"), (OUTSIDE, b"&x;")))
        match = ELEMENT.search(body)
        reply.body = kind + (body[: match.start(2)] + name + body[match.end(2) :] if match else body)


@change("body")
def xml_root(random: random.Random, reply: Reply) -> None:
    """The root, or its namespace, is another one or missing, or the document is nested too deep."""
    body, deep = reply.body, random.choice((500, 100_000))
    if b"xmlns=" in body or body.startswith(b"<"):
        reply.body = random.choice((
            re.sub(rb' xmlns="[^"]*"', b"", body), re.sub(rb' xmlns="[^"]*"', b' xmlns="urn:x"', body),
            b"<a>" * deep + body + b"</a>" * deep, re.sub(rb"<(/?)(\w+)", rb"<\1x:\2", body),
            re.sub(rb">", b' a="' + b"b" * 1000 + b'">', body), b"<Error/>", b"<a b='c' b='d'/>",
            b"<Error>" + body + b"</Error>",
        ))  # fmt: skip
