"""Runs a curl line in a shell, and compares its response with the deviation that the finding names."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reporting.text import plain_xml

Entry = Mapping[str, Any]
HEAD = re.compile(rb"HTTP/[0-9.]+ (?P<status>\d{3})[^\r\n]*\r\n(?P<fields>(?:[^\r\n]+\r\n)*)\r\n")
LIMIT_S = 300.0


@dataclass(frozen=True)
class Answer:
    """What ``curl -i`` printed: the last answer, status 0 where none came."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body on one line."""
        return plain_xml(self.body.decode("utf-8", "replace")).replace("\n", "")

    def values(self, name: str) -> list[str]:
        """The values of a header field."""
        return [value for each, value in self.fields if each.lower() == name.lower()]


def pasted(lines: Iterable[str], secrets: Mapping[str, str]) -> Answer:
    """What the lines print in a shell that has the secrets and nothing else of ours."""
    environment = {"PATH": os.environ["PATH"], **{name: value for name, value in secrets.items() if name != "PATH"}}
    ran = subprocess.run(
        ["sh", "-c", "\n".join(lines)], env=environment, capture_output=True, timeout=LIMIT_S, check=False
    )
    status, fields, rest = 0, list[tuple[str, str]](), ran.stdout
    while status < 200 and (head := HEAD.match(rest)):
        status, rest = int(head["status"]), rest[head.end() :]
        told = (each.decode("latin-1").partition(":") for each in head["fields"].splitlines())
        fields = [(name, value.strip()) for name, _, value in told]
    return Answer(status, fields, rest)


def shows(finding: Entry, recorded: Entry, answer: Answer) -> bool:
    """Whether an answer deviates as the one of the run did."""
    deviation = finding["deviation"]
    if deviation["kind"] == "status":
        return bool(answer.status == recorded["status"])
    if answer.status != recorded["status"]:
        return False
    said = "\n".join(answer.values(deviation["name"])) if deviation["kind"] == "field" else answer.text
    if pattern := deviation.get("matches"):
        return re.search(pattern, said, re.IGNORECASE | re.MULTILINE) is None
    if pattern := deviation.get("lacks"):
        return bool(said) and re.search(pattern, said, re.IGNORECASE | re.MULTILINE) is not None
    if digest := deviation.get("sha256"):
        return bool(hashlib.sha256(answer.body).hexdigest() != digest)
    return bool(answer.body.decode("utf-8", "replace") == recorded["response_body"].get("text"))
