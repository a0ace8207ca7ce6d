"""The base of the gateway's operations: buckets and their owners, the clock, documents and errors."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import UTC, datetime
from email.utils import formatdate

from conformance.reference.http import Answer, Request
from conformance.reference.keys import SigningKey
from conformance.reference.rate_limit import Windows
from conformance.reference.seeds import AccessKey, Seeds
from conformance.reference.storage import xml
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.surface import Surface


def iso_time(seconds: int) -> str:
    """Return a time in the format of S3 documents."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_time(seconds: int) -> str:
    """Return a time in the format of HTTP headers (RFC 9110 section 5.6.7)."""
    return formatdate(seconds, usegmt=True)


class Gateway(Surface):
    """State, tenancy, and writing of responses."""

    region = "us-east-1"

    def __init__(self, seeds: Seeds, key: SigningKey) -> None:
        self.seeds = seeds
        self.access_keys = {each.access_key: each for each in seeds.access_keys}
        self.buckets: dict[str, Bucket] = {}
        self.reset()

    def reset(self) -> None:
        self.windows = Windows()
        now = self.seconds()
        self.buckets = {name: Bucket(name, owner, now) for name, owner in self.seeds.buckets.items()}
        for key in self.seeds.access_keys:
            key.in_force = True

    def contents(self) -> list[str]:
        return [
            f"{bucket.name} {each}" for bucket in self.buckets.values() for each in (*bucket.objects, *bucket.uploads)
        ]

    def now(self) -> float:
        return time.time()

    def seconds(self) -> int:
        """Return whole seconds since the epoch, as times are stored."""
        return int(self.now())

    # Tenancy: a key gives access to all buckets of its organization, and to no others.

    def known_key(self, access_key: str) -> AccessKey | None:
        key = self.access_keys.get(access_key)
        return key if key and self.in_force(key) else None

    def in_force(self, key: AccessKey) -> bool:
        return key.in_force

    def limit_of(self, key: AccessKey) -> tuple[int, float] | None:
        return key.limit

    def revoke_key(self, access_key: str) -> None:
        """Revoke an access key; KeyError for an unknown one."""
        self.access_keys[access_key].in_force = False

    def restore_key(self, access_key: str) -> None:
        """Restore a revoked access key; KeyError for an unknown one."""
        self.access_keys[access_key].in_force = True

    def owns(self, organization: str, bucket: Bucket) -> bool:
        return bucket.organization == organization

    def bucket_of(self, organization: str, name: str) -> Bucket:
        """Return a bucket of the organization; another's looks like one that does not exist."""
        bucket = self.buckets.get(name)
        if bucket is None or not self.owns(organization, bucket):
            raise self.no_such_bucket()
        return bucket

    def no_such_bucket(self) -> Fault:
        return Fault("NoSuchBucket")

    def source_bucket_of(self, organization: str, name: str) -> Bucket:
        return self.bucket_of(organization, name)

    def own_buckets(self, organization: str) -> list[Bucket]:
        return [each for _, each in sorted(self.buckets.items()) if self.owns(organization, each)]

    def owner_id(self, organization: str) -> str:
        return hashlib.sha256(organization.encode()).hexdigest()

    def owner(self, organization: str, name: str = "Owner") -> str:
        identifier, display = xml.element("ID", self.owner_id(organization)), xml.element("DisplayName", organization)
        return xml.group(name, identifier, display)

    def request_document(self, body: bytes, root: str) -> xml.Node:
        """Parse the document of a request; Fault MalformedXML."""
        return xml.parse(body, root)

    # Responses.

    def new_request_id(self) -> str:
        return secrets.token_hex(8).upper()

    def markup(self, root: str, *content: str) -> bytes:
        """Return a whole document in the namespace of S3."""
        opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{xml.NAMESPACE}">'
        return f"{opening}{''.join(content)}</{root}>".encode()

    def document(self, root: str, *content: str) -> Answer:
        """Return a 200 response with a document."""
        answer = Answer(200, self.markup(root, *content))
        answer.headers["Content-Type"] = "application/xml"
        return answer

    def error_body(self, request: Request, fault: Fault, request_id: str) -> bytes:
        """Return the error document (S3 API Reference, "REST error responses"), which has no namespace."""
        document = xml.group(
            "Error",
            xml.element("Code", fault.code),
            xml.element("Message", fault.message),
            xml.element("Resource", request.raw_path),
            xml.element("RequestId", request_id),
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()

    def error_answer(self, request: Request, fault: Fault, request_id: str) -> Answer:
        """Return the refusal as a response; for HEAD it has no body."""
        body = b"" if request.method == "HEAD" else self.error_body(request, fault, request_id)
        answer = Answer(fault.status, body)
        answer.headers["Content-Type"] = "application/xml"
        answer.headers.update(fault.headers)
        return answer
