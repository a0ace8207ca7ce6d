"""How a change names the version that it is of, for targets that demand it of every change.

RFC 6585 section 3 has a status for that, 428; what else a target says, 400 for a member of the body that is missing or
409, looks like any other refusal. Whether a resource's updates demand it is then found out once, by a good update.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance.oracles.documents import member
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

Field = tuple[str, str | bytes]
NO_VERSION = '"0"'
BY_FIELD = "If-Match"
CONDITIONS = ("if-match", "if-none-match", "if-unmodified-since")
DEMANDED = 428
MAY_DEMAND = (400, 409, 422)
"""Statuses by which a target may say that the version is missing, as it says many other things."""


def condition_of(present: Exchange) -> tuple[str, str]:
    """The field that has a change made to what was read, and to nothing later (RFC 9110 sections 13.1.1 and 13.1.4).

    Of what is not there, no version is right: the check is about what comes before that.
    """
    etag, modified = (present.headers.get(name) for name in ("etag", "last-modified"))
    if modified and not etag:
        return "If-Unmodified-Since", modified
    return BY_FIELD, etag or ("*" if present.ok else NO_VERSION)


@dataclass
class Change:
    """A change as it was sent, of what stands at a path."""

    method: str
    path: str
    fields: list[Field]
    body: bytes

    @property
    def is_conditional(self) -> bool:
        """Whether a header field names what it is of."""
        return any(name.lower() in CONDITIONS for name, _ in self.fields)

    def of(self, present: Exchange, how: str | None, like: Any = None) -> Change | None:
        """The same change to what was read, which a field names, or a member of its body; None where neither can.

        Of what shows no version, as it is not there, a member has that of another thing.
        """
        if how is None or how == BY_FIELD:
            return Change(self.method, self.path, [*self.fields, condition_of(present)], self.body)
        version, body = member(present, how), self.body.lstrip()
        version = like if version is None else version
        if version is None or not body.startswith(b"{") or f'"{how}"'.encode() in body:
            return None
        # Before all else, where it mends nothing of what may be broken on purpose.
        named = f"{json.dumps(how)}: {json.dumps(version)}{'' if body[1:].lstrip().startswith(b'}') else ', '}".encode()
        return Change(self.method, self.path, self.fields, b"{" + named + body[1:])


@dataclass
class Versions:
    """Which of the declared resources demand the version.

    ``send`` sends a change, ``good`` makes a good update of an item of the run's own, which it also reads.
    """

    resources: list[Resource]
    send: Callable[[Change], Exchange] = field(repr=False)
    good: Callable[[Resource], tuple[Exchange, Change]] = field(repr=False)
    _demanding: dict[str, bool] = field(default_factory=dict)
    _seen: dict[str, Any] = field(default_factory=dict)

    def wanted(self, change: Change, reply: Exchange) -> bool:
        """Whether a change may have been refused since it names no version."""
        if change.is_conditional or reply.status not in (DEMANDED, *MAY_DEMAND):
            return False
        if reply.status == DEMANDED:
            return True
        resource = self._at(change.path)
        return resource is not None and self._demands(resource, change.method)

    def named(self, change: Change, reply: Exchange, present: Exchange) -> Change | None:
        """A refused change as one to what was read, in the way that the target file says; None where that cannot be.

        What is answered 428 and has no body that could say it, a deletion for one, names it by a field.
        """
        resource = self._at(change.path)
        how = resource.update.concurrency if resource and resource.update else None
        named = change.of(present, how, self._seen.get(resource.name) if resource else None)
        return named or (change.of(present, BY_FIELD) if reply.status == DEMANDED else None)

    def _at(self, path: str) -> Resource | None:
        """The resource whose item a path names, if it declares how versions are named."""
        return next((each for each in self.resources if _names_version(each) and _names_item(each, path)), None)

    def _demands(self, resource: Resource, method: str) -> bool:
        if resource.update is None or method != resource.update.method:
            return False
        if resource.name not in self._demanding:
            self._demanding[resource.name] = self._found_out(resource, str(resource.update.concurrency))
        return self._demanding[resource.name]

    def _found_out(self, resource: Resource, how: str) -> bool:
        """Whether a good update is refused unless it names the version."""
        try:
            present, change = self.good(resource)
        except Inconclusive:
            return False  # which the checks of that resource tell
        self._seen[resource.name] = member(present, how)
        if self.send(change).status not in MAY_DEMAND:
            return False
        again = change.of(present, how)
        return again is not None and self.send(again).ok


def _names_version(resource: Resource) -> bool:
    return bool(resource.create and resource.item and resource.update and resource.update.concurrency)


def _names_item(resource: Resource, path: str) -> bool:
    template = str(resource.item.path) if resource.item else ""
    pattern = "[^/?]+".join(map(re.escape, template.split("{slug}")))
    return re.fullmatch(pattern, path.partition("?")[0]) is not None
