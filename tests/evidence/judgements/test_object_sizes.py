"""How long an object is: told twice alike it is silent, and told otherwise of one tag it is a flaw."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import object_sizes
from conformance.evidence.judgements.object_sizes import ANOTHER_SIZE, Sizes
from conformance.evidence.judgements.result_documents import read_result
from conformance.vocabulary.exchange import Exchange, Headers

LIST = "/b?prefix=k"


def read(tag: str, length: str, method: str = "HEAD", status: int = 200, coded: str = "") -> Exchange:
    fields = [("ETag", tag), ("Content-Length", length), *([("Content-Encoding", coded)] if coded else [])]
    return Exchange("x-1", method, "http://h", Headers([]), b"", status, Headers(fields), b"", 0.0, 0.0)


def listed(tag: str, size: str, key: str = "k") -> Exchange:
    entry = f"<Contents><Key>{key}</Key><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
    body = f"<ListBucketResult>{entry}</ListBucketResult>".encode()
    return Exchange("x-1", "GET", "http://h", Headers([]), b"", 200, Headers([]), body, 0.0, 0.0)


def flaw_of(sizes: Sizes, reply: Exchange, path: str) -> str:
    return sizes.flaw(reply, path, read_result(reply))


def test_one_size_of_a_tag_is_no_flaw() -> None:
    sizes = Sizes()
    for reply, path in (
        (read('"t"', "4"), "/b/k"),
        (listed("&quot;t&quot;", "4"), LIST),
        (read('"t"', "4", "GET"), "/b/k?response-cache-control=no-cache"),
        (read('"u"', "5"), "/b/k"),
        (read('"t"', "5"), "/b/other"),
        (read('"t"', "9", "GET", coded="gzip"), "/b/k"),
        (read('"t"', "2", "GET", 206), "/b/k"),
        (read('W/"t"', "9"), "/b/k"),
        (read('"t"', "9", "PUT"), "/b/k"),
        (listed("t", "9", "k%20l"), LIST),
        (read('"t"', "9", "GET"), "/b/k?partNumber=1"),
    ):
        assert not flaw_of(sizes, reply, path)


def test_another_size_of_a_tag_is_a_flaw() -> None:
    sizes = Sizes()
    flaw_of(sizes, read('"t"', "4"), "/b/k")
    assert flaw_of(sizes, listed("&quot;t&quot;", "14"), LIST) == f"{ANOTHER_SIZE}; 14 bytes of /b/k under t, not 4"
    assert flaw_of(sizes, read('"t"', "3", "GET"), "/b/k") == f"{ANOTHER_SIZE}; 3 bytes of /b/k under t, not 4"


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_sizes, "MOST", 2)
    sizes = Sizes()
    for key in "abc":
        flaw_of(sizes, read('"t"', "4"), f"/b/{key}")

    assert flaw_of(sizes, read('"t"', "5"), "/b/b").startswith(ANOTHER_SIZE)
    assert not flaw_of(sizes, read('"t"', "5"), "/b/c")
