"""One defect for each promise on refusals and errors of the gateway."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import crashing, gateway, server_error


class DeleteSubresourceDeletesObject(Defect):
    """Deleting the tags of an object deletes the object."""

    surface = "storage"
    promise = "S3-41"
    noticed_by = ("storage/subresource/delete-never-deletes-the-object#delete-tagging",)

    def object_operation(self, original: Any, call: Call) -> Operation:
        operation: Operation = original(call)
        deletes = call.request.method == "DELETE" and "tagging" in call.query
        return gateway(original).delete_object if deletes else operation


class ErrorBodyIsJson(Defect):
    """Error responses are JSON instead of XML."""

    surface = "storage"
    promise = "S3-42"
    noticed_by = ("storage/errors/code-no-such-key", "storage/sdk/errors-are-typed")

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        return json.dumps({"error": {"code": fault.code, "message": fault.message}}).encode()


class UnknownStorageClassIsServerError(Defect):
    """An unknown storage class is answered 500 instead of 400."""

    surface = "storage"
    promise = "S3-43"
    noticed_by = ("storage/errors/invalid-fields-are-no-server-error#x-amz-storage-class",)

    def storage_class(self, original: Any, call: Call) -> str:
        return str(crashing(lambda: original(call)))


class LargeDocumentsAreServerErrors(Defect):
    """An XML body that is too large is answered 500 instead of 400."""

    surface = "storage"
    promise = "S3-44"
    noticed_by = ("storage/xml/oversized-body-does-no-harm",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if len(body) > 1024 * 1024:
            raise server_error()
        node: xml.Node = original(body, root)
        return node


class CountsOfNothingAreOne(Defect):
    """A grouped listing without results states a KeyCount of 1."""

    surface = "storage"
    promise = "S3-47"
    noticed_by = ("storage/xml/results-are-complete",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter"):
            answer.body = answer.body.replace(b"<KeyCount>0<", b"<KeyCount>1<")
        return answer
