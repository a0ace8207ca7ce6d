"""The model of items: what is not there is 404, and what was deleted may be deleted again."""

from __future__ import annotations

from conformance.models.items import ItemsModel


def test_what_was_deleted_may_be_deleted_again() -> None:
    model = ItemsModel()
    model.create("a", {}, concealed=False)
    model.delete("a")
    assert model.may_miss("a", "delete") == {404, 200, 202, 204}
    assert model.may_miss("a", "read-item") == model.may_miss("a", "update") == model.may_miss("b", "delete") == {404}
