"""Requests and responses of the reference, both buffered.

Requests have the path as sent (``raw_path``) and decoded, since some promises depend on the encoding. Built on
Starlette's header and query types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from starlette.datastructures import Headers, MutableHeaders

Fields = list[tuple[str, str]]
REASONS = {each.value: each.phrase for each in HTTPStatus}


@dataclass(frozen=True)
class Request:
    """A request as received, with its whole body.

    ``method`` is as sent (case preserved); ``raw_path`` is undecoded and without the query;
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
        """Query parameters in order, with duplicates and blank values."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """Return the first query parameter of that name, or None."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def base_url(self) -> str:
        """Scheme and authority of the request, so that a proxy in front changes nothing."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"


@dataclass
class Answer:
    """A response: status, headers (duplicates allowed), body. The server sets Content-Length.

    ``astray``: bytes sent after the head in violation of HTTP, only by defects. ``wire``: the raw bytes to send instead
    of the rest. ``closes``: the connection is closed after ``wire``, or without it, instead of a response.
    """

    status: int
    body: bytes = b""
    headers: MutableHeaders = field(default_factory=MutableHeaders)
    astray: bytes = b""
    wire: bytes = b""
    closes: bool = False

    @classmethod
    def none(cls) -> Answer:
        """Return no response: the connection is closed, as after a crash of a handler."""
        return cls(500, closes=True)

    @classmethod
    def json(cls, status: int, document: Any, **headers: str) -> Answer:
        """Return an ``application/json`` response; keywords become header names (``_`` becomes ``-``)."""
        answer = cls(status, json.dumps(document).encode())
        answer.headers["Content-Type"] = "application/json"
        for name, value in headers.items():
            answer.headers[name.replace("_", "-")] = value
        return answer


def refuse_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN and Infinity, which are not JSON; the ``parse_constant`` of ``json.loads``."""
    raise ValueError(f"{name} is not JSON")


def head(answer: Answer, more: Fields, version: str = "HTTP/1.1", reason: str | None = None) -> bytes:
    """Return the status line, the response's fields, ``more`` fields, and the empty line."""
    phrase = REASONS.get(answer.status, "") if reason is None else reason
    lines = [f"{version} {answer.status} {phrase}", *(f"{name}: {value}" for name, value in fields_of(answer) + more)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def fields_of(answer: Answer) -> Fields:
    """Return the fields that do not frame the body."""
    raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
    return [each for each in raw if each[0].lower() not in ("content-length", "transfer-encoding")]
