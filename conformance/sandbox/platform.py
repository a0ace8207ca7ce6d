"""Requests to the organization APIs that the target file declares, and to no others.

A declared resource has operations (read, create, read-item, update, delete), so that a check covers each one that the
target has. Items are the run's own; the ledger removes them. One class: the file stays whole above 400 lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeVar, cast

from conformance.clients.http import REPLICA_TRIES, HttpClient, on_one_host
from conformance.clients.oauth.client import OAuthClient, bearer
from conformance.clients.polling import tries
from conformance.evidence.recorder import Recorded
from conformance.oracles.documents import shows
from conformance.oracles.state import State, state_of
from conformance.sandbox.accepted_later import GONE, LATER, changed_later, is_as_written, made_later
from conformance.sandbox.ledger import ABSENT, Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.pages import pages_of
from conformance.sandbox.quota import expect_room
from conformance.sandbox.templates import filled, named_in
from conformance.sandbox.versions import Change, Versions
from conformance.target.description import Resource, Target
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive, NotDeclared
from conformance.vocabulary.values import has_fixed_form, unused_name_like

JSON = "application/json"
JSON_TYPE = ("Content-Type", JSON)
HeaderFields = Iterable[tuple[str, str | bytes]]
T = TypeVar("T")
KINDS = ("read", "create", "read-item", "update", "delete")
CHANGES = ("PUT", "PATCH", "DELETE")
MOST_PAGES, MANY = 30, 11
# How long an operation that takes effect after its response may take; the pauses between the reads double.
SOON_S, FIRST_WAIT_S, WAIT_S = 5.0, 0.01, 0.2
RETRY_S = 0.05
UNAUTHORIZED = 401

WITHOUT_ORGANIZATION = (
    "a resource whose path names no organization, and that each organization reads as its own, needs "
    "foreign = { path = … } with that path"
)


def key_of(kind: str) -> str:
    """Return the key of the target file that declares operations of a kind."""
    return f"identity.resources.{kind.removeprefix('read-')}" if kind != "read" else "identity.resources"


@dataclass(frozen=True)
class Operation:
    """A declared request to a resource; ``document`` is its JSON body, None without one."""

    resource: Resource
    kind: str
    method: str
    path: str
    scope: str | None
    document: dict[str, Any] | None = None
    content_type: str = JSON

    @property
    def type_field(self) -> tuple[str, str]:
        """The Content-Type field of the body."""
        return "Content-Type", self.content_type

    @property
    def body(self) -> bytes:
        """The JSON body as bytes, empty without one."""
        return b"" if self.document is None else json.dumps(self.document).encode()

    @property
    def headers(self) -> list[tuple[str, str | bytes]]:
        """The header fields of the body."""
        return [] if self.document is None else [self.type_field]

    @property
    def texts(self) -> set[str]:
        """The members of the body that may have any text: those that the target file fills with {text}.

        Other members have the one value that is known to be accepted.
        """
        write = {"create": self.resource.create, "update": self.resource.update}.get(self.kind)
        body = write.body if write else {}
        names = {name for name, each in body.items() if isinstance(each, str) and "{text}" in each}
        return names - self.resource.naming if self.kind == "create" else names

    def reworded(self, reword: Callable[[str], str]) -> dict[str, Any]:
        """Return the body with its free texts changed."""
        document = self.document or {}
        return document | {name: reword(document[name]) for name in self.texts}

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.resource.name}, {self.kind})"


@dataclass
class Platform:
    """Operations on the declared resources, with the token of a role or without one."""

    target: Target
    oauth: OAuthClient
    http: HttpClient
    names: Names
    ledger: Ledger
    _made: dict[Hashable, tuple[Any, list[Recorded]]] = field(default_factory=dict)

    @property
    def resources(self) -> list[Resource]:
        """The declared resources; Inconclusive without any."""
        declared = self.oauth.identity.resources
        if not declared:
            raise Inconclusive(
                "the target file declares no identity API", "an entry under [[targets.X.identity.resources]]"
            )
        return declared

    def resources_with(self, *parts: str) -> list[Resource]:
        """Return the resources that declare all these parts (``create``, ``item`` …); NotDeclared without any."""
        found = [each for each in self.resources if all(getattr(each, part) for part in parts)]
        if not found:
            raise NotDeclared(
                f"no resource of the target file declares {' and '.join(parts)}",
                *(f"identity.resources.{part}" for part in parts),
            )
        return found

    def operations(self, *kinds: str) -> list[Operation]:
        """Return the declared operations of these kinds, on items of the run; NotDeclared without any."""
        found = [each for resource in self.resources for kind in kinds for each in self._declared(resource, kind)]
        if not found:
            raise NotDeclared(f"no resource of the target file declares {' or '.join(kinds)}", *map(key_of, kinds))
        return found

    def heads(self) -> list[Operation]:
        """Return HEAD operations for the declared reads."""
        found = self.operations("read", "read-item")
        return [replace(each, kind="head", method="HEAD") for each in found if each.method == "GET"]

    def shut(self, *kinds: str) -> list[Operation]:
        """Return the operations that the role foreign has no right to, even with all scopes; NotDeclared without any.

        That excludes resources without a scope and an organization (who am I), and paths that each organization reads
        as its own.
        """
        found = [each for each in self.operations(*kinds) if not self._of_any_organization(each)]
        if not found:
            reason = f"no declared {' or '.join(kinds)} is of the organization under test alone"
            raise NotDeclared(f"{reason}; {WITHOUT_ORGANIZATION}", "identity.resources.foreign")
        return found

    def _of_any_organization(self, operation: Operation) -> bool:
        resource = operation.resource
        if "foreign" in resource.concealed_from or operation.kind not in ("read", "create"):
            return False
        if resource.foreign:
            return resource.foreign.path == resource.path
        if self.target.organization in resource.path.split("/"):
            return False
        return operation.scope is None or self._has_another_list_for_foreign(resource)

    def _has_another_list_for_foreign(self, resource: Resource) -> bool:
        """Return whether the role foreign reads another list than full at a path that names no organization."""
        if not self.oauth.has("foreign"):
            return False
        own = self.item(resource) if resource.create and resource.item else None
        read = self.operation(resource, "read")
        own_list, foreign_list = self.made_once(
            ("read by both", resource.name),
            lambda: [self.send(read, self.oauth.token(role)) for role in ("full", "foreign")],
        )
        return bool(foreign_list.ok and foreign_list.body != own_list.body and not (own and shows(foreign_list, own)))

    def operation(self, resource: Resource, kind: str, slug: str | None = None) -> Operation:
        """Return an operation; ``slug`` names the item (for create: the new one)."""
        if kind == "read":
            return Operation(resource, kind, resource.method, resource.path, resource.scope)
        slug = slug or self.names.new()
        text = f"text of {slug}"
        if kind == "create" and resource.create:
            document = filled(resource.create.body, slug, text)
            self.ledger.intends("item", resource=resource.name, slug=slug)
            made = resource.create
            return Operation(resource, kind, made.method, resource.path, made.scope, document, made.content_type)
        if resource.item is None:
            raise NotDeclared(f"the resource {resource.name} declares no item", "identity.resources.item")
        path = filled(resource.item.path, slug, text)
        if kind == "read-item":
            return Operation(resource, kind, "GET", path, resource.item.scope)
        if kind == "update" and resource.update:
            document = filled(resource.update.body, slug, f"changed {self.names.new()}")
            change = resource.update
            return Operation(resource, kind, change.method, path, change.scope, document, change.content_type)
        if kind == "delete" and resource.delete:
            return Operation(resource, kind, resource.delete.method, path, resource.delete.scope)
        raise NotDeclared(f"the resource {resource.name} declares no {kind}", key_of(kind))

    def _declared(self, resource: Resource, kind: str) -> Iterator[Operation]:
        if kind == "read" or (kind == "create" and resource.create):
            yield self.operation(resource, kind)
        elif (kind == "read-item" and resource.create and resource.item) or (
            kind in ("update", "delete") and resource.create and resource.item and getattr(resource, kind)
        ):
            yield self.operation(resource, kind, self.item(resource))

    def send(
        self, operation: Operation, token: str | None, headers: HeaderFields = (), reader: str = "full", **changes: Any
    ) -> Exchange:
        """Send an operation, with a token or without; ``changes`` replaces its method, path or document."""
        changed = replace(operation, **changes) if changes else operation
        authorization = [bearer(token)] if token is not None else []
        fields = [*changed.headers, *authorization, *headers]
        return self.request(changed.method, changed.path, fields, changed.body, reader)

    def request(
        self, method: str, path: str, headers: HeaderFields = (), body: bytes = b"", reader: str = "full"
    ) -> Exchange:
        """Send a request; if a change is refused because it names no version, send it again with the current version.

        The role ``reader``, of the path's organization, reads that version. All exchanges are recorded.
        """
        change = Change(method, path, list(headers), body)
        reply = self._sent(change)
        if method not in CHANGES or not self.versions.required(change, reply):
            return reply
        current = self._read_by(reader, path)
        conditional = self.versions.conditional(change, reply, current)
        return self._sent(conditional) if conditional else reply

    def with_body(self, operation: Operation, body: bytes, fields: HeaderFields | None = None) -> Exchange:
        """Send an operation as the role full with another body, and note for removal what it creates.

        ``fields`` replace its Content-Type.
        """
        sent = [operation.type_field] if fields is None else [*fields]
        reply = self.request(operation.method, operation.path, [*sent, bearer(self.oauth.token("full"))], body)
        self.note_created(operation, reply)
        return reply

    def note_created(self, operation: Operation, reply: Exchange) -> None:
        """Note for removal what an operation created, if anything."""
        if operation.kind == "create" and reply.ok and (slug := self.slug_of(operation)):
            self.remember(operation.resource, slug)

    @cached_property
    def versions(self) -> Versions:
        """Which resources require that changes name a version."""
        return Versions(self.oauth.identity.resources, self._sent, self._good_update)

    def _sent(self, change: Change) -> Exchange:
        """Send a request; after a 202, wait up to ``SOON_S`` until the change has taken effect."""
        reply = self.http.send(change.method, change.path, change.fields, change.body)
        if reply.status == UNAUTHORIZED and (fields := self.oauth.renewed(change.fields)):
            reply = self.http.send(change.method, change.path, fields, change.body)
            self.oauth.single_active.found |= reply.status != UNAUTHORIZED
        expect_room(self.oauth.identity.resources, change, reply)
        if created := made_later(self.oauth.identity.resources, change, reply):
            path, role = created
            self.soon(lambda: self._read_by(role, path).status != GONE)
        if changed := changed_later(self.oauth.identity.resources, change, reply):
            reader, written = changed
            self.soon(lambda: is_as_written(self._read_by(reader, change.path), written))
        return reply

    def _read_by(self, role: str, path: str) -> Exchange:
        return self.http.get(path, [bearer(self.oauth.token(role))])

    def soon(self, done: Callable[[], bool]) -> bool:
        """Poll ``done`` for at most ``SOON_S``; return whether it became true."""
        waited, pause = 0.0, FIRST_WAIT_S
        while not (found := done()) and waited < SOON_S:
            self.http.recorder.pause(pause)
            waited, pause = waited + pause, min(2 * pause, WAIT_S)
        return found

    def _good_update(self, resource: Resource) -> tuple[Exchange, Change]:
        """Return the response to a read of a new item, and an update of it that the owner may make."""
        operation, full = self.operation(resource, "update", self.new_item(resource)), self.oauth.token("full")
        fields = [*operation.headers, bearer(full)]
        return self.http.get(operation.path, [bearer(full)]), Change(
            operation.method, operation.path, fields, operation.body
        )

    def as_role(self, role: str, operation: Operation, headers: HeaderFields = (), **changes: Any) -> Exchange:
        """Send an operation with the full token of a role; wait until the owner's deletion takes effect."""
        reply = self.send(operation, self.oauth.token(role), headers, **changes)
        if role == "full" and operation.kind == "delete" and reply.status == LATER:
            self._await_deletion(operation)
        return reply

    def _await_deletion(self, deletion: Operation) -> None:
        """Wait for a deletion that returned 202 (RFC 9110 section 9.3.5); Inconclusive if the wait is too long."""
        read = self.operation(deletion.resource, "read-item", self.slug_of(deletion))
        if self.soon(lambda: self.as_role("full", read).status == GONE):
            return
        raise Inconclusive(
            f"{deletion} returns {LATER} and takes effect only after more than {SOON_S:g} s",
            "a service that completes accepted deletions sooner",
        )

    def known_in_time(self, ask: Callable[[], Exchange], since: float, status: int | None = None) -> Exchange:
        """Repeat a request after a revocation at that monotonic time until it returns the status (default: an error).

        Give up after limits.revocation: the time that the target file grants until a revocation has effect everywhere.
        """

        def known(reply: Exchange) -> bool:
            return not reply.ok if status is None else reply.status == status

        attempts = tries(since + self.target.limits.revocation, RETRY_S)
        return next(reply for over in attempts if known(reply := ask()) or over)

    def on_each_replica(self, send: Callable[[Platform], Exchange], times: int = REPLICA_TRIES) -> Iterator[Exchange]:
        """Yield the responses to a request over new connections, often enough to reach each replica."""
        for http in self.http.on_each_replica(times):
            yield send(replace(self, http=http, oauth=replace(self.oauth, http=http)))

    def wrong_on_a_replica(
        self, send: Callable[[Platform], Exchange], since: float, statuses: Collection[int], times: int = REPLICA_TRIES
    ) -> Exchange | None:
        """Return a response with another status from after limits.revocation; None if there is none."""
        for _ in tries(since + self.target.limits.revocation, RETRY_S):
            wrong = next((each for each in self.on_each_replica(send, times) if each.status not in statuses), None)
            if wrong is None:
                break
        return wrong

    def pages(
        self, role: str, operation: Operation, most: int = MOST_PAGES, limit: int | None = None
    ) -> list[Exchange]:
        """Return up to ``most`` pages of a list as a role reads it; ``limit`` is the requested page size."""
        read, path = partial(self._page, role, operation), operation.path
        path = path if limit is None else f"{path}{'&' if '?' in path else '?'}limit={limit}"
        resource = operation.resource.model_copy(update={"path": path})
        return list(pages_of(read, resource, self.http.base_url, most))

    def _page(self, role: str, operation: Operation, path: str) -> Exchange:
        return self.as_role(role, operation, path=path)

    def item(self, resource: Resource) -> str:
        """Return the slug of a shared item of the run, which checks must not change."""
        return self.made_once(resource.name, lambda: self.new_item(resource))

    def many(self, resource: Resource) -> list[str]:
        """Return the slugs of eleven shared items, more than a small page has; checks must not change them."""
        return list(self.many_made(resource))

    def many_made(self, resource: Resource) -> dict[str, Exchange]:
        """Return those slugs with the response to each creation."""
        return self.made_once(("many", resource.name), lambda: dict(self._new_item(resource) for _ in range(MANY)))

    def made_once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make a resource that several checks share; its exchanges are evidence of each of them."""
        if key not in self._made:
            before = len(self.http.recorder)
            made = self.ledger.shared(make)
            self._made[key] = made, self.http.recorder.recorded_from(before)
        made, exchanges = self._made[key]
        self.http.recorder.rely(exchanges)
        return cast("T", made)

    def end_check(self, failed: bool) -> None:
        """Remove what the check created; after a failure also what checks share, since it may be damaged."""
        if failed:
            self._made.clear()
        if self.http.recorder.recording is None:
            self.ledger.end_check(also_shared=failed)

    def new_item(self, resource: Resource) -> str:
        """Create an item and return its slug; Inconclusive if that fails."""
        return self._new_item(resource)[0]

    def _new_item(self, resource: Resource) -> tuple[str, Exchange]:
        slug = self.names.new()
        reply = self.create(resource, slug)
        if reply.status in GATEWAY_ERRORS:
            self.http.recorder.pause(WAIT_S)
            slug = self.names.new()
            reply = self.create(resource, slug)
        if not reply.ok:
            raise Inconclusive(
                f"a new {resource.name} item cannot be created ({reply.status})",
                f"a create.body of the resource {resource.name} that the role full may send",
            )
        return slug, reply

    def create(
        self, resource: Resource, slug: str, role: str = "full", members: Mapping[str, Any] | None = None
    ) -> Exchange:
        """Create an item of this slug, with further members in its body, and note it for removal."""
        operation = self.operation(resource, "create", slug)
        reply = self.as_role(role, operation, document={**(operation.document or {}), **(members or {})})
        if reply.ok:
            self.remember(resource, slug)
        return reply

    def remember(self, resource: Resource, slug: str) -> None:
        """Note an item for removal at the end of its check, or of the run if checks share it."""
        if resource.item and resource.delete:
            self.ledger.created(f"{resource.name} {slug}", lambda: self._removed(resource, slug), temporary=True)

    def _removed(self, resource: Resource, slug: str) -> None:
        reply = self.send(self.operation(resource, "delete", slug), self.oauth.token("full"))
        if not reply.ok and reply.status not in ABSENT:
            raise RuntimeError(f"deleting answered {reply.status}")

    def state(self, operation: Operation) -> State:
        """Return the state of an operation's item as the owner reads it."""
        resource = operation.resource
        slug = self.slug_of(operation) if operation.kind != "read" else None
        if resource.item is None or slug is None:
            return State(0, b"")
        read = self.operation(resource, "read-item", slug)
        return state_of(lambda: self.as_role("full", read))

    def slug_of(self, operation: Operation) -> str | None:
        """Return the item's slug from an operation's path, or from the unique member of a create body."""
        resource = operation.resource
        if operation.kind == "create":
            found = (operation.document or {}).get(resource.unique or "slug")
            return found if isinstance(found, str) else None
        if resource.item is None:
            return None
        return named_in(operation.path, resource.item.path)

    def absent_path(self, resource: Resource) -> str:
        """Return a new path of an item of the resource that never existed.

        If names are numbers or UUIDs, it has one too: another text could be invalid there (400).
        """
        if resource.absent:
            own = named_in(resource.path, resource.absent)
            return str(filled(resource.absent, unused_name_like(own) if has_fixed_form(own) else self.names.new(), ""))
        if resource.item:
            return str(filled(resource.item.path, self.names.new(), ""))
        raise NotDeclared(f"the resource {resource.name} declares no absent path", "identity.resources.absent")

    def nowhere(self) -> str:
        """Return a new path that names nothing: below an API if another surface has the same host."""
        other_urls = (
            self.target.registry and self.target.registry.url,
            self.target.storage and self.target.storage.endpoint,
        )
        shared = any(each and on_one_host(each, self.http.base_url) for each in other_urls)
        above = self.resources[0].path.partition("?")[0].rstrip("/") if shared and self.resources else ""
        return f"{above}/{self.names.new()}"
