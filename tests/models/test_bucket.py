"""The model of a bucket."""

from __future__ import annotations

import pytest

from conformance.models.bucket import DONE, BucketModel, Condition, Page, Stored
from conformance.models.bucket_answers import OWNER, Answers
from conformance.oracles.s3_documents import Entry
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


def test_a_conditional_write_needs_its_condition() -> None:
    model = BucketModel()
    assert model.write_statuses("a", Condition.NONE_MATCH_ANY) == DONE
    assert model.write_statuses("a", Condition.MATCH_OTHER) == {404, 412}
    model.put("a", b"1")
    assert model.write_statuses("a", Condition.NONE_MATCH_ANY) == {412}
    assert model.write_statuses("a", Condition.MATCH_OWN) == DONE
    assert model.write_statuses("a", Condition.MATCH_OTHER) == {412}


def test_an_upload_is_visible_after_its_completion() -> None:
    model = BucketModel()
    model.open("u", "a", (("x-amz-meta-o", "v"),))
    model.send("u", 1, b"first")
    model.send("u", 1, b"again")
    model.send("u", 2, b", more")
    assert model.get("a") is None
    assert model.complete("u", [1, 2]) == [Stored(b"again, more", (("x-amz-meta-o", "v"),))]
    assert model.get("a") == Stored(b"again, more", (("x-amz-meta-o", "v"),))
    model.open("v", "a")
    model.abort("v")
    assert not model.uploads


@pytest.mark.parametrize(("found", "settled"), [(b"part", b"part"), (b"later", b"later"), (None, None), (b"", None)])
def test_a_write_during_an_upload_may_win(found: bytes | None, settled: bytes | None) -> None:
    model = BucketModel()
    model.open("u", "a")
    model.send("u", 1, b"part")
    model.put("a", b"later")
    if found is None:
        model.delete("a")
    possible = model.complete("u", [1])
    assert model.settle("a", possible, found) == (found != b"")
    if found != b"":
        stored = model.get("a")
        assert (stored.body if stored else None) == settled


def test_a_prefix_that_contains_the_start_is_left_open() -> None:
    model = BucketModel()
    for key in ("a/1", "a/2", "b"):
        model.put(key, b"")

    assert model.listing("", "/", "a/1") == Page(("b",), ("a/",), frozenset({"a/"}))
    assert model.listing("", "/", "a") == Page(("b",), ("a/",))


def answered(body: bytes, tag: str, **metadata: str) -> Exchange:
    fields = {"ETag": tag, **{f"x-amz-meta-{name}": value for name, value in metadata.items()}}
    return reply(200, body, fields)


def test_an_object_keeps_its_entity_tag() -> None:
    answers, stored = Answers(), Stored(b"1", ((OWNER, "alice"),))
    answers.expect_object(answered(b"1", '"t"', owner="alice"), stored)
    answers.expect_entry(Entry("a", 1, '"t"', ""), stored, answered(b"", ""))
    with pytest.raises(NonConformance, match="as in the earlier response"):
        answers.expect_object(answered(b"1", '"u"', owner="alice"), stored)
    with pytest.raises(NonConformance, match="size and entity tag"):
        answers.expect_entry(Entry("a", 1, '"u"', ""), stored, answered(b"", ""))
    answers.expect_object(answered(b"1", '"u"', owner="alice"), Stored(b"1", ((OWNER, "alice"),)))
