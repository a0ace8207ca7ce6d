"""Defects that show when a request is a little odd, or comes from where it should not."""

from __future__ import annotations

import json

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.state import DOCKER_MANIFEST


class RefusalBehindHead(Defect):
    """RFC 9112 section 6.3: the answer to HEAD ends with its head, whatever its status."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-end-with-their-head#absent",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 404:
            answer.astray = b'{"errors": []}'
        return answer


class ManifestBehindHead(Defect):
    """RFC 9112 section 6.3: what HEAD tells of does not come behind it."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-end-with-their-head#head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "manifest" and answer.status == 200:
            answer.astray = answer.body
        return answer


class NullBehindNotModified(Defect):
    """RFC 9112 section 6.3: 304 ends with its head, and no document of nothing comes behind it."""

    surface = "registry"
    noticed_by = ("registry/pull/head-and-304-end-with-their-head#not-modified",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.astray = b"null"
        return answer


class StreamRefused(Defect):
    """Docker Registry V2, Changes, b: a body of unknown length can be streamed to an upload."""

    surface = "registry"
    noticed_by = ("registry/upload/streamed",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method == "PATCH" and "content-length" not in request.headers:
            return Answer.json(411, {"errors": [{"code": "SIZE_INVALID", "message": "a length is needed"}]})
        return None


class ManifestConverted(Defect):
    """distribution-spec 1.1, Pushing Manifests: a manifest is given as it was pushed, whatever Accept says."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-is-never-converted#another-type",
        "registry/pull/manifest-is-never-converted#html",
        "registry/pull/manifest-is-never-converted#index",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        told = answer.headers.get("content-type", "")
        accepted = request.headers.get("accept", "*/*")
        minded = told not in accepted and "*/*" not in accepted
        if request.method == "GET" and kind_of(request) == "manifest" and answer.status == 200 and minded:
            answer.body = json.dumps({**json.loads(answer.body), "mediaType": DOCKER_MANIFEST}).encode()
            answer.headers["Content-Type"] = DOCKER_MANIFEST
            del answer.headers["Content-Length"]
        return answer
