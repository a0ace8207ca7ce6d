"""A sequence of generated changes leaves the items of an API equal to those of a model."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from conformance.clients.oauth.client import HeaderFields
from conformance.models.items import ItemsModel
from conformance.oracles.documents import distinct_texts, shows
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.platform import Platform
from conformance.strategies.properties import Machine, initialize, rule, run_machine
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

STEPS, SHARE, NAMES = 15, 0.6, 2
# Text without escapes in JSON and in regular expressions.
# An index into the existing slugs, or into the absent ones.
PLACES = st.integers(0, NAMES - 1)


def _uses_if_match(resource: Resource) -> bool:
    """Return whether updates of the resource use If-Match."""
    return resource.update is not None and resource.update.concurrency == "If-Match"


class ItemsMachine(Machine):
    """Applies the same changes to the items of a resource and to their model."""

    platform: Platform
    resource: Resource

    @initialize()
    def begin(self) -> None:
        """Begin with names that no item has."""
        self.model = ItemsModel()
        self.names = [self.platform.names.new("model") for _ in range(NAMES)]

    def _existing(self, place: int) -> str:
        existing = sorted(self.model.items, key=self.names.index)
        return existing[place % len(existing)]

    def _absent(self, place: int) -> str:
        absent = [each for each in self.names if each not in self.model.items]
        return absent[place % len(absent)]

    def _sent(self, kind: str, slug: str, role: str = "full", fields: HeaderFields = ()) -> Exchange:
        return self.platform.as_role(role, self.platform.operation(self.resource, kind, slug), fields)

    @precondition(lambda self: len(self.model.items) < len(self.names))
    @rule(place=PLACES, concealed=st.booleans())
    def create(self, place: int, concealed: bool) -> None:
        """Create an item, visible to all or to the owner only."""
        self._create(self._absent(place), concealed)

    def _create(self, slug: str, concealed: bool) -> None:
        operation = self.platform.operation(self.resource, "create", slug)
        hidden = self.resource.item.hidden_body if self.resource.item and concealed else None
        document = {**(operation.document or {}), **(hidden or {})}
        reply = self.platform.as_role("full", operation, document=document)
        if reply.ok:
            self.platform.remember(self.resource, slug)
        expect_status(reply, self.model.create_statuses(slug), "for a slug that is not taken")
        if reply.ok:
            self.model.create(slug, distinct_texts(document), bool(hidden))

    @precondition(lambda self: self.model.items)
    @rule(place=PLACES)
    def create_taken(self, place: int) -> None:
        """Create an item with the slug of an existing one."""
        slug = self._existing(place)
        expect_status(self._sent("create", slug), self.model.create_statuses(slug), "for a slug that is taken")

    @precondition(lambda self: self.model.items and self.resource.update)
    @rule(place=PLACES)
    def update(self, place: int) -> None:
        """Update an item; PUT, which replaces it (RFC 9110 section 9.3.4), states again that it is hidden."""
        slug = self._existing(place)
        operation = self.platform.operation(self.resource, "update", slug)
        document, whole = operation.document or {}, operation.method == "PUT"
        if whole and self.model.items[slug].concealed and self.resource.item:
            document = {**document, **(self.resource.item.hidden_body or {})}
        expect_success(self.platform.as_role("full", operation, document=document), "for an update of an existing item")
        self.model.update(slug, distinct_texts(document), whole)

    @precondition(lambda self: self.model.items and _uses_if_match(self.resource))
    @rule(place=PLACES)
    def update_stale(self, place: int) -> None:
        """Update an item with an ETag that it does not have."""
        slug = self._existing(place)
        reply = self._sent("update", slug, fields=[("If-Match", '"cf-stale"')])
        expect_status(reply, {409, 412}, "for an update by another validator")

    @precondition(lambda self: self.model.items and self.resource.delete)
    @rule(place=PLACES, made_again=st.booleans(), concealed=st.booleans())
    def delete(self, place: int, made_again: bool, concealed: bool) -> None:
        """Delete an item, and perhaps create another with its slug at once."""
        slug = self._existing(place)
        expect_success(self._sent("delete", slug), "for a deletion of an existing item")
        self.model.delete(slug)
        if made_again:
            self._create(slug, concealed)
            self._read(slug)

    @precondition(lambda self: len(self.model.items) < len(self.names))
    @rule(place=PLACES, kind=st.sampled_from(["read-item", "update", "delete"]))
    def miss(self, place: int, kind: str) -> None:
        """Read, update or delete an absent item."""
        if kind == "read-item" or getattr(self.resource, kind):
            slug = self._absent(place)
            expect_status(self._sent(kind, slug), self.model.missing_statuses(slug, kind), "for an absent item")

    @precondition(lambda self: self.model.items)
    @rule(place=PLACES)
    def read(self, place: int) -> None:
        """Read an item as its owner, who sees the last texts, and as each role that may not see hidden items."""
        self._read(self._existing(place))

    def _read(self, slug: str) -> None:
        self._expect_as_model(self._sent("read-item", slug), slug, owner=True)
        for role in self.resource.item.hidden_from if self.resource.item else ():
            self._expect_as_model(self._sent("read-item", slug, role), slug, owner=False)

    def _expect_as_model(self, reply: Exchange, slug: str, owner: bool) -> None:
        if not self.model.visible(slug, owner):
            expect_status(reply, 404, "for an absent or concealed item")
            return
        expect_status(reply, 200, "for an existing item")
        for name, text in self.model.items[slug].texts.items():
            if not _contains(reply, name, text):
                raise NonConformance(f"{name} {worded(text)}, as last written", observed(reply), reply)


def _contains(reply: Exchange, name: str, text: str) -> bool:
    """Return whether a member contains a text, or the response if no text has that name."""
    try:
        document = reply.json()
    except ValueError:
        return shows(reply, text)
    value = document.get(name) if isinstance(document, dict) else None
    return text in value if isinstance(value, str) else shows(reply, text)


def _declared(resource: Resource) -> int:
    """Return how many features of the model a resource declares."""
    hidden = resource.item and resource.item.hidden_from
    return sum(map(bool, (resource.update, resource.delete, hidden, _uses_if_match(resource))))


@verifies("errors/model/items-match-their-model")
def test_items_match_their_model(platform: Platform) -> None:
    """Purpose: any sequence of changes must leave the items as those changes specify.
    Method: 1. create (hidden or not), update (stale too), delete and read two slugs in any order, as several roles
            2. compare each response with a model; report the shortest sequence with a difference
    """
    resources = [each for each in platform.resources_with("create", "item") if each.unique]
    for resource in sorted(resources, key=_declared, reverse=True)[:1]:
        run_machine(type("ItemsMachine", (ItemsMachine,), {"platform": platform, "resource": resource}), SHARE, STEPS)
