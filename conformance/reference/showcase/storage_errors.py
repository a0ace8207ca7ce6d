"""One defect for each promise on refusals and errors of the gateway."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import crashing, gateway, server_error


@defect("storage/subresource/delete-never-deletes-the-object#delete-tagging", promise="S3-41", surface="storage")
def delete_subresource_deletes_object(object_operation: Any, call: Call) -> Operation:
    """Deleting the tags of an object deletes the object."""
    operation: Operation = object_operation(call)
    deletes = call.request.method == "DELETE" and "tagging" in call.query
    return gateway(object_operation).delete_object if deletes else operation


@defect("storage/errors/code-no-such-key", "storage/sdk/errors-are-typed", promise="S3-42", surface="storage")
def error_body_is_json(error_body: Any, request: Request, fault: Fault, request_id: str) -> bytes:
    """Error responses are JSON instead of XML."""
    return json.dumps({"error": {"code": fault.code, "message": fault.message}}).encode()


@defect("storage/errors/invalid-fields-are-no-server-error#x-amz-storage-class", promise="S3-43", surface="storage")
def unknown_storage_class_is_server_error(storage_class: Any, call: Call) -> str:
    """An unknown storage class is answered 500 instead of 400."""
    return str(crashing(lambda: storage_class(call)))


@defect("storage/xml/oversized-body-does-no-harm", promise="S3-44", surface="storage")
def large_documents_are_server_errors(request_document: Any, body: bytes, root: str) -> xml.Node:
    """An XML body that is too large is answered 500 instead of 400."""
    if len(body) > 1024 * 1024:
        raise server_error()
    node: xml.Node = request_document(body, root)
    return node


@defect("storage/xml/results-are-complete", promise="S3-47", surface="storage")
async def empty_listing_counts_one(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """A grouped listing without results states a KeyCount of 1."""
    answer: Answer = await list_objects_v2(call, bucket)
    if call.query.get("delimiter"):
        answer.body = answer.body.replace(b"<KeyCount>0<", b"<KeyCount>1<")
    return answer
