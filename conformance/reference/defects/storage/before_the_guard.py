"""Defects of what stands before the gateway's guard, or goes around it: caches, conditions, stubs, other spellings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.defects.storage.tenancy import let_in
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket


class AnswersToUrlsKeptByPath(Defect):
    """SigV4, "Using Query Parameters": a URL that was served opens the object to who has it, and to nobody else."""

    surface = "storage"
    noticed_by = ("storage/presigned/altered-is-refused#once-served",)

    def __init__(self) -> None:
        self.kept: set[str] = set()

    def authenticate(self, original: Any, request: Request) -> Signer:
        of_object = gateway(original).target(request)[1] != ""
        read = request.method == "GET" and of_object and "authorization" not in request.headers
        if read and request.raw_path in self.kept:
            return let_in(original, replace(request, query_string=""), allowed=True)
        signer: Signer = original(request)
        if read:
            self.kept.add(request.raw_path)
        return signer


class StrangersReadAccessLists(Defect):
    """Provisioning Storage: who may do what is told to who has the organization's access key."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#access-list",
        "storage/signature/every-operation-is-closed#access-list-of-an-object",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        if request.method == "GET" and "acl" in query_of(request) and surface.target(request)[0] in surface.buckets:
            return surface.document("AccessControlPolicy")
        given: Answer = await original(request)
        return given


class ForeignAccessListTold(Defect):
    """Provisioning Storage: an access key opens the buckets of its own organization only, their access lists too."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused#access-list",)

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        if call.request.method == "GET" and "acl" in call.query and call.bucket in surface.buckets:
            return surface.document("AccessControlPolicy")
        given: Answer = await original(call)
        return given


class ForeignBucketBehindTwoSlashes(Defect):
    """API Reference, Error Handling: who may ask a bucket does not hang on how many slashes stand before it."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused#behind-two-slashes",)

    async def answered(self, original: Any, request: Request) -> Answer:
        surface, name = gateway(original), request.raw_path.removeprefix("//")
        bucket = surface.buckets.get(name) if name != request.raw_path else None
        if bucket is not None and request.method == "GET":
            call = Call(request, surface.authenticate(request), name, "", query_of(request))
            return await surface.bucket_operation(call)(call, bucket)
        given: Answer = await original(request)
        return given


class BucketsOfAPrefixOfAll(Defect):
    """Provisioning Storage: an access key lists its organization's buckets, by a prefix as well."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-not-listed",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        prefix, surface = call.query.get("prefix", ""), gateway(original)
        if not prefix:
            given: Answer = original(call)
            return given
        found = [surface.listed_bucket(each) for name, each in surface.buckets.items() if name.startswith(prefix)]
        owner, listed = surface.owner(call.organization), xml.group("Buckets", *found)
        return surface.document("ListAllMyBucketsResult", owner, listed, xml.element("Prefix", prefix))


class ForeignSourceEncodedWhole(Defect):
    """S3 API Reference, CopyObject: who copies must be allowed to read the source, however its name is written."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-source-is-refused",)

    def __init__(self) -> None:
        self.encoded = False

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        self.encoded = "/" not in call.headers[SOURCE]
        bucket, key = original(call)
        return str(bucket), str(key)

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        found = gateway(original).buckets.get(name) if self.encoded else None
        bucket: Bucket = found or original(organization, name)
        return bucket


class ForgedPartsOfUnsignedChunks(Defect):
    """SigV4, "Signature Calculations": a part's request is signed, also where the chunks behind it are not."""

    surface = "storage"
    noticed_by = ("storage/signature/every-upload-is-closed#unsigned-chunks",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        unsigned = request.headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        if not unsigned or "uploadId" not in query_of(request):
            signer: Signer = original(request)
            return signer
        presented = gateway(original).presented(request)
        key = gateway(original).known_key(presented.credential.access_key)
        if key is None:
            raise Fault("InvalidAccessKeyId")
        return Signer(key.organization, b"", presented.timestamp, "", "", presented.payload_hash)


class AnswerFieldsNotSigned(Defect):
    """SigV4, "Create a canonical request": the query is signed whole, with what chooses the fields of the answer."""

    surface = "storage"
    noticed_by = ("storage/presigned/altered-is-refused#answer-field-added",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as fault:
            kept = [pair for pair in request.query_string.split("&") if not pair.startswith("response-")]
            if fault.code != "SignatureDoesNotMatch" or "&".join(kept) == request.query_string:
                raise
            signer = original(replace(request, query_string="&".join(kept)))
        return signer


class TwoSignaturesUnseen(Defect):
    """Error responses, InvalidArgument: only one way of signing is allowed; here each guard leaves it to the other."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-secret-is-refused#by-field-and-by-url",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        bucket = gateway(original).buckets.get(gateway(original).target(request)[0])
        both = "authorization" in request.headers and "X-Amz-Signature" in query_of(request)
        if both and bucket is not None:
            return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        signer: Signer = original(request)
        return signer
