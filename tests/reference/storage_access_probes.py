"""Probes of signatures, tenancy and errors: the request, and what the clean gateway answers."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.credentials import Credentials

from conformance.reference.http import Answer, Request
from tests.reference.storage_support import FOREIGN, HOST, A, B, Client, code, request, texts

Probe = tuple[Callable[[Client], Any], Any]


def at(client: Client, seconds: float) -> None:
    """Moves the gateway's clock, so that what is signed now is of another time for it."""
    shift = timedelta(seconds=seconds)
    client.storage.now = lambda: (datetime.now(UTC) + shift).timestamp()  # type: ignore[method-assign]


def aged(client: Client, seconds: float) -> Any:
    client.put("k")
    signed = client.signed("GET", f"/{A}/k")
    at(client, seconds)
    return client.send(signed).status


def presigned_aged(client: Client, seconds: float, expires: int = 60) -> Any:
    client.put("k")
    signed = client.presigned("GET", f"/{A}/k", expires)
    at(client, seconds)
    return client.send(signed).status


def put_then_get(client: Client, write: Request, path: str = f"/{A}/k") -> Any:
    """A write that must be refused, and what is there after it."""
    client.put("k", b"before")
    answer = client.send(write)
    return (*code(answer), client("GET", path).body)


def changed(what: Request, **headers: Any) -> Request:
    altered = what.headers.mutablecopy()
    for name, value in headers.items():
        altered[name.replace("_", "-")] = value
    return replace(what, headers=altered)


def scoped(client: Client, region: str = "us-east-1", service: str = "s3", date: str = "") -> Request:
    """A GET signed by hand, for another scope."""
    key = client.seeds.access_keys[0]
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = f"GET\n/{A}\n\nhost:{HOST}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n\n{names}\n{empty}"
    scope = f"{date or now[:8]}/{region}/{service}/aws4_request"
    secret = b"AWS4" + key.secret_key.encode()
    for step in scope.split("/"):
        secret = hmac.digest(secret, step.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.digest(secret, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(), "sha256").hex()
    proof = f"Credential={key.access_key}/{scope},SignedHeaders={names},Signature={signature}"
    return request(
        "GET",
        f"/{A}",
        headers={"x-amz-date": now, "x-amz-content-sha256": empty, "Authorization": f"AWS4-HMAC-SHA256 {proof}"},
    )


def chunked(client: Client, data: bytes, spoil: bool = False, length: int | None = None) -> Request:
    """STREAMING-AWS4-HMAC-SHA256-PAYLOAD in chunks of 8 KiB."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    seed = client.signed(
        "PUT",
        f"/{A}/k",
        b"",
        {
            "X-Amz-Content-SHA256": kind,
            "x-amz-decoded-content-length": str(len(data) if length is None else length),
            "Content-Encoding": "gzip,aws-chunked",
        },
    )
    signer, previous = client.storage.authenticate(seed), seed.headers["authorization"][-64:]
    body = b""
    for start in range(0, len(data) + 8192, 8192):
        chunk = data[start : start + 8192]
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                signer.timestamp,
                signer.scope,
                previous,
                hashlib.sha256(b"").hexdigest(),
                hashlib.sha256(chunk).hexdigest(),
            )
        )
        previous = hmac.digest(signer.signing_key, text.encode(), "sha256").hex()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    return replace(seed, body=body.replace(b"aaaa", b"aaab", 1) if spoil else body)


def trailed(client: Client, data: bytes, checksum: str) -> Request:
    """STREAMING-UNSIGNED-PAYLOAD-TRAILER with a CRC-32, as SDKs send it."""
    body = f"{len(data):x}\r\n".encode() + data + f"\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    return client.signed(
        "PUT",
        f"/{A}/k",
        body,
        {
            "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(len(data)),
            "Content-Encoding": "aws-chunked",
            "x-amz-trailer": "x-amz-checksum-crc32",
            "x-amz-sdk-checksum-algorithm": "CRC32",
        },
    )


def crc32(data: bytes) -> str:
    return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def wrong_secret(client: Client, method: str = "GET") -> Request:
    key = client.seeds.access_keys[0].access_key
    return client.signed(method, f"/{A}/k", b"new" if method == "PUT" else b"", credentials=Credentials(key, "wrong"))


def unknown_key(client: Client) -> Any:
    return code(client.send(client.signed("GET", f"/{A}", credentials=Credentials("AKNOWNTONOBODY", "x"))))


def unsigned_header(client: Client) -> Any:
    return put_then_get(client, changed(client.signed("PUT", f"/{A}/k", b"new"), x_amz_meta_a="b"))


def foreign_key(client: Client) -> None:
    assert client("PUT", f"/{FOREIGN}/k", b"theirs", owner=1).status == 200


def foreign(client: Client, method: str, path: str, **headers: Any) -> Any:
    foreign_key(client)
    status = code(client(method, path, b"ours" if method == "PUT" and not headers else b"", **headers))
    return (*status, client("GET", f"/{FOREIGN}/k", owner=1).body)


def concealed(client: Client) -> Any:
    return [code(client("GET", f"/{name}")) for name in (FOREIGN, "never-was")]


def anonymous_oracle(client: Client) -> Any:
    client.put("k")
    return [code(client.send(request("GET", f"/{A}/{key}"))) for key in ("k", "absent")]


def created(client: Client) -> Any:
    client.put("k")
    answers = [client("PUT", f"/{name}").status for name in ("new-bucket", A)]
    return answers, client("GET", "/new-bucket").status, client("GET", f"/{A}/k").status


def bucket_deleted(client: Client) -> Any:
    client.put("k")
    return client("DELETE", f"/{A}").status, client("GET", f"/{A}/k").status


def leak(client: Client) -> Any:
    answer = client.send(wrong_secret(client))
    return code(answer), client.seeds.access_keys[0].secret_key.encode() in answer.body


def error_shape(client: Client) -> Any:
    answer = client("GET", f"/{A}/a%26b")
    return (
        *code(answer),
        answer.headers["content-type"],
        bool(texts(answer, "Message")[0]),
        b"Traceback" in answer.body,
        answer.headers["x-amz-request-id"] == texts(answer, "RequestId")[0],
    )


def request_ids(client: Client) -> Any:
    return len({client("GET", f"/{A}").headers["x-amz-request-id"] for _ in range(3)})


def subresource(client: Client, method: str, path: str) -> Any:
    client.put("k", b"before")
    answer = client(method, f"/{A}{path}", b"<Tagging/>" if method == "PUT" else b"")
    return answer.status, client("GET", f"/{A}/k").body


def query_added(client: Client) -> Any:
    client.put("k")
    signed = client.presigned("GET", f"/{A}/k")
    return client.send(replace(signed, query_string=signed.query_string + "&response-content-type=a")).status


def path_changed(client: Client) -> Any:
    client.put("k")
    signed = client.presigned("GET", f"/{A}/k")
    client.put("K")
    return client.send(replace(signed, raw_path=f"/{A}/K")).status


def mixed_buckets(client: Client) -> Any:
    client.put("k")
    return client("GET", f"/{B}/k").status


def chunked_stored(client: Client, write: Request) -> Any:
    status = client.send(write).status
    found: Answer = client("GET", f"/{A}/k")
    return status, len(found.body), found.headers.get("content-encoding")


LONG = b"a" * 20_000
PROBES: dict[str, Probe] = {
    "wrong secret on GET": (
        lambda c: code(c.send(wrong_secret(c))),
        (403, "SignatureDoesNotMatch"),
    ),
    "wrong secret on PUT": (
        lambda c: put_then_get(c, wrong_secret(c, "PUT")),
        (403, "SignatureDoesNotMatch", b"before"),
    ),
    "unknown key": (unknown_key, (403, "InvalidAccessKeyId")),
    "malformed authorization": (
        lambda c: code(c.send(request("GET", f"/{A}", headers={"Authorization": "AWS4-HMAC-SHA256 x"}))),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "method changed": (
        lambda c: put_then_get(c, replace(c.presigned("GET", f"/{A}/k"), method="DELETE")),
        (403, "SignatureDoesNotMatch", b"before"),
    ),
    "query added": (query_added, 403),
    "blank in query": (lambda c: c("GET", f"/{A}?prefix=a%20b").status, 200),
    "path changed": (path_changed, 403),
    "other payload": (
        lambda c: put_then_get(c, replace(c.signed("PUT", f"/{A}/k", b"one"), body=b"two")),
        (400, "XAmzContentSHA256Mismatch", b"before"),
    ),
    "twenty minutes late": (lambda c: aged(c, 1200), 403),
    "twenty minutes early": (lambda c: aged(c, -1200), 403),
    "ten minutes late": (lambda c: aged(c, 600), 200),
    "presigned": (lambda c: presigned_aged(c, 30), 200),
    "presigned expired": (lambda c: presigned_aged(c, 90), 403),
    "presigned for too long": (lambda c: presigned_aged(c, 0, 604801), 400),
    "presigned for nothing": (lambda c: presigned_aged(c, 0, 0), 400),
    "unsigned header": (unsigned_header, (403, "AccessDenied", b"before")),
    "own scope": (lambda c: c.send(scoped(c)).status, 200),
    "under any host": (
        lambda c: [c("GET", "/", Host=host).status for host in ("127.0.0.1:1", "localhost:1", "proxy")],
        [200] * 3,
    ),
    "scope of another service": (
        lambda c: code(c.send(scoped(c, service="ec2"))),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "scope of another region": (
        lambda c: code(c.send(scoped(c, region="mars"))),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "scope of another day": (
        lambda c: code(c.send(scoped(c, date="20200101"))),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "chunks": (
        lambda c: chunked_stored(c, chunked(c, LONG)),
        (200, 20_000, "gzip"),
    ),
    "chunk changed": (
        lambda c: code(c.send(chunked(c, LONG, spoil=True))),
        (403, "SignatureDoesNotMatch"),
    ),
    "chunk length": (
        lambda c: code(c.send(chunked(c, LONG, length=5))),
        (400, "IncompleteBody"),
    ),
    "trailer": (lambda c: chunked_stored(c, trailed(c, b"abc", crc32(b"abc"))), (200, 3, None)),
    "trailer wrong": (
        lambda c: code(c.send(trailed(c, b"abc", crc32(b"abd")))),
        (400, "BadDigest"),
    ),
    "secret in error": (leak, ((403, "SignatureDoesNotMatch"), False)),
    "anonymous GET": (
        lambda c: (c.put("k"), code(c.send(request("GET", f"/{A}/k"))))[1],
        (403, "AccessDenied"),
    ),
    "anonymous list": (
        lambda c: code(c.send(request("GET", f"/{A}"))),
        (403, "AccessDenied"),
    ),
    "anonymous PUT": (
        lambda c: put_then_get(c, request("PUT", f"/{A}/k", b"x", {"Content-Length": "1"})),
        (403, "AccessDenied", b"before"),
    ),
    "anonymous oracle": (anonymous_oracle, [(403, "AccessDenied")] * 2),
    "foreign GET": (
        lambda c: foreign(c, "GET", f"/{FOREIGN}/k"),
        (404, "NoSuchBucket", b"theirs"),
    ),
    "foreign PUT": (
        lambda c: foreign(c, "PUT", f"/{FOREIGN}/k"),
        (404, "NoSuchBucket", b"theirs"),
    ),
    "foreign list": (
        lambda c: foreign(c, "GET", f"/{FOREIGN}"),
        (404, "NoSuchBucket", b"theirs"),
    ),
    "foreign copy": (
        lambda c: foreign(c, "PUT", f"/{A}/k", x_amz_copy_source=f"{FOREIGN}/k"),
        (404, "NoSuchBucket", b"theirs"),
    ),
    "concealment": (concealed, [(404, "NoSuchBucket")] * 2),
    "bucket list": (
        lambda c: texts(c("GET", "/"), "Buckets/Bucket/Name"),
        [A, B],
    ),
    "both buckets": (lambda c: [c("HEAD", f"/{name}").status for name in (A, B)], [200, 200]),
    "bucket of another name": (mixed_buckets, 404),
    "create bucket": (created, ([403, 403], 404, 200)),
    "delete bucket": (bucket_deleted, (403, 200)),
    "expected owner": (
        lambda c: c("GET", f"/{A}", x_amz_expected_bucket_owner="111122223333").status,
        403,
    ),
    "location": (lambda c: b"LocationConstraint" in c("GET", f"/{A}?location").body, True),
    "error shape": (
        error_shape,
        (404, "NoSuchKey", "application/xml", True, False, True),
    ),
    "request ids": (request_ids, 3),
    "GET bucket acl": (lambda c: subresource(c, "GET", "?acl"), (501, b"before")),
    "PUT object acl": (lambda c: subresource(c, "PUT", "/k?acl"), (501, b"before")),
    "GET object acl": (lambda c: subresource(c, "GET", "/k?acl"), (501, b"before")),
    "DELETE tagging": (
        lambda c: subresource(c, "DELETE", "/k?tagging"),
        (204, b"before"),
    ),
    "PUT bucket policy": (lambda c: subresource(c, "PUT", "?policy"), (501, b"before")),
    "customer key": (
        lambda c: c.put("k", x_amz_server_side_encryption_customer_algorithm="AES256").status,
        501,
    ),
}
