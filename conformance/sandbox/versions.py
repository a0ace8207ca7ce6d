"""Conditional changes, for targets that require that every change names the version it is based on.

RFC 6585 section 3 has the status 428 for that. A target may also return 400 or 409, like for other errors: whether a
resource requires the version is then found out once, by a correct update.
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
"""Statuses by which a target may report a missing version, among other errors."""


def condition_of(current: Exchange) -> tuple[str, str]:
    """Return the header field that limits a change to the version read (RFC 9110 sections 13.1.1 and 13.1.4).

    An absent item has no version: any value will do for checks of the refusal.
    """
    etag, modified = (current.headers.get(name) for name in ("etag", "last-modified"))
    if modified and not etag:
        return "If-Unmodified-Since", modified
    return BY_FIELD, etag or ("*" if current.ok else NO_VERSION)


@dataclass
class Change:
    """A request that changes the resource at a path."""

    method: str
    path: str
    fields: list[Field]
    body: bytes

    @property
    def is_conditional(self) -> bool:
        """Whether a header field names the version."""
        return any(name.lower() in CONDITIONS for name, _ in self.fields)

    def on_version(self, current: Exchange, name: str | None, default: Any = None) -> Change | None:
        """Return the same change on the condition of the version read, by a field or a body member; None if impossible.

        If the item shows no version because it is absent, the member has the version ``default``.
        """
        if name is None or name == BY_FIELD:
            return Change(self.method, self.path, [*self.fields, condition_of(current)], self.body)
        version, body = member(current, name), self.body.lstrip()
        version = default if version is None else version
        if version is None or not body.startswith(b"{") or f'"{name}"'.encode() in body:
            return None
        # At the start, since the rest of the body may be malformed on purpose.
        comma = "" if body[1:].lstrip().startswith(b"}") else ", "
        first = f"{json.dumps(name)}: {json.dumps(version)}{comma}".encode()
        return Change(self.method, self.path, self.fields, b"{" + first + body[1:])


@dataclass
class Versions:
    """Which of the declared resources require the version.

    ``send`` sends a change; ``good`` reads a new item and makes a correct update of it.
    """

    resources: list[Resource]
    send: Callable[[Change], Exchange] = field(repr=False)
    good: Callable[[Resource], tuple[Exchange, Change]] = field(repr=False)
    _demanding: dict[str, bool] = field(default_factory=dict)
    _versions: dict[str, Any] = field(default_factory=dict)

    def required(self, change: Change, reply: Exchange) -> bool:
        """Return whether a change may have been refused because it names no version."""
        if change.is_conditional or reply.status not in (DEMANDED, *MAY_DEMAND):
            return False
        if reply.status == DEMANDED:
            return True
        resource = self._at(change.path)
        return resource is not None and self._demands(resource, change.method)

    def conditional(self, change: Change, reply: Exchange, current: Exchange) -> Change | None:
        """Return a refused change with the version read, named as the target file declares; None if impossible.

        After a 428, a change without a body (a deletion) names the version by a header field.
        """
        resource = self._at(change.path)
        name = resource.update.concurrency if resource and resource.update else None
        conditional = change.on_version(current, name, self._versions.get(resource.name) if resource else None)
        return conditional or (change.on_version(current, BY_FIELD) if reply.status == DEMANDED else None)

    def _at(self, path: str) -> Resource | None:
        """Return the resource whose item a path names, if it declares how versions are named."""
        return next((each for each in self.resources if _names_version(each) and _names_item(each, path)), None)

    def _demands(self, resource: Resource, method: str) -> bool:
        if resource.update is None or method != resource.update.method:
            return False
        if resource.name not in self._demanding:
            self._demanding[resource.name] = self._probe(resource, str(resource.update.concurrency))
        return self._demanding[resource.name]

    def _probe(self, resource: Resource, name: str) -> bool:
        """Return whether a correct update is refused unless it names the version."""
        try:
            current, change = self.good(resource)
        except Inconclusive:
            return False  # The checks of that resource report it.
        self._versions[resource.name] = member(current, name)
        if self.send(change).status not in MAY_DEMAND:
            return False
        conditional = change.on_version(current, name)
        return conditional is not None and self.send(conditional).ok


def _names_version(resource: Resource) -> bool:
    return bool(resource.create and resource.item and resource.update and resource.update.concurrency)


def _names_item(resource: Resource, path: str) -> bool:
    template = str(resource.item.path) if resource.item else ""
    pattern = "[^/?]+".join(map(re.escape, template.split("{slug}")))
    return re.fullmatch(pattern, path.partition("?")[0]) is not None
