"""For each variant: what to ask, what the clean gateway says, and what the variant says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tests.reference import storage_access_probes as access
from tests.reference import storage_collection_probes as collections
from tests.reference import storage_object_probes as objects
from tests.reference.storage_support import FOREIGN, A, Client, code, request, text, texts


def late(client: Client) -> Any:
    signed = client.signed("GET", f"/{A}")
    access.at(client, 1200)
    return code(client.send(signed))


def listed_late(client: Client) -> Any:
    """How many seconds later than its field a listing tells the time of an object."""
    told = text(collections.filled(client, "a")("GET", f"/{A}"), "Contents/LastModified")
    at = parsedate_to_datetime(client("HEAD", f"/{A}/a").headers["last-modified"])
    return (datetime.fromisoformat(told) - at).total_seconds()


def signed_field(client: Client) -> Any:
    """What is signed of a field that has a letter beyond ASCII."""
    asked = request("GET", f"/{A}/k", headers={"x-amz-meta-a": "\xe9"})
    return client.storage.canonical_headers(asked, ("x-amz-meta-a",))


def small_chunks(client: Client) -> Any:
    """Whether signed chunks of one byte each are taken."""
    try:
        client.storage.check_chunk_sizes([1, 1, 1], signed=True)
    except Exception as refused:
        return str(refused)
    return "taken"


def etag(client: Client) -> Any:
    return client.put("k", b"").headers["etag"]


def checksum_echo(client: Client) -> Any:
    return "x-amz-checksum-crc32" in client.put("k", x_amz_checksum_crc32="NhCmhg==").headers


def page_size(client: Client) -> Any:
    return len(collections.filled(client, *"abcdefg").keys())


def next_marker(client: Client) -> Any:
    return texts(collections.filled(client, *"abc")("GET", f"/{A}?max-keys=2"), "NextMarker")


def owners(client: Client) -> Any:
    return len(texts(collections.filled(client, "a")("GET", f"/{A}?list-type=2"), "Contents/Owner/ID"))


def fraction(client: Client) -> Any:
    return "." in text(collections.filled(client, "a")("GET", f"/{A}"), "Contents/LastModified")


def encoded(client: Client) -> Any:
    return collections.filled(client, "a b/\u00e9").keys("encoding-type=url")


def request_id(client: Client) -> Any:
    answer = client("GET", f"/{A}/absent")
    return "x-amz-request-id" in answer.headers, len(texts(answer, "RequestId"))


def completed_twice(client: Client) -> Any:
    upload_id, tags = client.upload("m", b"x")
    return [client.complete("m", upload_id, [(1, tags[0])]).status for _ in range(2)]


def overtaken(client: Client) -> Any:
    upload_id, tags = client.upload("m", b"x")
    client.delete("m")
    return client.complete("m", upload_id, [(1, tags[0])]).status, client("GET", f"/{A}/m").status


def malformed(client: Client) -> Any:
    return code(client.send(request("GET", f"/{A}", headers={"Authorization": "AWS4-HMAC-SHA256 x"})))


def other_payload(client: Client) -> Any:
    return code(client.send(replace(client.signed("PUT", f"/{A}/k", b"one"), body=b"two")))


def unsigned_payload(client: Client) -> Any:
    signed = client.signed("PUT", f"/{A}/k", b"one")
    return code(client.send(access.changed(signed, x_amz_content_sha256="UNSIGNED-PAYLOAD")))


def tag_statuses(client: Client) -> Any:
    client.put("k")
    return client("GET", f"/{A}/k?tagging").status, client.put("k", x_amz_tagging="a=b").status


PROBES: dict[str, tuple[Any, Any, Any]] = {
    "bad-credentials-access-denied": (access.unknown_key, (403, "InvalidAccessKeyId"), (403, "AccessDenied")),
    "unknown-key-signature-does-not-match": (
        access.unknown_key,
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
    ),
    "skew-told-as-access-denied": (late, (403, "RequestTimeTooSkewed"), (403, "AccessDenied")),
    "malformed-authorization-forbidden": (malformed, (400, "AuthorizationHeaderMalformed"), (403, "AccessDenied")),
    "payload-mismatch-bad-digest": (other_payload, (400, "XAmzContentSHA256Mismatch"), (400, "BadDigest")),
    "any-region-accepted": (lambda c: c.send(access.scoped(c, region="mars")).status, 400, 200),
    "unsigned-payloads-refused": (unsigned_payload, (403, "SignatureDoesNotMatch"), (400, "InvalidRequest")),
    "small-chunks-accepted": (small_chunks, "InvalidChunkSizeError", "taken"),
    "buckets-not-own-access-denied": (access.concealed, [(404, "NoSuchBucket")] * 2, [(403, "AccessDenied")] * 2),
    "create-bucket-not-implemented": (access.created, ([403, 403], 404, 200), ([501, 501], 404, 200)),
    "create-bucket-not-allowed": (access.created, ([403, 403], 404, 200), ([405, 405], 404, 200)),
    "delete-bucket-not-empty": (access.bucket_deleted, (403, 200), (409, 200)),
    "create-bucket-not-found": (access.created, ([403, 403], 404, 200), ([404, 403], 404, 200)),
    "create-bucket-beyond-the-most": (access.created, ([403, 403], 404, 200), ([400, 403], 404, 200)),
    "create-bucket-owned-by-you": (access.created, ([403, 403], 404, 200), ([403, 409], 404, 200)),
    "etag-not-md5": (etag, '"d41d8cd98f00b204e9800998ecf8427e"', '"e3b0c44298fc1c149afbf4c8996fb924"'),
    "no-checksum-echo": (checksum_echo, True, False),
    "small-pages": (page_size, 7, 5),
    "delimiters-are-characters": (
        lambda c: [c("GET", f"/{A}?delimiter={each}").status for each in ("-", "--")],
        [200, 200],
        [200, 400],
    ),
    "marker-always-told": (next_marker, [], ["b"]),
    "owner-always-listed": (owners, 0, 1),
    "listed-times-without-fraction": (fraction, True, False),
    "spaces-encoded-as-plus": (encoded, ["a%20b/%C3%A9"], ["a+b/%C3%A9"]),
    "slashes-encoded": (encoded, ["a%20b/%C3%A9"], ["a%20b%2f%c3%a9"]),
    "invalid-range-without-content-range": (lambda c: objects.ranged(c, "bytes=10-")[0][2], "bytes */10", None),
    "multi-range-answered-by-first": (
        lambda c: objects.ranged(c, "bytes=1-2,4-5")[0][:2],
        (200, b"0123456789"),
        (206, b"12"),
    ),
    "multi-range-not-implemented": (lambda c: objects.ranged(c, "bytes=1-2,4-5")[0][0], 200, 501),
    "invalid-range-rejected": (lambda c: objects.ranged(c, "bytes=5-2")[0][0], 200, 416),
    "request-id-only-in-body": (request_id, (True, 1), (False, 1)),
    "request-id-only-in-header": (request_id, (True, 1), (True, 0)),
    "error-type-text-xml": (
        lambda c: c("GET", f"/{A}/absent").headers["content-type"],
        "application/xml",
        "text/xml; charset=utf-8",
    ),
    "error-with-more-detail": (lambda c: len(texts(c("GET", f"/{A}/absent"), "HostId")), 0, 1),
    "xml-without-namespace": (lambda c: b"xmlns" in c("GET", f"/{A}").body, True, False),
    "abort-unknown-upload204": (lambda c: c("DELETE", f"/{A}/m?uploadId=x").status, 404, 204),
    "complete-twice200": (completed_twice, [200, 404], [200, 200]),
    "what-overtook-an-upload-stands": (overtaken, (200, 200), (200, 404)),
    "conditional-write-unsupported": (
        lambda c: objects.refused_put(c, if_none_match="*"),
        (412, "PreconditionFailed", b"before"),
        (501, "NotImplemented", b"before"),
    ),
    "tagging-not-offered": (tag_statuses, (200, 200), (501, 501)),
    "path-like-keys-refused": (
        lambda c: [code(c.put(key))[0] for key in ("a//b", "a/../b", "a/")],
        [200] * 3,
        [400, 400, 200],
    ),
    "unsigned-told-as-missing-token": (
        lambda c: code(c.send(request("GET", f"/{A}"))),
        (403, "AccessDenied"),
        (403, "MissingAuthenticationToken"),
    ),
    "invalid-range-is-bad-request": (
        lambda c: [(c.put("k").status, c("GET", f"/{A}/k", range=each).status) for each in ("bytes=5-1", "lines=1-2")],
        [(200, 200), (200, 200)],
        [(200, 400), (200, 200)],
    ),
    "late-told-as-invalid-request": (late, (403, "RequestTimeTooSkewed"), (400, "InvalidRequest")),
    "fields-read-as-latin": (signed_field, "x-amz-meta-a:\xe9", "x-amz-meta-a:\xc3\xa9"),
    "times-in-documents-rounded": (listed_late, 0, 1),
    "expiry-told-as-malformed": (
        lambda c: code(c.send(c.presigned("GET", f"/{A}/k", 604801))),
        (400, "AuthorizationQueryParametersError"),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "multipart-not-offered": (
        lambda c: [c("POST", f"/{A}/m?uploads").status, c("GET", f"/{FOREIGN}?uploads").status],
        [200, 404],
        [501, 501],
    ),
    "identity-is-no-coding": (
        lambda c: [
            c.put("k").status,
            c("GET", f"/{A}/k?response-content-encoding=identity").headers.get("content-encoding"),
        ],
        [200, "identity"],
        [200, None],
    ),
    "tagging-refused-unseen": (
        lambda c: code(c.send(request("GET", f"/{A}/k?tagging"))),
        (403, "AccessDenied"),
        (501, "NotImplemented"),
    ),
    "metadata-unlimited": (lambda c: c.put("k", x_amz_meta_a="x" * 2048).status, 400, 200),
    "missing-length-is400": (objects.without_length, (411, "MissingContentLength"), (400, "InvalidRequest")),
    "key-too-long-invalid-argument": (
        lambda c: code(c.put("k" * 1025)),
        (400, "KeyTooLongError"),
        (400, "InvalidArgument"),
    ),
    "if-match-on-nothing412": (
        objects.if_match_on_nothing,
        ((404, "NoSuchKey"), 404),
        ((412, "PreconditionFailed"), 404),
    ),
}
