"""The status of a success: another one is told of what has one, and nothing of what beside it may have any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.evidence.judgements.successes import (
    BAD_TAG,
    CREATED_BLOB,
    CREATED_MANIFEST,
    DELETED,
    OPENED_UPLOAD,
    RECEIVED,
    REGISTRY,
    STORAGE,
    TAKEN_CHUNK,
    WRITTEN,
    absent_fields,
    received_flaw,
    tag_flaw,
    told_otherwise,
)
from conformance.evidence.recorder import Recorder
from conformance.target.description import Registry, Secret, Storage, Target
from conformance.vocabulary.exchange import Exchange, Headers

UPLOADS = "/v2/orgs/acme/app/blobs/uploads/"
SIGNED = Headers([("x-amz-date", "20261129T000000Z")])


def done(method: str, path: str, status: int, asked: Headers = SIGNED) -> Exchange:
    return Exchange("x-1", method, f"http://h{path}", asked, b"", status, Headers([]), b"", 0.0, 0.0)


@pytest.mark.parametrize(
    ("what", "method", "path", "status"),
    [
        (CREATED_MANIFEST, "PUT", "/v2/orgs/acme/app/manifests/v1", 201),
        (CREATED_BLOB, "PUT", f"{UPLOADS}1?digest=sha256%3Aab", 201),
        (CREATED_BLOB, "PUT", "/elsewhere/1?state=2&digest=sha256:ab", 201),
        (OPENED_UPLOAD, "POST", UPLOADS, 202),
        (TAKEN_CHUNK, "PATCH", f"{UPLOADS}1?state=2", 202),
        (TAKEN_CHUNK, "PATCH", "/uploads/1", 202),
    ],
)
def test_each_success_of_a_registry_has_its_status(what: str, method: str, path: str, status: int) -> None:
    assert [told_otherwise(done(method, path, each), path, REGISTRY) for each in (status, 400, 500)] == [""] * 3
    assert {told_otherwise(done(method, path, each), path, REGISTRY) for each in (200, 203, 204)} == {what}


@pytest.mark.parametrize(
    ("what", "method", "path", "status"),
    [
        (WRITTEN, "PUT", "/bucket/key", 200),
        (WRITTEN, "PUT", "/bucket/a//b/", 200),
        (WRITTEN, "PUT", "/bucket/key?X-Amz-Date=1&X-Amz-Signature=ab", 200),
        (WRITTEN, "PUT", "/bucket/key?partNumber=1&uploadId=2", 200),
        (WRITTEN, "POST", "/bucket/key?uploads", 200),
        (WRITTEN, "POST", "/bucket/key?uploads=", 200),
        (WRITTEN, "POST", "/bucket/key?uploadId=2", 200),
        (WRITTEN, "POST", "/bucket?delete", 200),
        (DELETED, "DELETE", "/bucket/key", 204),
        (DELETED, "DELETE", "/bucket/key?uploadId=2", 204),
    ],
)
def test_each_success_of_a_gateway_has_its_status(what: str, method: str, path: str, status: int) -> None:
    assert [told_otherwise(done(method, path, each), path, STORAGE) for each in (status, 403, 500)] == [""] * 3
    assert {told_otherwise(done(method, path, each), path, STORAGE) for each in (201, 202, 203)} == {what}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{UPLOADS}?digest=sha256:ab"),
        ("POST", f"{UPLOADS}?mount=sha256:ab&from=orgs/acme/other"),
        ("GET", "/v2/orgs/acme/app/manifests/v1"),
        ("PUT", "/v2/orgs/acme/app/tags/list"),
        ("PATCH", "/api/v1/organizations/acme"),
        ("DELETE", "/v2/orgs/acme/app/manifests/v1"),
    ],
)
def test_what_a_registry_may_tell_otherwise(method: str, path: str) -> None:
    assert told_otherwise(done(method, path, 206), path, REGISTRY) == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/bucket"),
        ("PUT", "/bucket/"),
        ("PUT", "/bucket/key?tagging"),
        ("DELETE", "/bucket/key?tagging"),
        ("DELETE", "/bucket"),
        ("GET", "/bucket/key"),
        ("POST", "/bucket/key"),
    ],
)
def test_what_a_gateway_may_tell_otherwise(method: str, path: str) -> None:
    assert told_otherwise(done(method, path, 206), path, STORAGE) == ""


@pytest.mark.parametrize(
    ("path", "told", "flaw"),
    [
        (UPLOADS, "0-1", RECEIVED),
        (f"{UPLOADS}?mount=sha256:ab&from=orgs/acme/other", "bytes=0-10", RECEIVED),
        (UPLOADS, "0-0", ""),
        (UPLOADS, "bytes=0-0", ""),
        (UPLOADS, "", ""),
        (f"{UPLOADS}?digest=sha256:ab", "0-1", ""),
        (f"{UPLOADS}1", "0-1", ""),
    ],
)
def test_what_was_but_opened_has_received_nothing(path: str, told: str, flaw: str) -> None:
    opened = replace(done("POST", path, 202), headers=Headers([("Range", told)]))
    assert [received_flaw(replace(opened, status=each), path) for each in (202, 201, 416)] == [flaw, "", ""]
    assert received_flaw(replace(opened, method="PATCH"), path) == ""


@pytest.mark.parametrize(
    ("method", "path", "status", "names"),
    [
        ("PUT", "/v2/orgs/acme/app/manifests/v1", 201, ["Docker-Content-Digest"]),
        ("PUT", f"{UPLOADS}1?digest=sha256%3Aab", 201, ["Docker-Content-Digest"]),
        ("POST", UPLOADS, 202, ["Docker-Upload-UUID", "Range"]),
        ("PATCH", f"{UPLOADS}1", 202, ["Docker-Upload-UUID"]),
        ("PATCH", f"{UPLOADS}1", 416, []),
        ("PUT", "/v2/orgs/acme/app/manifests/v1", 202, []),
    ],
)
def test_documented_fields_that_a_success_lacks_are_flaws(
    method: str, path: str, status: int, names: list[str]
) -> None:
    bare = done(method, path, status)
    assert [flaw.split(" ")[1] for flaw in absent_fields(bare, path)] == names
    assert not list(absent_fields(replace(bare, headers=Headers((name, "0-0") for name in names)), path))


def test_services_on_one_address_are_told_apart() -> None:
    key = Secret("CT_S3_KEY", "a-key-of-the-gateway")
    target = Target(
        organization="acme",
        registry=Registry(url="http://h", repository="orgs/acme/app"),
        storage=Storage(endpoint="http://h", buckets=["bucket"], access_key=key, secret_key=key),
    )
    recorder, nobody = Recorder(), Headers([])
    recorder.watch.over(target, "0run")
    created = done("PUT", "/v2/orgs/acme/app/manifests/v1", 201, nobody)
    recorder.exchange(replace(created, headers=Headers([("Docker-Content-Digest", "sha256:ab")])))
    recorder.exchange(done("PUT", "/api/v1/projects/one", 204, nobody))
    recorder.exchange(done("PUT", "/bucket/key", 200))
    assert recorder.watch.flaws == []
    for each in (done("PUT", "/v2/orgs/acme/app/manifests/v1", 200, nobody), done("PUT", "/bucket/key", 201)):
        recorder.exchange(replace(each, id=f"x-{each.status}"))
    assert [each["wrong"] for each in recorder.watch.flaws] == [CREATED_MANIFEST, WRITTEN]


@pytest.mark.parametrize(
    ("tag", "flaw"), [('"ab-2"', ""), ("ab", BAD_TAG), ('W/"ab"', BAD_TAG), ('"ab', BAD_TAG), ("", BAD_TAG)]
)
def test_the_form_of_entity_tags(tag: str, flaw: str) -> None:
    told = replace(done("GET", "/bucket/key", 200), headers=Headers([("ETag", tag)]))
    assert [tag_flaw(replace(told, status=each), "/bucket/key") for each in (200, 206, 304, 404)] == [flaw] * 3 + [""]
    assert tag_flaw(told, "/bucket/a/b?partNumber=1") == flaw
    assert tag_flaw(done("PUT", "/bucket/key", 200), "/bucket/key") == ""


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/", []),
        ("/bucket?list-type=2", []),
        ("/bucket/key", [("Content-Encoding", "gzip")]),
        ("/bucket/key", [("Content-Type", "text/html")]),
    ],
)
def test_what_is_beside_objects_or_coded_may_have_a_weak_tag(path: str, fields: list[tuple[str, str]]) -> None:
    told = replace(done("GET", path, 200), headers=Headers([("ETag", 'W/"ab"'), *fields]))
    assert tag_flaw(told, path) == ""
