"""A model of an organization API's items: by slug, with their texts, some concealed from other roles."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Item:
    """An item: its latest texts by member, and whether it is concealed."""

    texts: dict[str, str]
    concealed: bool


@dataclass
class ItemsModel:
    """The items by slug. ``gone`` are deleted slugs, which a platform may reserve."""

    items: dict[str, Item] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def create_statuses(self, slug: str) -> set[int]:
        """Return the permitted statuses of a creation."""
        if slug in self.items:
            return {409}
        return {*range(200, 300), 409} if slug in self.gone else set(range(200, 300))

    def create(self, slug: str, texts: dict[str, str], concealed: bool) -> None:
        """Create an item."""
        self.items[slug] = Item(texts, concealed)

    def update(self, slug: str, texts: dict[str, str], whole: bool) -> None:
        """Merge texts into an item, or (``whole``, as by PUT) replace them all."""
        self.items[slug].texts = texts if whole else self.items[slug].texts | texts

    def delete(self, slug: str) -> None:
        """Delete an item."""
        del self.items[slug]
        self.gone.add(slug)

    def missing_statuses(self, slug: str, kind: str) -> set[int]:
        """Return the permitted statuses of a request for a missing item; a deletion may be repeated."""
        return {404, 200, 202, 204} if kind == "delete" and slug in self.gone else {404}

    def visible(self, slug: str, owner: bool) -> bool:
        """Return whether a role sees the item: its owner always, others unless it is concealed."""
        item = self.items.get(slug)
        return item is not None and (owner or not item.concealed)
