"""The model of a bucket."""

from __future__ import annotations

from conformance.models.bucket import BucketModel, Page, grouped


def test_objects_come_and_go() -> None:
    model = BucketModel()
    model.put("a", b"1", (("x-amz-meta-o", "v"),))

    assert model.copy("a", "b")
    assert not model.copy("missing", "c")
    model.delete("a", "never")
    assert model.get("a") is None
    assert model.get("b") == model.objects["b"]
    assert model.objects["b"].body == b"1"


def test_grouping_is_at_the_first_delimiter_behind_the_prefix() -> None:
    assert grouped(["a", "b/1", "b/c/2", "é"], "", "/") == (["a", "é"], ["b/"])
    assert grouped(["a", "b/1", "b/c/2"], "b/", "/") == (["b/1"], ["b/c/"])
    assert grouped(["b", "a/1"], "", "") == (["a/1", "b"], [])


def test_prefix_that_holds_the_start_is_left_open() -> None:
    model = BucketModel()
    for key in ("a/1", "a/2", "b"):
        model.put(key, b"")

    assert model.listing("", "/", "a/1") == Page(("b",), ("a/",), frozenset({"a/"}))
    assert model.listing("", "/", "a") == Page(("b",), ("a/",))
