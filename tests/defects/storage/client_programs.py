"""Defects that break the promise "The documented commands and common S3 clients work"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject
from conformance.reference.support.storage import gateway


class LastDeletionOfManyDenied(Defect):
    """S3 API Reference, DeleteObjects: who may delete an object may so with others, and is told of each what became."""

    surface = "storage"
    noticed_by = ("storage/sdk/delete-objects#base", "storage/sdk/delete-objects#default")

    def __init__(self) -> None:
        self.left = 0

    def entries(self, original: Any, asked: xml.Node) -> list[xml.Node]:
        found: list[xml.Node] = original(asked)
        self.left = len(found)
        return found

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        original(entry)
        self.left -= 1
        if self.left == 0:
            raise Fault("AccessDenied")


class ChecksumOfTheWholeWithAPart(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-mode: SDKs compare what is told with what they are sent."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get#default",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if "x-amz-checksum-mode" in call.headers:
            answer.headers.update(gateway(original).checksum_headers(found.checksums))
        return answer


class WritesAnswerWithJson(Defect):
    """S3 API Reference, PutObject, Response Syntax: 200 and fields; an SDK reads what else comes as XML."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get#base",)
    shipped = True

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag, checksums)
        answer.body = b'{"stored": true}'
        answer.headers["Content-Type"] = "application/json"
        return answer
