"""The run's part of a bucket is emptied as far as the gateway permits."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import Keys
from conformance.sandbox.bucket_prefix import STILL_LISTED, Space
from conformance.sandbox.ledger import Ledger, lines_of
from conformance.sandbox.names import Names
from conformance.vocabulary.exchange import Exchange
from tests.oracles.replies import answer as reply

EMPTY = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


class Stubborn(Space):
    """A bucket with one object, and an upload that is listed for ever."""

    def __init__(self) -> None:
        super().__init__(S3.__new__(S3), "b", Names("0tp1h00aaaa", "w0"))
        self.s3.keys = Keys("k", "s", "us-east-1")
        self.there = [self.key()]
        self.answer = ""
        self.s3.call = lambda _method, _bucket, key="", *_more: reply(200 if key in self.there else 404)  # type: ignore[method-assign]
        self.aborted = 0

    def list_uploads(self, prefix: str, **parameters: str) -> Exchange:
        upload = f"<Upload><Key>{prefix}x</Key><UploadId>1</UploadId></Upload>"
        return reply(200, f"<ListMultipartUploadsResult>{upload}</ListMultipartUploadsResult>")

    def abort(self, key: str, upload: str) -> Exchange:
        self.aborted += 1
        return reply(500)

    def listing(self, prefix: str, **parameters: str) -> Exchange:
        if self.answer:
            return reply(500 if self.answer == "error" else 200, EMPTY)
        listed = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in self.there)
        return reply(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>")

    def delete(self, key: str | bytes, headers: object = None) -> Exchange:
        self.there.remove(str(key))
        return reply(204)


def test_objects_are_removed_even_if_an_upload_remains() -> None:
    space = Stubborn()

    assert space.clean_up() == [(f"objects or uploads under {space.names.prefix} in b", STILL_LISTED)]

    assert space.there == []
    assert 1 < space.aborted <= 10, "what stays is tried a few times, not fifty"


@pytest.mark.parametrize("answer", ["error", "nothing"])
def test_objects_that_no_listing_shows_are_removed_by_their_names(answer: str, tmp_path: Path) -> None:
    space = Stubborn()
    space.ledger, space.there, space.answer = Ledger(tmp_path / "w0.ndjson"), [], answer
    for key in ("a", "b", "c"):
        space.there.append(space.names.prefix + key)
        space.put(space.names.prefix + key)
    assert [each["key"] for each in lines_of(tmp_path / "w0.ndjson")] == space.there
    space.clean_up()
    assert space.there == []


def test_a_key_is_forgotten_with_its_object_and_not_with_its_tags() -> None:
    space = Stubborn()
    key = space.there[0]
    space.put(key)
    space.delete_tags(key)
    assert [*space.acknowledged] == [*space.named] == [key]
    space.call("DELETE", key)
    assert not space.acknowledged and not space.named


def test_what_stays_is_counted_in_objects() -> None:
    space = Stubborn()
    space.answer, space.named = "error", dict.fromkeys([*space.there, space.key("other")])
    space.delete = lambda *_: reply(403)  # type: ignore[method-assign]
    (left,) = [each for each in space.clean_up() if "upload" not in each[0]]
    assert left == (f"2 objects under {space.names.prefix} in b", "the last deletion is answered 403")


def test_a_key_with_another_prefix_is_removed_after_a_failure() -> None:
    space = Stubborn()
    space.there = ["/other"]

    with pytest.raises(AssertionError), space.removing("/other"):
        raise AssertionError

    assert space.there == []
