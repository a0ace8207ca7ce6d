"""Resources and items that the target file declares concealed from a role, and names of the same form as controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.clients.oauth.client import bearer
from conformance.sandbox.platform import Platform
from conformance.sandbox.templates import named_in
from conformance.target.description import Resource
from conformance.vocabulary.finding import Inconclusive, NotDeclared
from conformance.vocabulary.values import unused_name_like


@dataclass(frozen=True)
class Hidden:
    """A resource or item that must look absent to a role: ``template`` is its path with ``{slug}`` for its name.

    ``ours``: the run created it, so destructive requests to it are permitted.
    """

    role: str
    name: str
    template: str
    scope: str | None
    ours: bool

    def path(self, name: str) -> str:
        """Return the path of an item of the same resource by its name."""
        return self.template.replace("{slug}", name)

    def control(self) -> str:
        """Return a name of the same length and form that never existed."""
        return unused_name_like(self.name)


@dataclass
class ConcealedResources:
    """The resources and items that are declared concealed; the owner reads each once."""

    platform: Platform
    _shown: set[Hidden] = field(default_factory=set)

    def all(self) -> list[Hidden]:
        """Return the concealed resources; NotDeclared without any, Inconclusive if the owner cannot read one."""
        found = list(self._declared())
        if not found:
            raise NotDeclared(
                "no resource of the target file declares concealed_from with absent or item",
                "identity.resources.concealed_from",
            )
        for hidden in found:
            self._show(hidden)
        return found

    def token(self, hidden: Hidden, principal: str) -> str | None:
        """Return the role's token with all scopes or (``lacking-scope``) another scope; None for ``no-token``."""
        if principal == "no-token":
            return None
        scopes = self.platform.oauth.credential(hidden.role).scopes
        lacking = [each for each in scopes if each != hidden.scope]
        return self.platform.oauth.token(hidden.role, *(lacking[:1] if principal == "lacking-scope" else ()))

    def _declared(self) -> Iterator[Hidden]:
        for resource in self.platform.resources:
            if resource.absent and (name := named_in(resource.path, resource.absent)):
                for role in resource.concealed_from:
                    yield Hidden(role, name, resource.absent, resource.scope, ours=False)
            if resource.item and resource.create:
                if resource.item.hidden_from:
                    name = self._hidden_item(resource)
                    for role in resource.item.hidden_from:
                        yield Hidden(role, name, resource.item.path, resource.item.scope, ours=True)
                for role in resource.item.concealed_from:
                    slug = self.platform.item(resource)
                    yield Hidden(role, slug, resource.item.path, resource.item.scope, ours=True)

    def _hidden_item(self, resource: Resource) -> str:
        """Return the slug of an item that is hidden from other members of the organization, created once."""
        return self.platform.made_once(("hidden", resource.name), lambda: self.new_item(resource))

    def new_item(self, resource: Resource) -> str:
        """Create an item that is hidden from other members of the organization; Inconclusive if that fails."""
        slug = self.platform.names.new()
        reply = self.platform.create(resource, slug, members=resource.item.hidden_body if resource.item else None)
        if not reply.ok:
            raise Inconclusive(
                f"the hidden {resource.name} item cannot be created ({reply.status})", "a valid item.hidden_body"
            )
        return slug

    def _show(self, hidden: Hidden) -> None:
        if hidden in self._shown:
            return
        path = hidden.path(hidden.name)
        control = self.platform.http.get(path, [bearer(self.platform.oauth.token("full"))])
        if not control.ok:
            raise Inconclusive(f"{path} returns {control.status} to its owner", "a resource that full may read")
        self._shown.add(hidden)


def hiding(platform: Platform) -> list[tuple[Resource, str]]:
    """Return each resource whose items can be hidden, with each role they are hidden from; NotDeclared without any."""
    found = [
        (resource, role)
        for resource in platform.resources_with("create", "item", "unique")
        for role in (resource.item.hidden_from if resource.item and resource.item.hidden_body else ())
    ]
    if not found:
        raise NotDeclared(
            "no resource declares item.hidden_body and item.hidden_from", "identity.resources.item.hidden_body"
        )
    return found
