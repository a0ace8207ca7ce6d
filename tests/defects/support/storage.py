"""Helpers that defects and variants of the storage surface share."""

from __future__ import annotations

import base64
import calendar
import contextlib
import hashlib
import json
import posixpath
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, canonical, xml
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error

HOUR_S = 3600
PARTS_COUNT = "x-amz-mp-parts-count"
FIELD = re.compile(rb'name="([^"]+)"[^\r]*\r\n\r\n(.*?)\r\n--', re.DOTALL)
UNNAMED = {"policy", "x-amz-signature", "file", "submit"}
NEEDED = {"key", "file", "x-amz-credential", "x-amz-signature"}
SIZE = "x-amz-mp-object-size"
CHUNK = re.compile(rb"([0-9a-f]{1,8})(?:;chunk-signature=[0-9a-f]{64})?\r\n")
FORGED = "SignatureDoesNotMatch"
MD5_OF_NOTHING = hashlib.md5(b"").hexdigest()
MOMENT_S = 2.0
SIGNATURE = "X-Amz-Signature="
RESERVED = "+/=&;~ '\"<%41"


def with_element_text(answer: Answer, root: str, name: str, text: str) -> Answer:
    """Return the answer with another text in an element, if it is a document with that root."""
    if f"<{root}".encode() in answer.body[:200]:
        element = xml.element(name, text).encode()
        answer.body = re.sub(f"<{name}>[^<]*</{name}>".encode(), element, answer.body)
    return answer


class _ConcurrentWrites(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": concurrent writes of one key interfere."""

    def __init__(self) -> None:
        self.under_way_now: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def _writing(self, bucket: Bucket, key: str) -> Iterator[None]:
        self.under_way_now[bucket.name, key] += 1
        try:
            yield
        finally:
            self.under_way_now[bucket.name, key] -= 1

    def _others(self, bucket: Bucket, key: str) -> bool:
        """Return whether another write of this key is running."""
        return self.under_way_now[bucket.name, key] > 1


class _DoneBeforeItIsRefused(Defect):
    """SigV4: a request that is refused by one of these codes is done first."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            return await original(request)
        except Fault as fault:
            if fault.code in self.codes:
                with contextlib.suppress(Fault):
                    await self._done(original, request)
            raise

    async def _done(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        bucket = surface.buckets.get(name)
        if bucket is not None:
            signer = Signer(bucket.organization, b"", "", "", "", "")
            call = Call(request, signer, name, key, query_of(request), request.body)
            await (surface.on_object(call) if key else surface.on_bucket(call))


def fields_of(request: Request) -> dict[str, str]:
    """Return the fields of a form, its file included; none if the request is not a form."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in FIELD.findall(request.body)}


def text(field: str) -> str:
    """Return a field as text: form fields are decoded as latin-1 to preserve the bytes of the file."""
    return field.encode("latin-1").decode()


def signed(surface: Storage, fields: dict[str, str]) -> bool:
    """Return whether a known key signed the policy of a form."""
    access_key, date, region, service, _ = fields["x-amz-credential"].split("/")
    key = surface.known_key(access_key)
    signing_key = canonical.signing_key(key.secret_key if key else "", date, region, service)
    return fields["x-amz-signature"] == canonical.signature(signing_key, fields["policy"])


def is_own(surface: Storage, request: Request, fields: dict[str, str]) -> bool:
    """Return whether the bucket belongs to the organization whose key signed."""
    key = surface.known_key(fields["x-amz-credential"].partition("/")[0])
    return key is not None and surface.buckets[surface.target(request)[0]].organization == key.organization


def not_expired(policy: Any, now: float) -> bool:
    """Return whether a policy has an expiration that is not over."""
    ends = policy.get("expiration")
    return ends is not None and calendar.timegm(time.strptime(ends, "%Y-%m-%dT%H:%M:%SZ")) > now


def key_is_permitted(policy: Any, fields: dict[str, str]) -> bool:
    """Return whether a policy permits the key."""
    begins = [each[2] for each in policy["conditions"] if isinstance(each, list) and each[1] == "$key"]
    return all(fields["key"].startswith(each) for each in begins)


def all_fields_named(policy: Any, fields: dict[str, str]) -> bool:
    """Return whether a policy has a condition for each field that needs one."""
    named = {str(each[1])[1:] if isinstance(each, list) else min(each) for each in policy["conditions"]}
    return fields.keys() - UNNAMED <= {name.lower() for name in named}


def size_is_permitted(policy: Any, fields: dict[str, str]) -> bool:
    """Return whether a policy permits the size of the file."""
    ranges = [each[1:] for each in policy["conditions"] if isinstance(each, list) and each[0] == "content-length-range"]
    return all(least <= len(fields["file"]) <= most for least, most in ranges)


def values_match(policy: Any, fields: dict[str, str]) -> bool:
    """Return whether each field has the value that the policy requires."""
    wanted = {
        name.lower(): value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()
    }
    return all(fields.get(name, value) == value for name, value in wanted.items())


class FormUploads:
    """Form uploads as in S3: what a signed policy permits is stored, and answered as the form requests."""

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = {name.lower(): value for name, value in fields_of(request).items()}, gateway(original)
        if "policy" not in fields:
            return await original(request)
        if not fields.keys() >= NEEDED or not signed(surface, fields):
            raise Fault("SignatureDoesNotMatch")
        policy, bucket = json.loads(base64.b64decode(fields["policy"])), surface.target(request)[0]
        own = {"bucket": bucket} in policy["conditions"] and is_own(surface, request, fields)
        permitted = own and values_match(policy, fields) and not_expired(policy, surface.now())
        permitted = permitted and self._size_is_permitted(policy, fields) and key_is_permitted(policy, fields)
        if not (permitted and all_fields_named(policy, fields)):
            raise Fault("AccessDenied")
        surface.buckets[bucket].put(self._key(fields), self._stored(fields, surface.seconds()))
        return self._form_response(surface, bucket, fields)

    def _form_response(self, surface: Storage, bucket: str, fields: dict[str, str]) -> Answer:
        answer = Answer(self._status(fields))
        if answer.status == 201:
            document = surface.document("PostResponse", *(xml.element(*each) for each in self._named(bucket, fields)))
            answer.headers["Content-Type"], answer.body = "application/xml", document.body
        return answer

    def _named(self, bucket: str, fields: dict[str, str]) -> list[tuple[str, str]]:
        return [("Bucket", bucket), ("Key", self._key(fields))]

    def _size_is_permitted(self, policy: Any, fields: dict[str, str]) -> bool:
        return size_is_permitted(policy, fields)

    def _key(self, fields: dict[str, str]) -> str:
        return text(fields["key"]).replace("${filename}", "f")

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        body, owned = fields["file"].encode("latin-1"), "x-amz-meta-"
        headers: dict[str, str] = {name: fields[name] for name in ("content-type", "cache-control") if name in fields}
        metadata = {name.removeprefix(owned): value for name, value in fields.items() if name.startswith(owned)}
        return StoredObject(body, hashlib.md5(body).hexdigest(), now, headers, metadata)

    def _status(self, fields: dict[str, str]) -> int:
        status = fields.get("success_action_status", "204")
        return int(status) if status in ("200", "201") else 204


def empty(original: Any) -> StoredObject:
    surface = gateway(original)
    return StoredObject(b"", surface.new_request_id().lower(), surface.seconds())


def in_chunks(call: Call) -> bool:
    return call.signer.payload_hash.startswith("STREAMING")


def under_any_secret(original: Any, request: Request, allowed: bool) -> Signer:
    """Accept a known access key with any signature, where ``allowed``."""
    surface = gateway(original)
    try:
        return original(request)
    except Fault as fault:
        if fault.code != "SignatureDoesNotMatch" or not allowed:
            raise
        key = surface.known_key(surface.presented(request).credential.access_key)
        return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")


def in_parts(stored: StoredObject) -> bool:
    """Return whether an object was uploaded in parts."""
    return "-" in stored.etag


def refused(status: int, code: str) -> Answer:
    answer = Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())
    answer.headers["Content-Type"] = "application/xml"
    return answer


def by_url(request: Request) -> bool:
    return "X-Amz-Credential" in request.query_string


def sent_in_chunks(request: Request) -> bool:
    return request.headers.get("x-amz-content-sha256") in STREAMING


def _joined(body: bytes) -> bytes:
    """Return the payload of chunks, as far as they can be read."""
    joined, place = b"", 0
    while head := CHUNK.match(body, place):
        place = head.end() + int(head[1], 16)
        joined += body[head.end() : place]
        place += 2
    return joined


async def write(surface: Storage, bucket: Bucket, call: Call) -> None:
    """Store the body without its metadata, or delete the object."""
    if call.request.method == "DELETE":
        bucket.remove(call.key)
    else:
        bucket.put(call.key, StoredObject(call.body, surface.new_request_id().lower(), surface.seconds()))


async def obey(surface: Storage, request: Request) -> None:
    """Do what a request asks for, without any check of its sender."""
    name, key = surface.target(request)
    bucket = surface.buckets.get(name)
    if bucket is None:
        return
    call = Call(request, Signer(bucket.organization, b"", "", "", "", ""), name, key, query_of(request))
    call.body = _joined(request.body) if sent_in_chunks(request) else request.body
    if request.method in ("PUT", "DELETE") and key and not surface.subresources(call):
        await write(surface, bucket, call)
        return
    with suppress(Fault):
        if key:
            await surface.object_operation(call)(call, bucket)
        elif request.method == "POST":
            await surface.bucket_operation(call)(call, bucket)


def refuses(asked: Callable[..., object], *given: Any) -> bool:
    """Return whether a call raises a fault."""
    try:
        asked(*given)
    except Fault:
        return True
    return False


def done_though_refused(*codes: str, when: Callable[[Storage, Request], bool] | None = None) -> Callable[..., Any]:
    """Return an ``answered`` that does a request although it refuses it by one of these codes."""

    async def answered(original: Any, request: Request) -> Answer:
        try:
            return await original(request)
        except Fault as fault:
            surface = gateway(original)
            if fault.code in codes and (when is None or when(surface, request)):
                await obey(surface, request)
            raise

    return answered


def drop_uploads(bucket: Bucket, key: str) -> None:
    """Remove the open uploads of a key."""
    for each in [each for each in bucket.uploads.values() if each.key == key]:
        del bucket.uploads[each.upload_id]


def without_fields(call: Call, *names: str) -> Call:
    """Return the call without some of its header fields."""
    headers = call.headers.mutablecopy()
    for name in names:
        del headers[name]
    return replace(call, request=replace(call.request, headers=headers))


def with_field(call: Call, name: str, value: str) -> Call:
    """Return the call with another value of a header field."""
    headers = call.headers.mutablecopy()
    headers[name] = value
    return replace(call, request=replace(call.request, headers=headers))


@contextmanager
def refusals_emptying(bucket: Bucket, key: str) -> Iterator[None]:
    """Delete the object at the key if the block is refused."""
    try:
        yield
    except Fault:
        bucket.remove(key)
        raise


def let_in(original: Any, request: Request, allowed: bool) -> Signer:
    """Accept an unauthenticated client as the bucket's owner, where ``allowed``."""
    surface = gateway(original)
    bucket = surface.buckets.get(surface.target(request)[0])
    anonymous = "authorization" not in request.headers and "X-Amz-" not in request.query_string
    if allowed and bucket is not None and anonymous:
        return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    return original(request)


def resolved(bucket: str, key: str) -> tuple[str, str]:
    """Return bucket and key as a file system would resolve them; an unresolvable path stays as it is."""
    found, _, rest = posixpath.normpath(f"/{bucket}/{key}").lstrip("/").partition("/")
    return (found, rest) if rest and ".." in key.split("/") else (bucket, key)


def fault(code: str, status: int, message: str = "Refused.") -> Fault:
    """Return a refusal with a code or status that the clean gateway does not use."""
    made = Fault("InvalidRequest", message)
    made.code, made.status = code, status
    return made


def late_failure(original: Any, call: Call, failure: Fault) -> Answer:
    """Return a 200, sent before the outcome was known, with an error in its body."""
    surface = gateway(original)
    answer = Answer(200, surface.error_body(call.request, failure, surface.new_request_id()))
    answer.headers.update({"Content-Type": "application/xml", "Retry-After": "0"})
    return answer


def refusing(code: str, when: Callable[..., object]) -> Callable[..., Any]:
    """Return a method that is refused by this code where ``when`` holds for its arguments."""
    return _raising(lambda: Fault(code), when)


def failing(when: Callable[..., object]) -> Callable[..., Any]:
    """Return a method that fails with 500 where ``when`` holds for its arguments."""
    return _raising(server_error, when)


def _raising(made: Callable[[], Fault], when: Callable[..., object]) -> Callable[..., Any]:
    def method(original: Any, *given: Any) -> Any:
        if when(*given):
            raise made()
        return original(*given)

    return method


async def leaving_an_object(original: Any, call: Call, bucket: Bucket) -> Answer:
    """Run the operation; if it is refused and no object exists, store an empty one."""
    try:
        return await original(call, bucket)
    except Fault:
        if call.key not in bucket.objects:
            bucket.put(call.key, empty(original))
        raise
