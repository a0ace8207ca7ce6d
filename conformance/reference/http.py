"""What a surface of the reference receives and answers: one request, buffered; one answer.

Paths are kept as sent (``raw_path``) beside their decoded form, since object keys and tokens of the
wire are promises of their own. Built on Starlette's header and query types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.datastructures import Headers, MutableHeaders

Fields = list[tuple[str, str]]
REASONS = {each.value: each.phrase for each in HTTPStatus}


@dataclass(frozen=True)
class Request:
    """One request as received, its body whole.

    ``method`` is as sent (upper or lower case kept); ``raw_path`` is undecoded and without the query;
    ``query_string`` is undecoded; ``scheme`` is ``http`` or ``https``.
    """

    method: str
    raw_path: str
    query_string: str
    headers: Headers
    body: bytes
    scheme: str = "http"

    @property
    def path(self) -> str:
        """The path, percent-decoded as UTF-8 (undecodable bytes replaced)."""
        return unquote(self.raw_path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order, duplicates and blank values kept."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """The first query parameter of that name, or None."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def base_url(self) -> str:
        """Scheme and authority under which the caller asked, so that a proxy in front changes nothing."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"


@dataclass
class Answer:
    """One answer: status, headers (duplicates allowed), body. Content-Length is set when it is sent.

    ``astray`` is put on the wire behind its head, whatever HTTP says of that: no right answer has any. ``wire`` is all
    of it as it goes there, in place of what the server would make of the rest; ``closes``: the connection ends with it,
    and where there is no ``wire``, instead of it.
    """

    status: int
    body: bytes = b""
    headers: MutableHeaders = field(default_factory=MutableHeaders)
    astray: bytes = b""
    wire: bytes = b""
    closes: bool = False

    @classmethod
    def none(cls) -> Answer:
        """No answer: the connection is closed, as where a handler panics."""
        return cls(500, closes=True)

    @classmethod
    def json(cls, status: int, document: Any, **headers: str) -> Answer:
        """An ``application/json`` answer; keyword names become header names (``_`` is written ``-``)."""
        answer = cls(status, json.dumps(document).encode())
        answer.headers["Content-Type"] = "application/json"
        for name, value in headers.items():
            answer.headers[name.replace("_", "-")] = value
        return answer


def head(answer: Answer, more: Fields, version: str = "HTTP/1.1", reason: str | None = None) -> bytes:
    """Status line and fields, those that are more behind the others, and the empty line."""
    phrase = REASONS.get(answer.status, "") if reason is None else reason
    lines = [f"{version} {answer.status} {phrase}", *(f"{name}: {value}" for name, value in fields_of(answer) + more)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def fields_of(answer: Answer) -> Fields:
    """The fields that do not tell where the body ends."""
    raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
    return [each for each in raw if each[0].lower() not in ("content-length", "transfer-encoding")]
