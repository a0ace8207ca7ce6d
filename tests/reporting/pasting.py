"""Runs a curl line in a shell, and compares its response with the deviation that the finding names."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
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


def shows(finding: Entry, recorded: Entry, answer: Answer, secrets: Mapping[str, str]) -> bool:
    """Whether an answer deviates as the one of the run did: in its status, or else in what the proof names."""
    proof = finding.get("proof") or {}
    if proof.get("statuses"):
        right = [*proof["statuses"], *proof.get("or_statuses", [])]
        if answer.status not in right:
            return bool(answer.status == recorded["status"])
    elif answer.status != recorded["status"]:
        return False
    if not proof:
        return bool(answer.body.decode("utf-8", "replace") == recorded["response_body"].get("text"))
    return any(_deviations(proof, answer, secrets))


def _deviations(proof: Entry, answer: Answer, secrets: Mapping[str, str]) -> Iterator[bool]:
    """Each thing that a proof says of one answer, and whether the answer breaks it."""
    for kind in ("fields", "fields_if_any"):
        for name, value in proof.get(kind, []):
            told = (answer.values(name) or [""])[-1]
            yield told != value and bool(told or kind == "fields")
    for name, pattern in proof.get("fields_match", []):
        yield not any(re.search(pattern, each, re.IGNORECASE) for each in answer.values(name))
    for name, pattern in proof.get("fields_lack", []):
        yield any(re.search(pattern, each, re.IGNORECASE) for each in answer.values(name))
    yield from (len(answer.values(name)) > 1 for name in proof.get("fields_once", []))
    if "sha256" in proof:
        yield re.fullmatch(proof["sha256"], hashlib.sha256(answer.body).hexdigest()) is None
    if "matches" in proof:
        yield re.search(proof["matches"], answer.text) is None
    if "lacks" in proof:
        yield re.search(proof["lacks"], answer.text) is not None
    said = "\n".join([answer.text, *(value for _, value in answer.fields)])
    yield from (secrets.get(text.removeprefix("$"), text) in said for text in proof.get("unsaid", []))
