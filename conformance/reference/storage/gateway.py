"""The gateway as a surface: routing and authorization of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Authentication
from conformance.reference.storage.base import iso_time
from conformance.reference.storage.call import Call, decoded, query_of, whole_number
from conformance.reference.storage.documents import Documents
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Listings
from conformance.reference.storage.payloads import Payloads
from conformance.reference.storage.state import Bucket
from conformance.reference.storage.upload_listings import UploadListings

UNSUPPORTED = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metadataConfiguration",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "session",
        "torrent",
        "versioning",
        "versions",
        "website",
    }
)
ELSEWHERE = {"delete", "location", "partNumber", "tagging", "uploadId", "uploads"}
Operation = Callable[[Call, Bucket], Awaitable[Answer]]


class Storage(Listings, UploadListings, Documents, Authentication, Payloads):
    """The S3 gateway."""

    name = "storage"

    async def handle(self, request: Request) -> Answer:
        request_id = self.new_request_id()
        try:
            answer = await self.answered(request)
        except Fault as fault:
            answer = self.error_answer(request, fault, request_id)
        answer.headers["x-amz-request-id"] = request_id
        return answer

    async def refused_early(self, request: Request) -> Answer | None:
        """Verify the signature, which covers only the head and the stated payload hash."""
        request_id = self.new_request_id()
        try:
            self.authenticate(request)
        except Fault as fault:
            answer = self.error_answer(request, fault, request_id)
            answer.headers["x-amz-request-id"] = request_id
            return answer
        return None

    async def answered(self, request: Request) -> Answer:
        """Verify the signature, then the payload, then execute the operation; Fault for a refusal."""
        signer = self.authenticate(request)
        bucket, key = self.target(request)
        call = Call(request, signer, bucket, key, query_of(request))
        self.read_payload(call)
        if not bucket and not key:
            return self.list_buckets(call)
        return await (self.on_object(call) if key else self.on_bucket(call))

    def target(self, request: Request) -> tuple[str, str]:
        """Return bucket and key of the path, the key unchanged."""
        bucket, _, key = decoded(request.raw_path).removeprefix("/").partition("/")
        return bucket, self.object_key(key)

    # The service.

    def list_buckets(self, call: Call) -> Answer:
        """Return the organization's buckets, in pages of max-buckets."""
        if call.request.method != "GET":
            raise Fault("MethodNotAllowed", headers={"Allow": "GET"})
        after = self.opened_token(call.query["continuation-token"]) if "continuation-token" in call.query else ""
        limit = whole_number("max-buckets", call.query.get("max-buckets", "10000"), 10_000)
        prefix = call.query.get("prefix", "")
        found = [each for each in self.own_buckets(call.organization) if each.name.startswith(prefix)]
        rest = [each for each in found if each.name > after]
        shown = rest[: max(limit, 1)]
        elements = [self.owner(call.organization), xml.group("Buckets", *map(self.listed_bucket, shown))]
        if len(shown) < len(rest):
            elements.append(xml.element("ContinuationToken", self.continuation_token(shown[-1].name)))
        if prefix:
            elements.append(xml.element("Prefix", prefix))
        return self.document("ListAllMyBucketsResult", *elements)

    def listed_bucket(self, bucket: Bucket) -> str:
        created = xml.element("CreationDate", iso_time(bucket.created))
        return xml.group("Bucket", xml.element("Name", bucket.name), created)

    # Buckets.

    async def on_bucket(self, call: Call) -> Answer:
        """Execute an operation on a bucket; none creates or deletes one."""
        if call.request.method == "PUT" and not self.subresources(call):
            return self.create_bucket(call)
        bucket = self.bucket_of(call.organization, call.bucket)
        self.check_expected_owner(call, bucket)
        return await self.bucket_operation(call)(call, bucket)

    def create_bucket(self, call: Call) -> Answer:
        """Refuse the creation of any bucket: buckets are provisioned elsewhere."""
        raise Fault("AccessDenied")

    async def delete_bucket(self, call: Call, bucket: Bucket) -> Answer:
        """Refuse the deletion of a bucket, empty or not."""
        raise Fault("AccessDenied")

    def subresources(self, call: Call) -> set[str]:
        return set(call.query) & (UNSUPPORTED | ELSEWHERE)

    def unsupported(self, subresources: set[str], supported: str) -> bool:
        """Return whether the request names a subresource that the operation does not support."""
        return bool(subresources - {supported})

    def bucket_operation(self, call: Call) -> Operation:
        method, subresources = call.request.method, self.subresources(call)
        table: dict[tuple[str, str], Operation] = {
            ("GET", "location"): self.bucket_location,
            ("GET", "uploads"): self.list_uploads,
            ("POST", "delete"): self.delete_objects,
            ("HEAD", ""): self.head_bucket,
            ("DELETE", ""): self.delete_bucket,
            ("GET", ""): self.list_objects_v2 if "list-type" in call.query else self.list_objects,
        }
        if call.query.get("list-type", "2") != "2":
            raise Fault("InvalidArgument", "Invalid List Type specified in Request")
        if method == "POST" and call.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Fault("NotImplemented")
        return self.from_table(table, call, subresources)

    def from_table(self, table: dict[tuple[str, str], Operation], call: Call, subresources: set[str]) -> Operation:
        """Return the operation of a method and a subresource; NotImplemented for an unsupported subresource."""
        method = call.request.method
        name = next((name for each, name in table if each == method and name in subresources), "")
        if self.unsupported(subresources, name):
            raise Fault("NotImplemented")
        operation = table.get((method, name))
        if operation is None:
            raise self.method_refused(table, subresources)
        return operation

    def method_refused(self, table: dict[tuple[str, str], Operation], subresources: set[str]) -> Fault:
        """Return 405 with the methods of the resource (RFC 9110 section 15.5.6)."""
        methods = {method for method, name in table if name in subresources or (not name and not subresources)}
        return Fault("MethodNotAllowed", headers={"Allow": ", ".join(sorted(methods))})

    async def head_bucket(self, call: Call, bucket: Bucket) -> Answer:
        answer = Answer(200)
        answer.headers["x-amz-bucket-region"] = self.region
        answer.headers["Content-Type"] = "application/xml"
        return answer

    async def bucket_location(self, call: Call, bucket: Bucket) -> Answer:
        """Return the region; us-east-1 is an empty element."""
        return self.document("LocationConstraint", "" if self.region == "us-east-1" else self.region)

    # Objects.

    async def on_object(self, call: Call) -> Answer:
        bucket = self.bucket_of(call.organization, call.bucket)
        self.check_expected_owner(call, bucket)
        if call.query.get("versionId", "null") != "null":
            raise Fault("InvalidArgument", "Invalid version id specified")
        return await self.object_operation(call)(call, bucket)

    def object_operation(self, call: Call) -> Operation:
        subresources = self.subresources(call)
        copies = "x-amz-copy-source" in call.headers
        if call.request.method == "PUT" and subresources & {"uploadId", "partNumber"}:
            if not {"uploadId", "partNumber"} <= subresources:
                raise Fault("InvalidArgument", "partNumber and uploadId must be given together")
            subresources = subresources - {"partNumber"}
        table: dict[tuple[str, str], Operation] = {
            ("PUT", "uploadId"): self.copy_part if copies else self.upload_part,
            ("PUT", "tagging"): self.put_tags,
            ("PUT", ""): self.copy_object if copies else self.put_object,
            ("GET", "uploadId"): self.list_parts,
            ("GET", "tagging"): self.get_tags,
            ("GET", ""): self.get_object,
            ("HEAD", ""): self.get_object,
            ("POST", "uploads"): self.create_upload,
            ("POST", "uploadId"): self.complete_upload,
            ("DELETE", "uploadId"): self.abort_upload,
            ("DELETE", "tagging"): self.delete_tags,
            ("DELETE", ""): self.delete_object,
        }
        return self.from_table(table, call, subresources)
