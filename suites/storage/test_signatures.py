"""Signature Version 4 in the Authorization header: which requests are served, and which are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import pytest

from conformance.clients.s3.client import NEVER_ISSUED, S3, Bucket, minutes_off
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing, encoded
from conformance.oracles.s3_documents import buckets_of, parts_of, refused_by_key
from conformance.oracles.s3_errors import NOT_IN_TIME, REFUSED, error_of, expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_nothing_stored,
    expect_stored,
    require_clocks,
)
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import ALTERATIONS_OF_EACH, metadata_fields, object_names, signed_alterations
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

EARLIER, BODY = b"the earlier object", b"a new body"
WRONG_SECRET = {"secret_key": "not-the-secret-of-this-key"}
CLOSED = {*range(400, 500), 501}
BAD_SIGNATURE = {"AccessDenied", "SignatureDoesNotMatch"}
SKEWED = {*NOT_IN_TIME, "AccessDenied", "AuthorizationHeaderMalformed", "RequestExpired"}
COPY, LEEWAY = "-copied", 15


@verifies("storage/signature/signed-request-is-served")
@pytest.mark.parametrize(
    "headers",
    [
        case("no-other-fields", {}),
        case("repeated-spaces", {"x-amz-meta-note": "a   b  c"}),
        case("text-with-comma", {"x-amz-meta-note": "a, b;c=d"}),
        case("content-type", {"Content-Type": "text/plain; charset=utf-8"}),
        case("every-field-sent", {"Content-Length": "6", "User-Agent": "conformance", "Accept-Encoding": "identity"}),
        case("default-class", {"x-amz-storage-class": "STANDARD"}),
        case("date-and-x-amz-date", {"Date": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    ],
)
def test_signed_request_is_served(space: Space, headers: dict[str, str]) -> None:
    """Purpose: every client signs as S3 documents it, and must be served.
    Method: 1. put an object with header fields that the signature canonicalises; 2. expect 2xx and the bytes
    """
    expect_success(space.put(key := space.key(), b"signed", headers))
    expect_bytes(space.get(key), b"signed")


@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("GET", "PUT", "DELETE")])
@pytest.mark.parametrize(
    "wrong",
    [
        row("storage/signature/unknown-key-is-refused", (NEVER_ISSUED, {**NEVER_ISSUED, "secret_key": ""})),
        row("storage/signature/wrong-secret-is-refused", (WRONG_SECRET,)),
    ],
)
def test_bad_access_key_is_refused(space: Space, wrong: tuple[dict[str, str], ...], method: str) -> None:
    """Purpose: an access key that was never issued, or a known one with a wrong secret, gives no access.
    Method: 1. sign a request with an unknown access key and some or an empty secret, or with a wrong secret
            2. expect 403 or 401, and the object as it was
    """
    key = space.stored(EARLIER)
    for keys in wrong:
        reply = space.s3.with_keys(**keys).call(method, space.name, key, body=b"intruder" if method == "PUT" else b"")
        expect_refusal(reply, {401, 403}, BAD_SIGNATURE | ({"InvalidAccessKeyId"} if "access_key" in keys else set()))
    expect_stored(space.get(key), EARLIER)


class Unsigned(S3):
    """The gateway as a client without credentials sees it."""

    def sign(self, request: Request, signing: Signing | None = None) -> Request:
        """Return the request without a signature."""
        return request


def _unauthenticated(space: Space) -> list[Bucket]:
    """Return the bucket for a client without credentials, and for one with a wrong secret."""
    clients = (Unsigned(space.s3.raw, space.s3.keys), space.s3.with_keys(**WRONG_SECRET))
    return [each.bucket(space.name) for each in clients]


Operation = Callable[[Bucket, str], Exchange]
BASIC: dict[str, Operation] = {
    "list": lambda bucket, key: bucket.listing("cf-"),
    "get": lambda bucket, key: bucket.get(key),
    "head": lambda bucket, key: bucket.head(key),
    "put": lambda bucket, key: bucket.put(key, b"intruder"),
    "delete": lambda bucket, key: bucket.delete(key),
    "open-upload": lambda bucket, key: bucket.create_upload(key),
}
OTHERS: dict[str, Operation] = {
    "head-bucket": lambda bucket, key: bucket.call("HEAD"),
    "list-v1": lambda bucket, key: bucket.listing_v1(key),
    "list-uploads": lambda bucket, key: bucket.list_uploads(key),
    "location": lambda bucket, key: bucket.call("GET", query={"location": ""}),
    "bucket-acl": lambda bucket, key: bucket.call("GET", query={"acl": ""}),
    "object-acl": lambda bucket, key: bucket.call("GET", key, {"acl": ""}),
    "versions": lambda bucket, key: bucket.call("GET", query={"versions": "", "prefix": key}),
    "attributes": lambda bucket, key: bucket.call("GET", key, {"attributes": ""}, {"x-amz-object-attributes": "ETag"}),
    "delete-many": lambda bucket, key: bucket.delete_many([key]),
    "copy": lambda bucket, key: bucket.copy(key + COPY, key),
    "get-tags": lambda bucket, key: bucket.get_tags(key),
    "put-tags": lambda bucket, key: bucket.put_tags(key, [("owner", "mallory")]),
    "delete-tags": lambda bucket, key: bucket.delete_tags(key),
    "range": lambda bucket, key: bucket.get(key, {"Range": "bytes=0-3"}),
    "condition": lambda bucket, key: bucket.get(key, {"If-None-Match": '"0"'}),
}


@verifies("storage/signature/every-operation-requires-a-signature")
@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        *(case(name, operation, REFUSED) for name, operation in BASIC.items()),
        *(case(name, operation, CLOSED) for name, operation in OTHERS.items()),
    ],
)
def test_every_operation_requires_a_signature(space: Space, operation: Operation, statuses: set[int]) -> None:
    """Purpose: no operation on a bucket or an object is open to a client that cannot sign.
    Method: 1. put an object and read it, so that caches have it; send the operation unsigned and with a wrong secret
            2. expect 400, 401 or 403 (of less common operations any 4xx, or 501), the object as it was, and no copy
    """
    expect_bytes(space.get(key := space.stored(EARLIER)), EARLIER)
    for bucket in _unauthenticated(space):
        reply = operation(bucket, key)
        if not refused_by_key(reply, key, BAD_SIGNATURE):
            expect_status(reply, statuses)
    expect_stored(space.get(key), EARLIER)
    expect_nothing_stored(space.get(key + COPY))


Part = tuple[int, str]
UPLOADS: dict[str, Callable[[Bucket, str, str, Part], Exchange]] = {
    "list-parts": lambda bucket, key, upload, part: bucket.list_parts(key, upload),
    "put-part": lambda bucket, key, upload, part: bucket.put_part(key, upload, 2, b"intruder"),
    "copy-part": lambda bucket, key, upload, part: bucket.copy_part(key, upload, 2, key),
    "complete": lambda bucket, key, upload, part: bucket.complete(key, upload, [part]),
    "abort": lambda bucket, key, upload, part: bucket.abort(key, upload),
}


@verifies("storage/signature/multipart-requires-a-signature")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in UPLOADS.items()])
def test_multipart_requires_a_signature(space: Space, operation: Callable[[Bucket, str, str, Part], Exchange]) -> None:
    """Purpose: a client that cannot sign may know an upload's id and a part's ETag, and must not use them.
    Method: 1. send a part; send the operation on its upload unsigned, and with a wrong secret
            2. expect a 4xx (501 if it is not offered), and the upload with its part as it was
    """
    upload = space.opened(key := space.stored(EARLIER))
    part = space.part(key, upload, 1, EARLIER)
    for bucket in _unauthenticated(space):
        expect_status(operation(bucket, key, upload, part), CLOSED)
    if (reply := space.list_parts(key, upload)).status in NOT_OFFERED:
        raise Inconclusive(f"ListParts is refused: {observed(reply)}", "a target that lists parts")
    expect_status(reply, 200, "for the parts of an upload after unauthenticated requests")
    found = parts_of(reply).parts
    if [(part.number, part.size) for part in found] != [(1, len(EARLIER))]:
        raise NonConformance("the upload with its only part", worded(found), reply)


@verifies("storage/signature/refusal-reveals-no-objects")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD"), case("delete", "DELETE")])
def test_refusal_reveals_no_objects(space: Space, method: str) -> None:
    """Purpose: a client that may not read must not learn which objects exist.
    Method: 1. request an object and a missing key: unsigned, with an unknown access key, with a wrong secret
            2. expect the same status and error code for both, by each client
    """
    existing, missing = space.stored(EARLIER), space.key("missing")
    clients: dict[str, Callable[[str], Exchange]] = {
        "unsigned": lambda key: space.s3.send_as_is(space.request(method, key)),
        "unknown key": lambda key: space.s3.with_keys(**NEVER_ISSUED).call(method, space.name, key),
        "wrong secret": lambda key: space.s3.with_keys(**WRONG_SECRET).call(method, space.name, key),
    }

    for client, ask in clients.items():
        one, other = ask(existing), ask(missing)
        expect_status(one, REFUSED)
        found = [(reply.status, error.code if (error := error_of(reply)) else "") for reply in (one, other)]
        if found[0] != found[1]:
            expected = f"{client}: the same response whether or not the object exists"
            raise NonConformance(expected, f"{found[0]} if it exists, {found[1]} if not", one, other)


@verifies("storage/signature/refusal-reveals-no-objects")
@pytest.mark.parametrize("name", [case("if-none-match", "If-None-Match"), case("if-match", "If-Match")])
def test_conditions_reveal_no_objects(space: Space, name: str) -> None:
    """Purpose: 304 or 412 would show a client that cannot sign that the object exists.
    Method: 1. put an object and read it; request it unsigned, and with a wrong secret, with If-None-Match or If-Match
            2. expect 403, 400 or 401: a refused request's condition is ignored (RFC 9110 section 13.2.1)
    """
    tag = expect_etag(space.get(key := space.stored(EARLIER)))
    for bucket in _unauthenticated(space):
        expect_status(bucket.get(key, {name: tag if name == "If-None-Match" else '"another"'}), REFUSED)


@verifies("storage/signature/anonymous-list-buckets-is-refused")
def test_anonymous_listing_of_buckets_is_refused(s3: S3) -> None:
    """Purpose: a client that cannot sign must not learn which buckets exist.
    Method: 1. list the buckets without a signature, and with a wrong secret
            2. expect 403, 400 or 401, a redirection to a page for people, or an empty list
    """
    for reply in (s3.send_as_is(s3.request("GET")), s3.with_keys(**WRONG_SECRET).list_buckets()):
        if not reply.ok or buckets_of(reply).names:
            expect_status(reply, REFUSED | {301, 302, 303, 307, 308})


@pytest.mark.parametrize(
    "minutes",
    [
        row("storage/signature/skewed-clock-is-refused#ahead", 20),
        row("storage/signature/skewed-clock-is-refused#behind", -20),
        row("storage/signature/skewed-clock-is-refused#a-day-ago", -24 * 60),
        row("storage/signature/small-skew-is-served#ten-minutes-ahead", 10),
        row("storage/signature/small-skew-is-served#ten-minutes-behind", -10),
    ],
)
def test_clock_skew_is_limited(space: Space, minutes: int) -> None:
    """Purpose: clients may be minutes off, but an intercepted request must soon be worthless.
    Method: 1. sign an upload with a clock that is off
            2. expect it stored within 15 minutes, and beyond 403 (400 if another check comes first) and nothing stored
    """
    reply = space.s3.send(space.request("PUT", key := space.key(), body=b"skewed"), minutes_off(minutes))

    require_clocks(reply)
    if abs(minutes) < LEEWAY:
        expect_success(reply)
        expect_bytes(space.get(key), b"skewed")
        return
    expect_refusal(reply, REFUSED, SKEWED)
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/skewed-clock-is-refused#reads-and-deletion-behind")
def test_skewed_clock_of_reads_is_refused(space: Space) -> None:
    """Purpose: an intercepted read, listing or deletion must soon be worthless as well.
    Method: 1. sign GET and DELETE with a clock that is too far off; send each, and with a Date of now; also a listing
            2. expect 403 (400 if another check comes first), and the object as it was
    """
    key, signing = space.stored(EARLIER), minutes_off(-20)
    for method in ("GET", "DELETE"):
        require_clocks(reply := space.s3.send(space.request(method, key), signing))
        expect_status(reply, REFUSED)
        late = space.s3.sign(space.request(method, key), signing)
        expect_status(space.s3.send_as_is(late.with_header("Date", formatdate(usegmt=True))), REFUSED)
    listing = space.request("GET", query={"list-type": "2", "prefix": key})
    expect_status(space.s3.send(listing, signing), REFUSED)
    expect_stored(space.get(key), EARLIER)


@verifies("storage/signature/wrong-scope-is-refused")
@pytest.mark.parametrize(
    ("changes", "day"),
    [
        case("service", {"service": "ec2"}, None),
        case("terminator", {"terminator": "aws5_request"}, None),
        case("date", {}, -1),
    ],
)
def test_wrong_scope_is_refused(space: Space, changes: dict[str, str], day: int | None) -> None:
    """Purpose: a signature made for another service, day or version of the scheme is not valid here.
    Method: 1. sign an upload correctly, but for another scope; 2. expect 400, 401 or 403, and nothing stored
    """
    other, key = space.s3.with_keys(**changes), space.key()
    date = None if day is None else minutes_off(24 * 60 * day).timestamp()[:8]

    expect_status(other.send(other.request("PUT", space.name, key, body=b"scoped"), Signing(scope_date=date)), REFUSED)
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/unsigned-payload-is-served")
def test_unsigned_payload_is_served(space: Space, features: frozenset[str]) -> None:
    """Purpose: clients that stream a body do not sign it.
    Method: 1. put an object and a part with UNSIGNED-PAYLOAD; 2. expect 2xx and the bytes (400 or 403 over plain http)
    """
    unsigned = Signing(payload=UNSIGNED)
    reply = space.s3.send(space.request("PUT", key := space.key(), body=b"unsigned"), unsigned)

    expect_status(reply, {*range(200, 300)} if space.s3.origin.startswith("https") else {*range(200, 300), 400, 403})
    if reply.ok:
        expect_bytes(space.get(key), b"unsigned")
    if reply.ok and "storage.multipart" in features:
        part = space.request("PUT", key, {"partNumber": "1", "uploadId": space.opened(key)}, body=b"unsigned")
        expect_success(space.s3.send(part, unsigned), "for a part with UNSIGNED-PAYLOAD")


def _changed(text: str, where: float, letter: str) -> str:
    """Return the text with one letter at a place replaced by another one."""
    place = int(where * len(text))
    other = letter if text[place] != letter else chr(ord(letter) + 1)
    return text[:place] + other + text[place + 1 :]


IN_FIELDS = {"date": "x-amz-date", "payload-hash": "x-amz-content-sha256", "metadata": "x-amz-meta-owner"}
IN_AUTHORIZATION = {"signature": "Signature", "scope": "Credential", "signed-names": "SignedHeaders"}


def _altered(request: Request, component: str, where: float, letter: str) -> Request:
    """Return the signed request with one letter of a component changed."""
    if component == "path":
        stem, _, name = request.path.rpartition("/")
        return replace(request, path=f"{stem}/{_changed(name, where, letter)}")
    if component == "query":
        return replace(request, query=(("x-id", letter),))
    if component == "method":
        return replace(request, method="DELETE")
    if component == "body":
        return replace(request, body=_changed(request.body.decode(), where, letter).encode())
    if name := IN_FIELDS.get(component, ""):
        return request.with_header(name, _changed(request.header(name) or "", where, letter))
    name = IN_AUTHORIZATION[component]
    # Field names are case-insensitive (RFC 9110 section 5.1), so a capital letter changes nothing.
    letter = letter.lower() if component == "signed-names" else letter
    head, _, rest = (request.header("authorization") or "").partition(f"{name}=")
    part, comma, tail = rest.partition(",")
    return request.with_header("Authorization", f"{head}{name}={_changed(part, where, letter)}{comma}{tail}")


@verifies("storage/signature/any-altered-component-is-refused")
@explores(0.6, *ALTERATIONS_OF_EACH, alteration=signed_alterations())
def test_any_altered_component_is_refused(space: Space, alteration: tuple[str, float, str]) -> None:
    """Purpose: no component that a signature covers can be altered, not even by a single letter.
    Method: 1. sign an upload, send it; alter one letter of one component, send it again
            2. expect it served, then a refusal (501 for a DELETE with the fields of a PUT), and the object as it was
    """
    fields = {"x-amz-meta-owner": "alice"}
    signed = space.s3.sign(space.request("PUT", key := space.key(), headers=fields, body=BODY))
    expect_success(space.s3.send_as_is(signed))

    refusals = REFUSED | ({501} if alteration[0] == "method" else set())
    expect_status(space.s3.send_as_is(_altered(signed, *alteration)), refusals)
    expect_stored(space.get(key), BODY)


@verifies("storage/signature/any-correctly-signed-request-is-served")
@explores(0.7, name=object_names(), fields=metadata_fields())
def test_any_correctly_signed_request_is_served(space: Space, name: str, fields: dict[str, str]) -> None:
    """Purpose: a correctly signed request is served whatever key, metadata and query it has.
    Method: 1. list a prefix with special characters; put an object with metadata; 2. expect both served, and the bytes
    """
    prefix = space.prefix()
    page = space.call("GET", query={"list-type": "2", "prefix": prefix + name, "start-after": prefix + name})
    put = space.put(prefix + "metadata", encoded(name).encode(), fields)

    expect_status(page, 200, "for a correctly signed listing")
    expect_success(put, "for a correctly signed upload")
    expect_bytes(space.get(prefix + "metadata"), encoded(name).encode())
