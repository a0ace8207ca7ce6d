"""Mutations of bodies: cut, of another kind, JSON and XML with parts dropped, retyped, doubled or poisoned."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from typing import Any

from tests.chaos.replies import Reply, mutation
from tests.chaos.values import DATES, JSON_TEXTS, NASTY, TEXTS, addresses, poisoned

JWT = re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$")
ELEMENT = re.compile(rb"<(\w+)[^<>/]*>([^<>]*)</\1>")
BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (ord("b") + level, b"&%c;" % (ord("a") + level) * 10) for level in range(9)
) + b"]>"  # fmt: skip
OUTSIDE = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
XML_VALUES = (
    b"", b" ", b"-1", b"\xc2\xb2", b"9" * 400, b"9" * 5000, b"true", b"TRUE", b"&j;", b"&x;", b"&#0;", b"&#x1b;[31m",
    b"\x00", b"\xff", b"1e5",
    b"<a/>", b"<![CDATA[]]>", b"<!-- -->", b"]]&gt;", b"&lt;script&gt;document.title='owned'&lt;/script&gt;", b"%ff",
    b"%", b"NaN", b"1.5",
    b'"', b"&quot;&quot;", b"W/", b"\xed\xa0\x80", b"&#xD800;", b"a" * 70_000, b"&#x202e;",
)  # fmt: skip


def document_of(reply: Reply) -> Any:
    """The JSON of a reply; None where it has none."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with a key or index in it."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from places(document[key])


@mutation
def body_cut(random: random.Random, reply: Reply) -> None:
    """The beginning of the body, well framed."""
    reply.body = reply.body[: random.randint(0, len(reply.body))]


@mutation
def body_empty(random: random.Random, reply: Reply) -> None:
    """No body."""
    reply.body = b""


@mutation
def body_of_another_kind(random: random.Random, reply: Reply) -> None:
    """Something else."""
    kinds = (
        b"<!doctype html><title>Log in</title><script>document.title='owned'</script>", b"\x1b]0;owned\x07\x1b[2J",
        b"]]>", b"\x00" * 100,
        b"\xff\xfe" + "{}".encode("utf-16-le"), b"\xef\xbb\xbf{}", b"null", b"[]", b"{}", b'"text"', b"0", b"NaN",
        b"[" * 100_000, b"<a/>", b"<a>" * 100_000,
        b"[" * 100_000 + b"]" * 100_000, random.randbytes(3000), b"{}{}",
        b"<?xml version='1.0' encoding='utf-7'?><a>+ADw-</a>", b"-" * 200_000, b" " * 200_000,
        b"a=b&c=d", b"%PDF-1.4", "\ud800".encode("utf-8", "surrogatepass"), b'{"errors": [' * 2000, b"x" * 5_000_000,
    )  # fmt: skip
    reply.body = random.choice(kinds)


@mutation
def body_extended(random: random.Random, reply: Reply) -> None:
    """The body with something before or behind it, or twice."""
    body = reply.body
    reply.body = random.choice(
        (
            body + body,
            body + b"\x00",
            b"\xef\xbb\xbf" + body,
            b"\r\n" + body,
            body + b"}",
            body + b"<!-- -->",
            body + b" " * 100_000,
        )
    )


@mutation
def body_recoded(random: random.Random, reply: Reply) -> None:
    """The body in another character encoding."""
    text = reply.body.decode("utf-8", "replace")
    coding = random.choice(("utf-16", "utf-32", "utf-16-be", "utf-7", "cp037"))
    declared = re.sub(
        r'encoding="[^"]*"', f'encoding="{random.choice((coding, "latin-1", "rot13", "idna", ""))}"', text
    )
    reply.body = declared.encode(coding, "replace")


@mutation
def body_echoes(random: random.Random, reply: Reply) -> None:
    """The request comes back, as from a server that shows what it was asked."""
    request = reply.request
    fields = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\n".join([f"{request.method} {request.raw_path}?{request.query_string}", *fields])
    text = f"{head}\n\n{request.body[:5000].decode('latin-1')}"
    reply.body = random.choice(
        (
            text.encode(),
            json.dumps({"error": "invalid_request", "error_description": text, "errors": [{"message": text}]}).encode(),
        )
    )
    if random.random() < 0.3:
        reply.put(b"X-Echo", request.headers.get("authorization", "none").encode("utf-8"))


@mutation
def json_dropped(random: random.Random, reply: Reply) -> None:
    """JSON with a member or an item less."""
    document = document_of(reply)
    found = list(places(document))
    if found:
        container, key = random.choice(found)
        del container[key]
        reply.body = json.dumps(document).encode()


@mutation
def json_emptied(random: random.Random, reply: Reply) -> None:
    """JSON with a list or an object that holds nothing, or with every list one item long."""
    document = document_of(reply)
    found = [(box, key) for box, key in places(document) if isinstance(box[key], list | dict)]
    for container, key in found if random.random() < 0.5 else random.sample(found, min(1, len(found))):
        container[key] = container[key][:1] if isinstance(container[key], list) and random.random() < 0.3 else []
    if found:
        reply.body = json.dumps(random.choice((document, document, {}, []))).encode()


@mutation
def json_retyped(random: random.Random, reply: Reply) -> None:
    """JSON with a value of another kind, or none that JSON knows."""
    document = document_of(reply)
    found = list(places(document))
    if found:
        container, key = random.choice(found)
        container[key] = "@@here@@"
        reply.body = json.dumps(document).replace('"@@here@@"', random.choice(JSON_TEXTS)).encode("utf-8")


@mutation
def json_retexted(random: random.Random, reply: Reply) -> None:
    """JSON with an odd text, date or address in the place of a value."""
    document = document_of(reply)
    found = list(places(document))
    if found:
        container, key = random.choice(found)
        own = f"http://{reply.request.headers.get('host', 'localhost')}"
        container[key] = random.choice(random.choice((TEXTS, DATES, NASTY, addresses(own, reply.request.raw_path))))
        reply.body = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


@mutation
def json_poisoned(random: random.Random, reply: Reply) -> None:
    """JSON with something harmful in every text and some names."""
    document = document_of(reply)
    for container, key in list(places(document)):
        if isinstance(container[key], str):
            container[key] = poisoned(random, container[key])
        if isinstance(container, dict) and random.random() < 0.2:
            container[poisoned(random, key)] = container[key]
    if document is not None:
        reply.body = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


@mutation
def json_doubled(random: random.Random, reply: Reply) -> None:
    """JSON with every member of the outermost object twice, or a list a thousand times as long."""
    document = document_of(reply)
    if isinstance(document, dict) and document:
        members = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
        odd = [f"{json.dumps(key)}: {random.choice(JSON_TEXTS[:40])}" for key in document]
        reply.body = ("{" + ", ".join(random.choice((members + odd, odd + members))) + "}").encode()
    lists = [container[key] for container, key in places(document) if isinstance(container[key], list)]
    if lists and random.random() < 0.5:
        chosen = random.choice(lists)
        chosen *= 1000
        reply.body = json.dumps(document).encode()


@mutation
def json_token(random: random.Random, reply: Reply) -> None:
    """A token whose header or payload is changed, its signature left."""
    document = document_of(reply)
    found = [(box, key) for box, key in places(document) if isinstance(box[key], str) and JWT.match(box[key])]
    for container, key in found:
        parts = container[key].split(".")
        which = random.randrange(2)
        inner = Reply(reply.request, b"", b"", [], _decoded(parts[which]))
        random.choice((json_dropped, json_retyped, json_retexted, json_doubled, body_of_another_kind))(random, inner)
        parts[which] = base64.urlsafe_b64encode(inner.body).decode().rstrip("=")
        container[key] = random.choice(
            (".".join(parts), ".".join(parts[:2]), ".." + parts[2], ".".join(parts) + "=", ".")
        )
    if found:
        reply.body = json.dumps(document).encode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@mutation
def xml_element(random: random.Random, reply: Reply) -> None:
    """XML with an element dropped, doubled or renamed, or of an odd value."""
    found = list(ELEMENT.finditer(reply.body))
    if not found:
        return
    match = random.choice(found)
    dates = tuple(each.encode() for each in DATES)
    filled = b"<%s>%s</%s>" % (match[1], random.choice((*XML_VALUES, *dates)), match[1])
    other = random.choice(
        (b"", match[0] * 2, match[0] * 3000, filled, filled, filled, b"<X>%s</X>" % match[2], b"<%s>" % match[1])
    )
    reply.body = reply.body[: match.start()] + other + reply.body[match.end() :]


@mutation
def xml_emptied(random: random.Random, reply: Reply) -> None:
    """XML without any of the elements of a name, or with nothing in them, or with nothing at all in its root."""
    names = sorted(set(re.findall(rb"<(\w+)[ >]", reply.body)))
    if not names:
        return
    name = random.choice(names)
    empty = random.choice((b"", b"<%s/>" % name, b"<%s></%s>" % (name, name)))
    reply.body = re.sub(rb"<%s[ >].*?</%s>" % (name, name), empty, reply.body, flags=re.DOTALL)


@mutation
def xml_prologue(random: random.Random, reply: Reply) -> None:
    """XML with a document type: entities that grow, or that stand in files."""
    body = re.sub(rb"^<\?xml[^>]*\?>", b"", reply.body)
    if body.startswith(b"<"):
        kind, name = random.choice(((BOMB, b"&j;"), (OUTSIDE, b"&x;")))
        match = ELEMENT.search(body)
        reply.body = kind + (body[: match.start(2)] + name + body[match.end(2) :] if match else body)


@mutation
def xml_root(random: random.Random, reply: Reply) -> None:
    """XML with another root, another namespace, none, or nested beyond reason."""
    if b"xmlns=" not in reply.body and not reply.body.startswith(b"<"):
        return
    deep = random.choice((500, 100_000))
    changed = (
        re.sub(rb' xmlns="[^"]*"', b"", reply.body), re.sub(rb' xmlns="[^"]*"', b' xmlns="urn:x"', reply.body),
        b"<a>" * deep + reply.body + b"</a>" * deep,
        re.sub(rb"<(/?)(\w+)", rb"<\1x:\2", reply.body), re.sub(rb">", b' a="' + b"b" * 1000 + b'">', reply.body),
        b"<Error/>", b"<a b='c' b='d'/>", b"<Error>" + reply.body + b"</Error>",
    )  # fmt: skip
    reply.body = random.choice(changed)


@mutation
def byte_order_mark(random: random.Random, reply: Reply) -> None:
    """A mark before the text, of this coding or another."""
    reply.body = random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff\x00")) + reply.body
