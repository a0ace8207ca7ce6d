"""Defects that break the promise "The documented commands and common S3 clients work"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject
from conformance.reference.support.storage import gateway


class LastDeletionOfManyDenied(Defect):
    """S3 API Reference, DeleteObjects: the last key of each request is denied."""

    noticed_by = ("storage/sdk/delete-objects#base,default",)
    left = 0

    def entries(self, original: Any, document: xml.Node) -> list[xml.Node]:
        found: list[xml.Node] = original(document)
        self.left = len(found)
        return found

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        original(entry)
        self.left -= 1
        if self.left == 0:
            raise Fault("AccessDenied")


@defect("storage/sdk/put-and-get#default")
def checksum_of_the_whole_with_a_part(object_answer: Any, call: Call, found: StoredObject, overrides: Any) -> Answer:
    """S3 API Reference, GetObject, x-amz-checksum-mode: a range is sent with the checksum of the whole object."""
    answer: Answer = object_answer(call, found, overrides)
    if "x-amz-checksum-mode" in call.headers:
        answer.headers.update(gateway(object_answer).checksum_headers(found.checksums))
    return answer


@defect("storage/sdk/put-and-get#base", shipped=True)
def writes_answer_with_json(stored_answer: Any, etag: str, checksums: dict[str, str]) -> Answer:
    """S3 API Reference, PutObject, Response Syntax: the response has a JSON body."""
    answer: Answer = stored_answer(etag, checksums)
    answer.body = b'{"stored": true}'
    answer.headers["Content-Type"] = "application/json"
    return answer
