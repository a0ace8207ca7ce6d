"""The run's part of a bucket is emptied as far as the gateway permits."""

from __future__ import annotations

import pytest

from conformance.clients.s3.client import S3
from conformance.clients.s3.sigv4 import Keys
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive
from tests.oracles.s3_replies import reply


class Stubborn(Space):
    """A bucket with one object, and an upload that is listed for ever."""

    def __init__(self) -> None:
        super().__init__(S3.__new__(S3), "b", Names("0tp1h00aaaa", "w0"))
        self.s3.keys = Keys("k", "s", "us-east-1")
        self.there = [self.key()]
        self.aborted = 0

    def list_uploads(self, prefix: str, **parameters: str) -> Exchange:
        upload = f"<Upload><Key>{prefix}x</Key><UploadId>1</UploadId></Upload>"
        return reply(200, f"<ListMultipartUploadsResult>{upload}</ListMultipartUploadsResult>")

    def abort(self, key: str, upload: str) -> Exchange:
        self.aborted += 1
        return reply(500)

    def listing(self, prefix: str, **parameters: str) -> Exchange:
        listed = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in self.there)
        return reply(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>")

    def delete(self, key: str | bytes, headers: object = None) -> Exchange:
        self.there.remove(str(key))
        return reply(204)


def test_objects_are_removed_even_if_an_upload_remains() -> None:
    space = Stubborn()

    with pytest.raises(Inconclusive, match="cannot be removed"):
        space.clean_up()

    assert space.there == []
    assert 1 < space.aborted <= 10, "what stays is tried a few times, not fifty"


def test_a_key_with_another_prefix_is_removed_after_a_failure() -> None:
    space = Stubborn()
    space.there = ["/other"]

    with pytest.raises(AssertionError), space.removing("/other"):
        raise AssertionError

    assert space.there == []
