"""What is told of what is written to a registry: a session that was told before, and another subject than was sent."""

from __future__ import annotations

import json

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.sessions import ANOTHER_SUBJECT, TOLD_BEFORE, Openings, subject_flaw
from conformance.vocabulary.exchange import Exchange, Headers

UPLOADS, MANIFEST = "/v2/orgs/acme/app/blobs/uploads/", "/v2/orgs/acme/app/manifests/v1"
SUBJECT, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def written(method: str, path: str, status: int, fields: dict[str, str], body: bytes = b"") -> Exchange:
    told = Headers([*fields.items()])
    return Exchange("x-1", method, f"http://h{path}", Headers([]), body, status, told, b"", 0.0, 0.0)


@pytest.mark.parametrize(
    ("method", "path", "status", "fields", "flaw"),
    [
        ("POST", UPLOADS, 202, {"Location": "/u/1"}, TOLD_BEFORE),
        ("POST", f"{UPLOADS}?mount=sha256:ab", 202, {"Location": "/u/1"}, TOLD_BEFORE),
        ("POST", UPLOADS, 202, {"Location": "/u/2", "Docker-Upload-UUID": "1"}, TOLD_BEFORE),
        ("POST", UPLOADS, 202, {"Location": "/u/1?state=2"}, ""),
        ("POST", UPLOADS, 202, {}, ""),
        ("POST", f"{UPLOADS}?mount=sha256:ab", 201, {"Location": "/u/1"}, ""),
        ("PATCH", f"{UPLOADS}1", 202, {"Location": "/u/1", "Docker-Upload-UUID": "1"}, ""),
    ],
)
def test_a_session_that_was_told_before_is_told(
    method: str, path: str, status: int, fields: dict[str, str], flaw: str
) -> None:
    openings = Openings()
    first = written("POST", UPLOADS, 202, {"Location": "/u/1", "Docker-Upload-UUID": "1"})
    assert openings.flaw(first, UPLOADS) == ""
    assert openings.flaw(written(method, path, status, fields), path) == flaw


@pytest.mark.parametrize(
    ("told", "sent", "flaw"),
    [
        (OTHER, {"subject": {"digest": SUBJECT}}, ANOTHER_SUBJECT),
        (SUBJECT, {"subject": {"digest": SUBJECT}}, ""),
        (OTHER, {}, ""),
        (OTHER, {"subject": None}, ""),
        (OTHER, [], ""),
    ],
)
def test_another_subject_than_was_sent_is_told(told: str, sent: object, flaw: str) -> None:
    pushed = written("PUT", MANIFEST, 201, {"OCI-Subject": told}, json.dumps(sent).encode())
    assert subject_flaw(pushed, MANIFEST).partition(DETAIL)[0] == flaw
    assert subject_flaw(written("PUT", MANIFEST, 201, {"OCI-Subject": told}, b"\xff{"), MANIFEST) == ""
    assert subject_flaw(written("PUT", MANIFEST, 201, {}, pushed.request_body), MANIFEST) == ""
