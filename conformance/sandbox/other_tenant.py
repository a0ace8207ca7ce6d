"""Things of the organization of the role foreign, which the target file declares: named, or made by the run there."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.clients.oauth.client import bearer
from conformance.evidence.passive_checks import canary_of
from conformance.oracles.state import State, state_of
from conformance.sandbox.platform import Platform
from conformance.sandbox.templates import filled
from conformance.target.description import Foreign, OtherOrganization, Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared

NEEDED = "foreign = { path = …, item = …, slug = … } for a resource of the target file"


def elsewhere(resource: Resource) -> Resource | None:
    """The same API in the other organization; None where the target file does not say what paths items have there."""
    other, item = resource.foreign, resource.item
    if other is None or other.item is None or item is None:
        return None
    return resource.model_copy(update={"path": other.path, "item": item.model_copy(update={"path": other.item})})


@dataclass(frozen=True)
class ForeignThing:
    """One thing of the other organization; ``template`` is its path there with ``{slug}`` for its slug.

    ``ours``: the run had it made, so that a request that destroys it harms nobody.
    """

    resource: Resource
    slug: str
    template: str
    ours: bool

    @property
    def elsewhere(self) -> bool:
        """Whether its path is another one than its like has in the organization under test."""
        return self.resource.item is None or self.template != self.resource.item.path

    def path(self, slug: str) -> str:
        """The path of the same kind in the other organization for a slug."""
        return self.template.replace("{slug}", slug)


@dataclass
class ForeignThings:
    """What the other organization has, each shown once to exist by the role foreign."""

    platform: Platform

    @property
    def organization(self) -> OtherOrganization:
        """The other organization; NotApplicable where the target file does not name it."""
        if self.platform.target.foreign is None:
            raise NotDeclared("the target file does not name the other organization: [targets.X.foreign]", "foreign")
        return self.platform.target.foreign

    @property
    def canaries(self) -> list[str]:
        """Texts that stand in what the other organization stored, and nowhere else."""
        declared = self.platform.target.foreign
        return [*(declared.canaries if declared else ()), canary_of(self.platform.names.run)]

    def declared(self) -> list[tuple[Resource, Foreign]]:
        """Resources with their like in the other organization; NotApplicable where none is declared."""
        found = [(each, each.foreign) for each in self.platform.resources if each.foreign is not None]
        if not found:
            raise NotDeclared(
                f"no resource declares its like in another organization: {NEEDED}", "identity.resources.foreign"
            )
        return found

    def places(self) -> list[tuple[Resource, Foreign]]:
        """Those whose like has a path of its own: one path for all leads each caller to what is its own."""
        found = [(resource, foreign) for resource, foreign in self.declared() if foreign.path != resource.path]
        if not found:
            raise NotApplicable("every declared path is the same in another organization")
        return found

    def things(self) -> list[ForeignThing]:
        """Things that exist there, of each resource: the one that is declared, and one that the run has made."""
        things = self.platform.made_once("foreign", self._all)
        if not things:
            raise NotDeclared(
                f"no resource names a thing of another organization: {NEEDED}", "identity.resources.foreign.slug"
            )
        return things

    def those_of(self, resource: Resource) -> list[ForeignThing]:
        """Those of one resource, which may be none."""
        things = self.platform.made_once("foreign", self._all)
        return [each for each in things if each.resource.name == resource.name]

    def _all(self) -> list[ForeignThing]:
        return [each for resource, foreign in self.declared() for each in self._of(resource, foreign)]

    def seen(self, path: str) -> Exchange:
        """What the role foreign reads."""
        return self.platform.request("GET", path, [bearer(self.platform.oauth.token("foreign"))])

    def state(self, thing: ForeignThing) -> State:
        """What the role foreign reads of a thing."""
        return state_of(lambda: self.seen(thing.path(thing.slug)))

    def _of(self, resource: Resource, foreign: Foreign) -> list[ForeignThing]:
        if foreign.item is None:
            return []
        found = [ForeignThing(resource, foreign.slug, foreign.item, ours=False)] if foreign.slug else []
        made = self._made(resource, foreign.path)
        found += [ForeignThing(resource, made, foreign.item, ours=True)] if made else []
        for thing in found:
            reply = self.seen(thing.path(thing.slug))
            if not reply.ok:
                raise Inconclusive(f"{thing.path(thing.slug)} is answered {reply.status} to the role foreign", NEEDED)
        return found

    def _made(self, resource: Resource, path: str) -> str | None:
        """Has the role foreign create one, with a canary in its text; None where that is not permitted."""
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
        if not reply.ok and reply.status != 404:
            raise RuntimeError(f"deleting answered {reply.status}")
