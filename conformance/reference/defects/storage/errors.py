"""Defects of error answers, request ids and unsupported subresources."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.state import Bucket, StoredObject


class ErrorBodyMissing(Defect):
    """S3 API Reference, "REST error responses": an error has a document with Code and Message."""

    surface = "storage"
    noticed_by = ("storage/errors/request-can-be-named", "storage/errors/code-bad-digest")

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        return b""


class ErrorsOfChunksAreText(Defect):
    """S3 API Reference, "REST error responses", Content-Type: application/xml, whatever the request was made of."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#no-chunks",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            answer.headers["Content-Type"] = "text/plain"
        return answer


class ErrorBodyIsJson(Defect):
    """S3 API Reference, "REST error responses": the document is XML."""

    surface = "storage"
    noticed_by = ("storage/errors/code-no-such-key", "storage/sdk/errors-are-typed")

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        return json.dumps({"error": {"code": fault.code, "message": fault.message}}).encode()


class ErrorToldWith200(Defect):
    """S3 API Reference, "REST error responses": the status tells the error."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#encoded",
        "storage/key/traversal-reaches-no-other-bucket#half-encoded",
        "storage/key/traversal-reaches-no-other-bucket#plain",
        "storage/object/chunked-transfer-is-whole-or-refused",
    )

    def error_answer(self, original: Any, request: Request, fault: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, fault, request_id)
        answer.status = 200 if fault.code == "NoSuchKey" else answer.status
        return answer


class MissingKeyIsBucketMissing(Defect):
    """S3 API Reference, NoSuchKey: the code for a key that does not exist in a bucket that does."""

    surface = "storage"
    noticed_by = ("storage/copy/missing-source-is-404", "storage/tagging/missing-object-is-404")

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        try:
            found: StoredObject = await original(bucket, key)
        except Fault:
            raise Fault("NoSuchBucket") from None
        return found


class MissingKeyIsForbidden(Defect):
    """S3 API Reference, GetObject: 404 for a missing key to a caller who may list the bucket."""

    surface = "storage"
    noticed_by = ("storage/object/missing-head-is-404",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        try:
            found: StoredObject = await original(bucket, key)
        except Fault:
            raise Fault("AccessDenied") from None
        return found


class MissingBucketIsServerError(Defect):
    """S3 API Reference, NoSuchBucket: 404 for a bucket that does not exist."""

    surface = "storage"
    noticed_by = (
        "storage/copy/missing-source-bucket-is-refused",
        "storage/service/absent-bucket-is-refused#delete",
        "storage/service/absent-bucket-is-refused#get",
        "storage/service/absent-bucket-is-refused#head",
        "storage/service/absent-bucket-is-refused#list",
        "storage/service/absent-bucket-is-refused#list-version-1",
        "storage/service/absent-bucket-is-refused#put",
    )

    def no_such_bucket(self, original: Any) -> Fault:
        return server_error()


class StackTraceInError(Defect):
    """OWASP ASVS 7.4.1: an error tells nothing of the server's inside."""

    surface = "storage"
    noticed_by = (
        "storage/errors/nothing-is-given-away#malformed-xml",
        "storage/errors/nothing-is-given-away#missing-key",
    )

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        trace = 'Traceback (most recent call last): File "/srv/gateway/handlers.py", line 214, in dispatch'
        return body.replace(b"</Message>", f" {trace}</Message>".encode())


class AmzRequestIdMissing(Defect):
    """S3 API Reference, "Common response headers": every answer has a request id."""

    surface = "storage"
    noticed_by = ("storage/errors/request-can-be-named",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        request_id = answer.headers.get("x-amz-request-id", "")
        del answer.headers["x-amz-request-id"]
        answer.body = answer.body.replace(f"<RequestId>{request_id}</RequestId>".encode(), b"")
        return answer


class SubresourceAnsweredAsListing(Defect):
    """S3 API Reference, NotImplemented: a subresource that is not supported is not answered as something else."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-a-bucket-is-no-listing#accelerate",
        "storage/subresource/of-a-bucket-is-no-listing#acl",
        "storage/subresource/of-a-bucket-is-no-listing#cors",
        "storage/subresource/of-a-bucket-is-no-listing#encryption",
        "storage/subresource/of-a-bucket-is-no-listing#lifecycle",
        "storage/subresource/of-a-bucket-is-no-listing#logging",
        "storage/subresource/of-a-bucket-is-no-listing#object-lock",
        "storage/subresource/of-a-bucket-is-no-listing#policy",
        "storage/subresource/of-a-bucket-is-no-listing#publicAccessBlock",
        "storage/subresource/of-a-bucket-is-no-listing#requestPayment",
        "storage/subresource/of-a-bucket-is-no-listing#versioning",
        "storage/subresource/of-a-bucket-is-no-listing#website",
    )

    def bucket_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method != "GET":
                raise
            return gateway(original).list_objects
        return operation


class SubresourceOverwritesObject(Defect):
    """S3 API Reference, NotImplemented: ``PUT ?acl`` and its like never overwrite the object."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/write-never-overwrites-the-object#acl",
        "storage/subresource/write-never-overwrites-the-object#encryption",
        "storage/subresource/write-never-overwrites-the-object#legal-hold",
        "storage/subresource/write-never-overwrites-the-object#restore",
        "storage/subresource/write-never-overwrites-the-object#retention",
    )

    def object_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method != "PUT":
                raise
            return gateway(original).put_object
        return operation


class SubresourceAnsweredAsObject(Defect):
    """S3 API Reference, NotImplemented: ``GET ?acl`` and its like are not answered with the object's bytes."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-an-object-is-not-the-object#acl",
        "storage/subresource/of-an-object-is-not-the-object#attributes",
        "storage/subresource/of-an-object-is-not-the-object#legal-hold",
        "storage/subresource/of-an-object-is-not-the-object#retention",
        "storage/subresource/of-an-object-is-not-the-object#torrent",
        "storage/subresource/part-number-is-not-passed-over",
    )

    def object_operation(self, original: Any, call: Call) -> Operation:
        try:
            operation: Operation = original(call)
        except Fault as fault:
            if fault.code != "NotImplemented" or call.request.method not in ("GET", "HEAD"):
                raise
            return gateway(original).get_object
        return operation


class DeleteSubresourceDeletesObject(Defect):
    """S3 API Reference, DeleteObjectTagging: deleting a subresource leaves the object."""

    surface = "storage"
    noticed_by = ("storage/subresource/delete-never-deletes-the-object#tagging",)

    def object_operation(self, original: Any, call: Call) -> Operation:
        operation: Operation = original(call)
        deletes = call.request.method == "DELETE" and "tagging" in call.query
        return gateway(original).delete_object if deletes else operation


class EncryptionKeyIgnored(Defect):
    """S3 User Guide, "Using server-side encryption with customer-provided keys": never stored as if none were given."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/encryption-key-is-used-or-refused",
        "storage/subresource/encryption-key-is-used-or-refused#of-a-copy",
    )

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        return None


class BrokenEscapeInQueryFails(Defect):
    """API Reference, Error Handling: an invalid parameter is 400, also one whose escapes cannot be decoded."""

    surface = "storage"
    noticed_by = ("storage/errors/any-query-is-no-server-error#broken-escape",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(500) if "%zz" in request.query_string else None
