"""Items of an organization API against a model of them: any sequence of changes leaves both the same."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from conformance.models.items import ItemsModel
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.strategies.explore import Machine, run_machine
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

STEPS, SHARE, NAMES = 15, 0.6, 2
SHORTEST = 8
slugs = st.integers(0, NAMES - 1)


def _texts(document: dict[str, Any] | None) -> dict[str, str]:
    """The texts of a body that are long enough to be told from others."""
    return {
        name: value for name, value in (document or {}).items() if isinstance(value, str) and len(value) >= SHORTEST
    }


class ItemsMachine(Machine):
    """Does the same to the items of a resource and to their model."""

    platform: Platform
    resource: Resource

    @initialize()
    def begin(self) -> None:
        """Begins with names that nothing bears."""
        self.model = ItemsModel()
        self.names = [self.platform.names.new("model") for _ in range(NAMES)]
        self.written: dict[str, dict[str, str]] = {}

    def _operation(self, kind: str, number: int) -> tuple[str, Operation]:
        slug = self.names[number]
        return slug, self.platform.operation(self.resource, kind, slug)

    @rule(number=slugs, concealed=st.booleans())
    def create(self, number: int, concealed: bool) -> None:
        """A create, of a slug that may be taken."""
        slug, operation = self._operation("create", number)
        hidden = self.resource.item.hidden_body if self.resource.item and concealed else None
        document = {**(operation.document or {}), **(hidden or {})}
        reply = self.platform.as_role("full", operation, document=document)
        if reply.ok and slug not in self.model.items:
            self.platform.remember(self.resource, slug)
        expect_status(reply, self.model.may_create(slug), f"for the slug of number {number}")
        if reply.ok:
            self._note(slug, _texts(document))
            self.model.create(slug, tuple(self.written[slug].values()), bool(hidden))

    @rule(number=slugs)
    def update(self, number: int) -> None:
        """An update of an item, which may not be there."""
        if self.resource.update is None:
            return
        slug, operation = self._operation("update", number)
        reply = self.platform.as_role("full", operation)
        if slug not in self.model.items:
            expect_status(reply, 404, "for an item that is not there")
            return
        expect_success(reply, "for an update of what is there")
        self._note(slug, {**self.written[slug], **_texts(operation.document)})
        self.model.update(slug, tuple(self.written[slug].values()))

    @rule(number=slugs)
    def update_stale(self, number: int) -> None:
        """An update by a validator that is no longer the item's."""
        if self.resource.update is None or self.resource.update.concurrency != "If-Match":
            return
        slug, operation = self._operation("update", number)
        if slug in self.model.items:
            reply = self.platform.as_role("full", operation, [("If-Match", '"cf-stale"')])
            expect_status(reply, {409, 412}, "for an update by another validator")

    @rule(number=slugs)
    def delete(self, number: int) -> None:
        """A deletion of an item, which may not be there."""
        if self.resource.delete is None:
            return
        slug, operation = self._operation("delete", number)
        reply = self.platform.as_role("full", operation)
        if slug in self.model.items:
            expect_success(reply, "for a deletion of what is there")
            self.model.delete(slug)
        else:
            expect_status(reply, 404, "for an item that is not there")

    @rule(number=slugs)
    def read(self, number: int) -> None:
        """A read by the owner: the texts that were written last."""
        slug, operation = self._operation("read-item", number)
        reply = self.platform.as_role("full", operation)
        self._expect_as_model(reply, slug, owner=True)

    @rule(number=slugs)
    def read_as_other(self, number: int) -> None:
        """A read by a role from which concealed items are hidden."""
        for role in self.resource.item.hidden_from if self.resource.item else ():
            slug, operation = self._operation("read-item", number)
            self._expect_as_model(self.platform.as_role(role, operation), slug, owner=False)

    def _expect_as_model(self, reply: Exchange, slug: str, owner: bool) -> None:
        if not self.model.visible(slug, owner):
            expect_status(reply, 404, "for an item that is not there, or concealed")
            return
        expect_status(reply, 200, "for an item that is there")
        for text in self.model.items[slug].texts:
            if text not in reply.text:
                raise NonConformance(f"{text!r}, as was written last", observed(reply), reply)

    def _note(self, slug: str, texts: dict[str, str]) -> None:
        self.written[slug] = texts


@verifies("errors/model/items-are-as-their-model")
def test_items_are_as_their_model(platform: Platform) -> None:
    """Purpose: whatever changes come in whatever order, the items are what those changes say they are.

    Method: 1. do a sequence of creations (concealed or not), updates (stale ones too), deletions and reads of two
               slugs by their owner and by roles that may not know all
            2. after each compare with a model; on a difference look for the shortest sequence that shows it
    """
    resources = [each for each in platform.resources_with("create", "item") if each.unique]
    for resource in resources[:1]:
        run_machine(type("ItemsMachine", (ItemsMachine,), {"platform": platform, "resource": resource}), SHARE, STEPS)
