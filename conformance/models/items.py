"""What the items of an organization API are: by slug, with their texts, some concealed from other roles."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Item:
    """An item: the texts that were written last, by member, and whether it was made concealed."""

    texts: dict[str, str]
    concealed: bool


@dataclass
class ItemsModel:
    """The items by slug. ``gone`` are slugs that were deleted: a platform may keep them reserved."""

    items: dict[str, Item] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def may_create(self, slug: str) -> set[int]:
        """Statuses that a create of the slug may be answered."""
        if slug in self.items:
            return {409}
        return {*range(200, 300), 409} if slug in self.gone else set(range(200, 300))

    def create(self, slug: str, texts: dict[str, str], concealed: bool) -> None:
        """An item was made."""
        self.items[slug] = Item(texts, concealed)

    def update(self, slug: str, texts: dict[str, str], whole: bool) -> None:
        """An item was given other texts: beside those that it has, or (``whole``, as by PUT) in place of them all."""
        self.items[slug].texts = texts if whole else self.items[slug].texts | texts

    def delete(self, slug: str) -> None:
        """An item was removed."""
        del self.items[slug]
        self.gone.add(slug)

    def may_miss(self, slug: str, kind: str) -> set[int]:
        """Statuses that a request for what is not there may be answered; what was deleted may be deleted again."""
        return {404, 200, 202, 204} if kind == "delete" and slug in self.gone else {404}

    def visible(self, slug: str, owner: bool) -> bool:
        """Whether a role sees the item: its owner always, another one unless it is concealed."""
        item = self.items.get(slug)
        return item is not None and (owner or not item.concealed)
