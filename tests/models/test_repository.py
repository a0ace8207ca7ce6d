"""The models of a repository, of items and of credentials."""

from __future__ import annotations

from conformance.clients.registry.images import image, layer, manifest_of
from conformance.models.repository import AcceptedPushes, RepositoryModel

ONE, TWO = image("one"), image("two")


def test_a_manifest_that_lost_its_last_tag_may_be_collected() -> None:
    model = RepositoryModel()
    model.put(ONE, "a")
    model.put(ONE, "b")
    assert model.delete_tag("a") and model.certain(ONE.digest)
    assert model.delete_tag("b") and not model.certain(ONE.digest)
    assert not model.delete_tag("b")


def test_a_manifest_that_lost_its_tag_is_uncertain_until_it_is_pushed_again() -> None:
    model = RepositoryModel()
    model.put(ONE, "a")
    model.put(TWO, "a")
    assert model.named("a") is TWO and not model.certain(ONE.digest) and model.certain(TWO.digest)
    model.put(ONE, None)
    assert model.certain(ONE.digest)


def test_a_blob_that_lost_its_last_manifest_may_be_collected() -> None:
    model = RepositoryModel()
    for blob in ONE.blobs:
        model.put_blob(blob.digest)
    model.put(ONE, "a")
    model.delete_manifest(ONE.digest)
    lost = ONE.blobs[0].digest
    assert not model.certainly_has(lost) and model.deletion_statuses(lost) == {202, 404} and model.lacks(ONE) is None
    model.put_blob(lost)
    assert model.certainly_has(lost) and model.deletion_statuses(lost) == {202}
    model.delete_blob(lost)
    assert model.lacks(ONE) and model.deletion_statuses(lost) == {404}


def test_a_blob_may_be_collected_with_its_image() -> None:
    other = manifest_of(ONE.blobs[0], [layer("of its own")[0]])
    model = RepositoryModel(blobs={blob.digest for blob in (*ONE.blobs, *other.blobs)})
    model.put(ONE, "a")
    model.put(other, "b")
    model.put(ONE, "a")
    assert all(model.certainly_has(blob.digest) for blob in (*ONE.blobs, *other.blobs))
    model.put(other, "a")
    assert not model.certainly_has(ONE.blobs[1].digest) and model.deletion_statuses(ONE.blobs[1].digest) == {202, 404}
    assert all(model.certainly_has(blob.digest) for blob in other.blobs)


def test_a_tag_is_known_in_any_spelling_of_the_path() -> None:
    taken = AcceptedPushes()
    taken.put("v%31", b"one")
    taken.put("v2", b"two")
    taken.put("v2", b"three")
    assert (taken.named("v1"), taken.named("v2"), taken.named("v3")) == (b"one", b"three", None)
