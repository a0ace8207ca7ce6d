"""A successful operation has its documented status, where one is documented."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.evidence.judgements.successes import (
    ACCEPTED_CHUNK,
    CREATED_BLOB,
    CREATED_MANIFEST,
    DELETED,
    OPENED_UPLOAD,
    REGISTRY,
    STORAGE,
    WRITTEN,
    Success,
    absent_fields,
    wrong_status,
)
from conformance.evidence.recorder import Recorder
from conformance.target.description import Registry, Secret, Storage, Target
from conformance.vocabulary.exchange import Exchange, Headers

UPLOADS = "/v2/orgs/acme/app/blobs/uploads/"
SIGNED = Headers([("x-amz-date", "20261129T000000Z")])


def done(method: str, path: str, status: int, asked: Headers = SIGNED) -> Exchange:
    return Exchange("x-1", method, f"http://h{path}", asked, b"", status, Headers([]), b"", 0.0, 0.0)


OTHER_STATUSES = {REGISTRY: {200, 203, 204}, STORAGE: {201, 202, 203}}


@pytest.mark.parametrize(
    ("surface", "what", "method", "path", "status"),
    [
        (REGISTRY, CREATED_MANIFEST, "PUT", "/v2/orgs/acme/app/manifests/v1", 201),
        (REGISTRY, CREATED_BLOB, "PUT", f"{UPLOADS}1?digest=sha256%3Aab", 201),
        (REGISTRY, CREATED_BLOB, "PUT", "/elsewhere/1?state=2&digest=sha256:ab", 201),
        (REGISTRY, OPENED_UPLOAD, "POST", UPLOADS, 202),
        (REGISTRY, ACCEPTED_CHUNK, "PATCH", f"{UPLOADS}1?state=2", 202),
        (REGISTRY, ACCEPTED_CHUNK, "PATCH", "/uploads/1", 202),
        (STORAGE, WRITTEN, "PUT", "/bucket/key", 200),
        (STORAGE, WRITTEN, "PUT", "/bucket/a//b/", 200),
        (STORAGE, WRITTEN, "PUT", "/bucket/key?X-Amz-Date=1&X-Amz-Signature=ab", 200),
        (STORAGE, WRITTEN, "PUT", "/bucket/key?partNumber=1&uploadId=2", 200),
        (STORAGE, WRITTEN, "POST", "/bucket/key?uploads", 200),
        (STORAGE, WRITTEN, "POST", "/bucket/key?uploads=", 200),
        (STORAGE, WRITTEN, "POST", "/bucket/key?uploadId=2", 200),
        (STORAGE, WRITTEN, "POST", "/bucket?delete", 200),
        (STORAGE, DELETED, "DELETE", "/bucket/key", 204),
        (STORAGE, DELETED, "DELETE", "/bucket/key?uploadId=2", 204),
    ],
)
def test_another_status_of_an_operation_is_reported(
    surface: tuple[Success, ...], what: str, method: str, path: str, status: int
) -> None:
    assert [wrong_status(done(method, path, each), path, surface) for each in (status, 400, 403, 500)] == [""] * 4
    assert {wrong_status(done(method, path, each), path, surface) for each in OTHER_STATUSES[surface]} == {what}


@pytest.mark.parametrize(
    ("surface", "method", "path"),
    [
        (REGISTRY, "POST", f"{UPLOADS}?digest=sha256:ab"),
        (REGISTRY, "POST", f"{UPLOADS}?mount=sha256:ab&from=orgs/acme/other"),
        (REGISTRY, "GET", "/v2/orgs/acme/app/manifests/v1"),
        (REGISTRY, "PUT", "/v2/orgs/acme/app/tags/list"),
        (REGISTRY, "PATCH", "/api/v1/organizations/acme"),
        (REGISTRY, "DELETE", "/v2/orgs/acme/app/manifests/v1"),
        (STORAGE, "PUT", "/bucket"),
        (STORAGE, "PUT", "/bucket/"),
        (STORAGE, "PUT", "/bucket/key?tagging"),
        (STORAGE, "DELETE", "/bucket/key?tagging"),
        (STORAGE, "DELETE", "/bucket"),
        (STORAGE, "GET", "/bucket/key"),
        (STORAGE, "POST", "/bucket/key"),
    ],
)
def test_an_operation_without_a_documented_status_passes(surface: tuple[Success, ...], method: str, path: str) -> None:
    assert wrong_status(done(method, path, 206), path, surface) == ""


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


def test_services_at_one_address_are_judged_separately() -> None:
    key = Secret("CT_S3_KEY", "a-key-of-the-gateway")
    target = Target(
        organization="acme",
        registry=Registry(url="http://h", repository="orgs/acme/app"),
        storage=Storage(endpoint="http://h", buckets=["bucket"], access_key=key, secret_key=key),
    )
    recorder, nobody = Recorder(), Headers([])
    recorder.passive_checks.watch_target(target, "0run")
    created = done("PUT", "/v2/orgs/acme/app/manifests/v1", 201, nobody)
    recorder.exchange(replace(created, headers=Headers([("Docker-Content-Digest", "sha256:ab")])))
    recorder.exchange(done("PUT", "/api/v1/projects/one", 204, nobody))
    recorder.exchange(done("PUT", "/bucket/key", 200))
    assert recorder.passive_checks.flaws == []
    for each in (done("PUT", "/v2/orgs/acme/app/manifests/v1", 200, nobody), done("PUT", "/bucket/key", 201)):
        recorder.exchange(replace(each, id=f"x-{each.status}"))
    assert [each["wrong"] for each in recorder.passive_checks.flaws] == [CREATED_MANIFEST, WRITTEN]
