"""Defects of what comes twice or beside what was signed, and of URLs where another way of asking is refused."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, opened_to
from conformance.reference.http import Answer, Request
from conformance.reference.storage import canonical
from conformance.reference.storage.call import Call, Signer, pairs, query_of
from conformance.reference.storage.faults import Fault


class FirstOfAFieldSigned(Defect):
    """SigV4, "Task 1": a field that is sent twice is signed with both its values."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused#signed-header-repeated",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault:
            first = dict(reversed(request.headers.raw))
            signer = original(replace(request, headers=Headers(raw=list(first.items()))))
        return signer


class LastOfAParameterSigned(Defect):
    """SigV4, "Task 1": a parameter that is sent twice is signed with both its values."""

    surface = "storage"
    noticed_by = (
        "storage/signature/altered-query-is-refused#repeated-before",
        "storage/presigned/altered-is-refused#second-life-before",
    )

    def signing_query(self, original: Any, request: Request) -> dict[str, str]:
        return query_of(request)

    def canonical_query(self, original: Any, request: Request) -> str:
        last = dict(pairs(request.query_string))
        last.pop("X-Amz-Signature", None)
        return canonical.canonical_query(last.items())


class MethodTakenFromAField(Defect):
    """SigV4, "Task 1": the method that was signed, whatever field some framework takes another one from."""

    surface = "storage"
    noticed_by = ("storage/presigned/unsigned-fields-are-not-obeyed#method",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        method = call.headers.get("x-http-method-override", call.request.method)
        answer: Answer = await original(replace(call, request=replace(call.request, method=method)))
        return answer


class PathTakenFromAField(Defect):
    """SigV4, "Task 1": the path that was signed, whatever field some framework takes another one from."""

    surface = "storage"
    noticed_by = ("storage/presigned/unsigned-fields-are-not-obeyed#path",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        path = call.headers.get("x-original-url")
        answer: Answer = await original(replace(call, key=path.split("/", 2)[2]) if path else call)
        return answer


class UrlsOpenForeignBuckets(Defect):
    """Provisioning Storage: an access key opens the buckets of its own organization only, by URLs as well."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/opens-no-foreign-bucket#get",
        "storage/presigned/opens-no-foreign-bucket#list",
        "storage/presigned/opens-no-foreign-bucket#put",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(surface.target(request)[0])
        if bucket is None or "X-Amz-Signature" not in request.query_string:
            answer: Answer = await original(request)
            return answer
        with opened_to(bucket, surface.authenticate(request).organization):
            let_in: Answer = await original(request)
        return let_in


class PathNormalisedBeforeSigning(Defect):
    """SigV4, "Task 1": paths are not normalised for requests to S3."""

    surface = "storage"
    noticed_by = ("storage/signature/path-is-not-normalised",)

    def canonical_path(self, original: Any, request: Request) -> str:
        path = str(original(request))
        return posixpath.normpath(path).rstrip("/") + ("/" if path.endswith("/") else "")


class FramingStoredWhereUntold(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": x-amz-content-sha256 says that the payload comes in chunks."""

    surface = "storage"
    noticed_by = ("storage/streaming/framing-is-never-stored",)

    def read_payload(self, original: Any, call: Call) -> None:
        in_chunks = call.signer.payload_hash.startswith("STREAMING-")
        if in_chunks and "aws-chunked" not in call.headers.get("content-encoding", ""):
            call.body = call.request.body
        else:
            original(call)
