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
    """The answer with another text in an element, if it is a document of that root."""
    if f"<{root}".encode() in answer.body[:200]:
        element = xml.element(name, text).encode()
        answer.body = re.sub(f"<{name}>[^<]*</{name}>".encode(), element, answer.body)
    return answer


class _ConcurrentWrites(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": there are no locks, and the latest of several writes wins."""

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
        """Whether another write of this key is under way beside the one that asks."""
        return self.under_way_now[bucket.name, key] > 1


class _DoneBeforeItIsRefused(Defect):
    """SigV4: a request that is not the one that was signed has no effect."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Fault as fault:
            if fault.code in self.codes:
                with contextlib.suppress(Fault):
                    await self._done(original, request)
            raise
        return answer

    async def _done(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        bucket = surface.buckets.get(name)
        if bucket is not None:
            signer = Signer(bucket.organization, b"", "", "", "", "")
            call = Call(request, signer, name, key, query_of(request), request.body)
            await (surface.on_object(call) if key else surface.on_bucket(call))


def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, the file among them; none where it is no form."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in FIELD.findall(request.body)}


def text(field: str) -> str:
    """A field as text: fields are taken in as latin-1, for the bytes of the file."""
    return field.encode("latin-1").decode()


def signed(surface: Storage, fields: dict[str, str]) -> bool:
    """Whether a known key signed the policy of a form."""
    access_key, date, region, service, _ = fields["x-amz-credential"].split("/")
    key = surface.known_key(access_key)
    signing_key = canonical.signing_key(key.secret_key if key else "", date, region, service)
    return fields["x-amz-signature"] == canonical.signature(signing_key, fields["policy"])


def is_own(surface: Storage, request: Request, fields: dict[str, str]) -> bool:
    """Whether the bucket is one of the organization's whose key signed."""
    key = surface.known_key(fields["x-amz-credential"].partition("/")[0])
    return key is not None and surface.buckets[surface.target(request)[0]].organization == key.organization


def in_time(policy: Any, now: float) -> bool:
    """Whether a policy says of an end, which has not come."""
    ends = policy.get("expiration")
    return ends is not None and calendar.timegm(time.strptime(ends, "%Y-%m-%dT%H:%M:%SZ")) > now


def of_key(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy permits the key."""
    begins = [each[2] for each in policy["conditions"] if isinstance(each, list) and each[1] == "$key"]
    return all(fields["key"].startswith(each) for each in begins)


def names_all(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy has a condition for each field but those that none is needed for."""
    named = {str(each[1])[1:] if isinstance(each, list) else min(each) for each in policy["conditions"]}
    return fields.keys() - UNNAMED <= {name.lower() for name in named}


def fits(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy permits so many bytes."""
    ranges = [each[1:] for each in policy["conditions"] if isinstance(each, list) and each[0] == "content-length-range"]
    return all(least <= len(fields["file"]) <= most for least, most in ranges)


def equals(policy: Any, fields: dict[str, str]) -> bool:
    """Whether each field has just the value that a policy names for it."""
    wanted = {
        name.lower(): value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()
    }
    return all(fields.get(name, value) == value for name, value in wanted.items())


class FormsTaken:
    """Uploads by a form as S3 takes them: what a signed policy permits is stored with its fields, and told as asked."""

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = {name.lower(): value for name, value in fields_of(request).items()}, gateway(original)
        if "policy" not in fields:
            answer: Answer = await original(request)
            return answer
        if not fields.keys() >= NEEDED or not signed(surface, fields):
            raise Fault("SignatureDoesNotMatch")
        policy, bucket = json.loads(base64.b64decode(fields["policy"])), surface.target(request)[0]
        named = {"bucket": bucket} in policy["conditions"] and is_own(surface, request, fields)
        named = named and self._equals(policy, fields)
        lives, fitting = self._lives(policy, surface.now()), self._fits(policy, fields)
        if not (named and lives and fitting and self._of_key(policy, fields) and self._names_all(policy, fields)):
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

    def _lives(self, policy: Any, now: float) -> bool:
        return in_time(policy, now)

    def _names_all(self, policy: Any, fields: dict[str, str]) -> bool:
        return names_all(policy, fields)

    def _fits(self, policy: Any, fields: dict[str, str]) -> bool:
        return fits(policy, fields)

    def _of_key(self, policy: Any, fields: dict[str, str]) -> bool:
        return of_key(policy, fields)

    def _equals(self, policy: Any, fields: dict[str, str]) -> bool:
        return equals(policy, fields)

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
    """Takes a known access key for its owner, whatever the signature, where ``allowed``."""
    surface = gateway(original)
    try:
        signer: Signer = original(request)
    except Fault as fault:
        if fault.code != "SignatureDoesNotMatch" or not allowed:
            raise
        key = surface.known_key(surface.presented(request).credential.access_key)
        return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")
    return signer


def in_parts(stored: StoredObject) -> bool:
    """Whether an object was uploaded in parts."""
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
    """What chunks carry, as far as they can be read."""
    joined, place = b"", 0
    while head := CHUNK.match(body, place):
        place = head.end() + int(head[1], 16)
        joined += body[head.end() : place]
        place += 2
    return joined


async def write(surface: Storage, bucket: Bucket, call: Call) -> None:
    """Stores the bytes and nothing that is said of them; or removes what is there."""
    if call.request.method == "DELETE":
        bucket.remove(call.key)
    else:
        bucket.put(call.key, StoredObject(call.body, surface.new_request_id().lower(), surface.seconds()))


async def obey(surface: Storage, request: Request) -> None:
    """Does what is asked of an object or by a document, whoever asks it."""
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
    """Forgets the uploads of a key that are under way."""
    for each in [each for each in bucket.uploads.values() if each.key == key]:
        del bucket.uploads[each.upload_id]


def without_fields(call: Call, *names: str) -> Call:
    """The call without some of its fields."""
    headers = call.headers.mutablecopy()
    for name in names:
        del headers[name]
    return replace(call, request=replace(call.request, headers=headers))


def with_field(call: Call, name: str, value: str) -> Call:
    """The call with another value of a field."""
    headers = call.headers.mutablecopy()
    headers[name] = value
    return replace(call, request=replace(call.request, headers=headers))


@contextmanager
def refusals_emptying(bucket: Bucket, key: str) -> Iterator[None]:
    """Has a refusal of what is done within take out what stood at the key."""
    try:
        yield
    except Fault:
        bucket.remove(key)
        raise


def let_in(original: Any, request: Request, allowed: bool) -> Signer:
    """Lets a caller without any authorization in as the bucket's owner, where ``allowed``."""
    surface = gateway(original)
    bucket = surface.buckets.get(surface.target(request)[0])
    anonymous = "authorization" not in request.headers and "X-Amz-" not in request.query_string
    if allowed and bucket is not None and anonymous:
        return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    signer: Signer = original(request)
    return signer


def resolved(bucket: str, key: str) -> tuple[str, str]:
    """Bucket and key as a file system would find them; what leads nowhere stays as it is."""
    found, _, rest = posixpath.normpath(f"/{bucket}/{key}").lstrip("/").partition("/")
    return (found, rest) if rest and ".." in key.split("/") else (bucket, key)


def fault(code: str, status: int, message: str = "Refused.") -> Fault:
    """A refusal by a code that the clean gateway does not use, or with another status."""
    made = Fault("InvalidRequest", message)
    made.code, made.status = code, status
    return made


def late_failure(original: Any, call: Call, failure: Fault) -> Answer:
    """200, which was sent before it was known, and then the error."""
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
    """The operation, which leaves an empty object where it is refused and there was none."""
    try:
        answer: Answer = await original(call, bucket)
    except Fault:
        if call.key not in bucket.objects:
            bucket.put(call.key, empty(original))
        raise
    return answer
