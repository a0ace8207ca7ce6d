"""The parts of requests and answers: how they are found, and put otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers

from conformance.reference.http import Answer, Request
from tests.messages.changes import DOUBLED, LAST, MISSING, Part

TAG = re.compile(r"<(/?)([\w:.-]+)([^<>]*?)(/?)>")
FORM = "application/x-www-form-urlencoded"
# A value in place of one; None where it is left out.
Put = Callable[[str], str | None]


def is_json(kind: str) -> bool:
    """Whether members can be told in a body of that type; what a manifest holds is bytes."""
    return kind.partition(";")[0].strip() in ("application/json", "application/problem+json")


def is_xml(kind: str) -> bool:
    """Whether elements can."""
    return kind.partition(";")[0].strip() in ("application/xml", "text/xml")


def told(answer: Answer) -> Iterator[tuple[str, str]]:
    """Each part of an answer with its value; ``#several`` for one that is there more than once."""
    kind = answer.headers.get("content-type", "")
    yield from ((f"field {name.lower()}", value) for name, value in answer.headers.items())
    if is_json(kind) and answer.body:
        yield from _members(json.loads(answer.body))
    elif is_xml(kind) and answer.body:
        yield from _elements(answer.body.decode())
    elif answer.body:
        yield "body", answer.body[:64].decode("latin-1")


def _members(document: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield f"member {path}{name}", json.dumps(value)
            yield from _members(value, f"{path}{name}.")
    elif isinstance(document, list):
        if len(document) > 1:
            yield f"member {path}[]", "#several"
        for each in document:
            yield f"member {path}[]", json.dumps(each)
            yield from _members(each, f"{path}[].")


def elements(text: str) -> Iterator[tuple[str, int, int, int, int]]:
    """Each element: its path below the root, where it begins, where its content does, and where both end."""
    open_: list[tuple[str, int, int]] = []
    for found in TAG.finditer(text):
        closing, name, _, empty = found.groups()
        if not closing and not empty:
            open_.append((name, found.start(), found.end()))
            continue
        name, begin, inner = open_.pop() if closing else (name, found.start(), found.end())
        path = "/".join([*(each for each, _, _ in open_[1:]), name]) if open_ else ""
        yield path, begin, inner, found.start() if closing else found.end(), found.end()


def _elements(text: str) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for path, _, inner, end, _ in elements(text):
        if path:
            if path in seen:
                yield f"element {path}", "#several"
            seen.add(path)
            yield f"element {path}", text[inner:end]


def retold(answer: Answer, part: Part, way: str, put: Put) -> Answer:
    """The answer with one part put otherwise."""
    if part.kind == "status":
        answer.status = int(way)
        if answer.status == 204:
            answer.body = b""
    elif part.kind == "field":
        _retell_field(answer, part.name, way, put)
    elif part.kind == "body":
        changed = put(answer.body.decode("latin-1"))
        answer.body = (changed or "").encode("latin-1")
    else:
        kind = answer.headers.get("content-type", "")
        if part.kind == "member" and is_json(kind) and answer.body:
            document = json.loads(answer.body)
            _change(document, part.name.split("."), way.endswith(LAST), put)
            answer.body = json.dumps(document).encode()
        elif part.kind == "element" and is_xml(kind) and answer.body:
            answer.body = _changed_text(answer.body.decode(), part.name, way, put).encode()
    if part.kind != "field" and "content-length" in answer.headers and answer.body:
        answer.headers["content-length"] = str(len(answer.body))
    return answer


def _retell_field(answer: Answer, name: str, way: str, put: Put) -> None:
    if name not in answer.headers:
        return
    value = put(answer.headers[name])
    if way == DOUBLED:
        answer.headers.append(name, value or "")
    elif value is None:
        del answer.headers[name]
    else:
        answer.headers[name] = value


def _change(document: Any, path: list[str], last: bool, put: Put) -> None:
    name, rest = path[0], path[1:]
    if isinstance(document, list) and name == "[]":
        places = [len(document) - 1] if last and document else range(len(document))
        if rest:
            for place in places:
                _change(document[place], rest, False, put)
        else:
            for place in places:
                document[place] = _member(document[place], put)
            document[:] = [value for value in document if value is not MISSING]
    elif isinstance(document, dict) and name in document:
        if rest:
            _change(document[name], rest, last, put)
        else:
            value = _member(document[name], put)
            if value is MISSING:
                del document[name]
            else:
                document[name] = value


def _member(value: Any, put: Put) -> Any:
    """A member's other value, of its own type where that can be."""
    if isinstance(value, str):
        changed = put(value)
        return MISSING if changed is None else changed
    changed = put(json.dumps(value))
    if changed is None:
        return MISSING
    try:
        return json.loads(changed)
    except ValueError:
        return changed


def _changed_text(text: str, path: str, way: str, put: Put) -> str:
    found = [each for each in elements(text) if each[0] == path]
    for _, begin, inner, end, close in reversed(found[-1:] if way.endswith(LAST) else found):
        value = put(text[inner:end])
        if value is None:
            text = text[:begin] + text[close:]
        elif way == DOUBLED:
            text = text[:close] + text[begin:inner] + value + text[end:close] + text[close:]
        elif inner != close:
            text = text[:inner] + value + text[end:]
    return text


def asked(request: Request) -> Iterator[tuple[str, str]]:
    """Each part of a request with its value."""
    yield "path last", request.raw_path.rpartition("/")[2]
    yield "path all", request.raw_path
    yield from ((f"parameter {name}", value) for name, value in request.query)
    yield from ((f"field {name.lower()}", value) for name, value in request.headers.items())
    kind = request.headers.get("content-type", "")
    if kind.startswith(FORM):
        yield from ((f"form {name}", value) for name, value in _pairs(request.body))
    elif is_json(kind):
        document = _document(request.body)
        if isinstance(document, dict):
            yield from (
                (f"member {name}", value if isinstance(value, str) else json.dumps(value))
                for name, value in document.items()
            )
    elif _is_document(request.body):
        yield from _elements(request.body.decode("utf-8", "replace"))


def _is_document(body: bytes) -> bool:
    """Whether elements can be told in a request's body, of which clients do not say the type."""
    return body.startswith((b"<", b"\xef\xbb\xbf<")) and len(body) < 1 << 16


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def reread(request: Request, part: Part, way: str, put: Put) -> Request:
    """The request as a server reads it that reads one part otherwise."""
    if part.kind == "path":
        before, slash, last = request.raw_path.rpartition("/")
        changed = put(last if part.name == "last" else request.raw_path) or ""
        changed = quote(changed, safe="/%:~!$&'()*+,;=@-._")
        return replace(request, raw_path=before + slash + changed if part.name == "last" else changed)
    if part.kind == "parameter":
        return replace(request, query_string=urlencode(_put_pairs(request.query, part.name, put), quote_via=quote))
    if part.kind == "field":
        raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        changed_fields = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in _put_pairs(raw, part.name, put)
        ]
        return replace(request, headers=Headers(raw=changed_fields))
    return replace(request, body=_reread_body(request, part, way, put))


def _put_pairs(pairs: list[tuple[str, str]], name: str, put: Put) -> list[tuple[str, str]]:
    changed = [(key, put(value) if key == name else value) for key, value in pairs]
    return [(key, value) for key, value in changed if value is not None]


def _reread_body(request: Request, part: Part, way: str, put: Put) -> bytes:
    kind = request.headers.get("content-type", "")
    if part.kind == "form" and kind.startswith(FORM):
        return urlencode(_put_pairs(_pairs(request.body), part.name, put)).encode()
    if part.kind == "member" and is_json(kind):
        document = _document(request.body)
        if isinstance(document, dict):
            _change(document, [part.name], False, put)
            return json.dumps(document).encode()
    if part.kind == "element" and _is_document(request.body):
        return _changed_text(request.body.decode("utf-8", "replace"), part.name, way, put).encode()
    return request.body
