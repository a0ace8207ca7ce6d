"""Items of the other organization (role foreign): declared in the target file, or created by the run."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.clients.oauth.client import bearer
from conformance.evidence.passive_checks import canary_of
from conformance.oracles.state import State, state_of
from conformance.sandbox.ledger import ABSENT
from conformance.sandbox.platform import Platform
from conformance.sandbox.templates import filled
from conformance.target.description import Foreign, OtherOrganization, Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared

NEEDED = "foreign = { path = …, item = …, slug = … } for a resource of the target file"


def elsewhere(resource: Resource) -> Resource | None:
    """Return the same API in the other organization; None if the target file declares no paths of items there."""
    other, item = resource.foreign, resource.item
    if other is None or other.item is None or item is None:
        return None
    return resource.model_copy(update={"path": other.path, "item": item.model_copy(update={"path": other.item})})


@dataclass(frozen=True)
class ForeignItem:
    """An item of the other organization; ``template`` is its path there with ``{slug}`` for its slug.

    ``ours``: the run created it, so destructive requests to it are permitted.
    """

    resource: Resource
    slug: str
    template: str
    ours: bool

    @property
    def elsewhere(self) -> bool:
        """Whether its path differs from that of such an item in the organization under test."""
        return self.resource.item is None or self.template != self.resource.item.path

    def path(self, slug: str) -> str:
        """Return the path of an item of this resource in the other organization by its slug."""
        return self.template.replace("{slug}", slug)


@dataclass
class ForeignItems:
    """The items of the other organization; the role foreign reads each once."""

    platform: Platform

    @property
    def organization(self) -> OtherOrganization:
        """The other organization; NotDeclared if the target file does not name it."""
        if self.platform.target.foreign is None:
            raise NotDeclared("the target file does not name the other organization: [targets.X.foreign]", "foreign")
        return self.platform.target.foreign

    @property
    def canaries(self) -> list[str]:
        """Texts that only content of the other organization contains."""
        declared = self.platform.target.foreign
        return [*(declared.canaries if declared else ()), canary_of(self.platform.names.run)]

    def declared(self) -> list[tuple[Resource, Foreign]]:
        """Return the resources that both organizations have; NotDeclared without any."""
        found = [(each, each.foreign) for each in self.platform.resources if each.foreign is not None]
        if not found:
            raise NotDeclared(
                f"no resource declares its counterpart in another organization: {NEEDED}", "identity.resources.foreign"
            )
        return found

    def places(self) -> list[tuple[Resource, Foreign]]:
        """Return the resources that have another path in the other organization."""
        found = [(resource, foreign) for resource, foreign in self.declared() if foreign.path != resource.path]
        if not found:
            raise NotApplicable("every declared path is the same in another organization")
        return found

    def items(self) -> list[ForeignItem]:
        """Return the items of each resource: the declared one, and one that the run created."""
        items = self.platform.made_once("foreign", self._all)
        if not items:
            raise NotDeclared(
                f"no resource names an item of another organization: {NEEDED}", "identity.resources.foreign.slug"
            )
        return items

    def items_of(self, resource: Resource) -> list[ForeignItem]:
        """Return the items of one resource, which may be none."""
        items = self.platform.made_once("foreign", self._all)
        return [each for each in items if each.resource.name == resource.name]

    def _all(self) -> list[ForeignItem]:
        return [each for resource, foreign in self.declared() for each in self._of(resource, foreign)]

    def read(self, path: str) -> Exchange:
        """Read a path as the role foreign."""
        return self.platform.request("GET", path, [bearer(self.platform.oauth.token("foreign"))])

    def state(self, item: ForeignItem) -> State:
        """Return the state of an item as the role foreign reads it."""
        return state_of(lambda: self.read(item.path(item.slug)))

    def _of(self, resource: Resource, foreign: Foreign) -> list[ForeignItem]:
        if foreign.item is None:
            return []
        found = [ForeignItem(resource, foreign.slug, foreign.item, ours=False)] if foreign.slug else []
        created = self._created(resource, foreign.path)
        found += [ForeignItem(resource, created, foreign.item, ours=True)] if created else []
        for item in found:
            reply = self.read(item.path(item.slug))
            if not reply.ok:
                raise Inconclusive(f"{item.path(item.slug)} returns {reply.status} to the role foreign", NEEDED)
        return found

    def _created(self, resource: Resource, path: str) -> str | None:
        """Create an item with a canary in its text as the role foreign; return its slug, None if that is refused."""
        if resource.create is None or resource.delete is None:
            return None
        slug = self.platform.names.new()
        operation = self.platform.operation(resource, "create", slug)
        self.platform.ledger.intends("item", resource=resource.name, slug=slug, role="foreign")
        text = f"{canary_of(self.platform.names.run)} of {slug}"
        reply = self.platform.as_role(
            "foreign", operation, path=path, document=filled(resource.create.body, slug, text)
        )
        if not reply.ok:
            return None
        self.platform.ledger.created(f"{resource.name} {slug} (foreign)", lambda: self._removed(resource, slug))
        return slug

    def _removed(self, resource: Resource, slug: str) -> None:
        operation = self.platform.operation(elsewhere(resource) or resource, "delete", slug)
        reply = self.platform.as_role("foreign", operation, reader="foreign")
        if not reply.ok and reply.status not in ABSENT:
            raise RuntimeError(f"deleting answered {reply.status}")
