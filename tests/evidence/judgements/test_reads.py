"""What a registry's reads tell of themselves: another digest, name or type is told, and nothing where that is open."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.reads import (
    ANOTHER_DIGEST,
    ANOTHER_NAME,
    NO_INDEX,
    NO_JSON,
    digest_flaw,
    list_flaw,
)
from conformance.vocabulary.exchange import Exchange, Headers

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
APP = "/v2/orgs/acme/app"
JSON, GZIP = ("Content-Type", "application/json; charset=utf-8"), ("Content-Encoding", "gzip")
INDEX = ("Content-Type", "application/vnd.oci.image.index.v1+json")


def read(path: str, status: int, fields: list[tuple[str, str]], body: bytes = b"", method: str = "GET") -> Exchange:
    return Exchange("x-1", method, f"http://h{path}", Headers([]), b"", status, Headers(fields), body, 0.0, 0.0)


@pytest.mark.parametrize(
    ("path", "told", "flaw"),
    [
        (f"{APP}/blobs/{DIGEST}", OTHER, ANOTHER_DIGEST),
        (f"{APP}/manifests/{DIGEST}", OTHER, ANOTHER_DIGEST),
        (f"{APP}/blobs/{DIGEST}", DIGEST, ""),
        (f"{APP}/blobs/{DIGEST}", f"sha512:{'a' * 128}", ""),
        (f"{APP}/blobs/{DIGEST}", "", ""),
        (f"{APP}/manifests/v1", OTHER, ""),
        (f"{APP}/referrers/{DIGEST}", OTHER, ""),
    ],
)
def test_another_digest_than_the_one_asked_for_is_told(path: str, told: str, flaw: str) -> None:
    fields = [("Docker-Content-Digest", told)]
    found = [digest_flaw(read(path, each, fields), path) for each in (200, 206, 304, 307, 404)]
    assert [each.partition(DETAIL)[0] for each in found] == [flaw] * 3 + [""] * 2
    assert digest_flaw(read(path, 201, fields, method="PUT"), path) == ""


@pytest.mark.parametrize(
    ("path", "fields", "body", "flaw"),
    [
        (f"{APP}/tags/list", [JSON], b'{"name": "orgs/acme/app", "tags": []}', ""),
        (f"{APP}/tags/list?n=1", [JSON], b'{"name": "orgs/acme/other", "tags": []}', ANOTHER_NAME),
        (f"{APP}/tags/list?n=1", [JSON], b'{"tags": ["a"]}', ANOTHER_NAME),
        (f"{APP}/tags/list", [JSON, GZIP], b"\x1f\x8b", ""),
        (f"{APP}/tags/list", [JSON], b"{", ""),
        (f"{APP}/tags/list", [JSON], b"[]", ""),
        (f"{APP}/tags/list", [("Content-Type", "text/plain")], b'{"name": "orgs/acme/app", "tags": []}', NO_JSON),
        ("/v2/orgs//acme/app/tags/list", [], b"", ""),
        ("/v2/orgs/acme/App/tags/list", [JSON], b'{"name": "orgs/acme/app", "tags": []}', ""),
        ("/lists/orgs/acme/app/tags/list", [], b"", ""),
        (f"{APP}/referrers/{DIGEST}?artifactType=a", [INDEX], b"{}", ""),
        (f"{APP}/referrers/{DIGEST}?artifactType=a", [JSON], b"{}", NO_INDEX),
        (f"{APP}/referrers/sha256:ab", [JSON], b"{}", ""),
    ],
)
def test_what_a_list_tells_of_itself(path: str, fields: list[tuple[str, str]], body: bytes, flaw: str) -> None:
    found = [list_flaw(read(path, each, fields, body), path) for each in (200, 404)]
    assert [each.partition(DETAIL)[0] for each in found] == [flaw, ""]
    assert list_flaw(read(path, 200, fields, method="HEAD"), path) == ""
