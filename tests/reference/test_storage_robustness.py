"""The gateway answers any request with 2xx, 3xx, 4xx or 501 and a well-formed document."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import quote
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.datastructures import Headers

from conformance.reference.http import Answer, Request
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application
from conformance.reference.storage import Storage

HOST, BUCKET = "s3.test:9000", "conformance-a"
WORDS = [
    "x", "0", "-1", "bytes=0-0", "bytes=--1", "*", '"', "%zz", "a,b", "&#x1;", "/conformance-a/k", "REPLACE", "url",
    "true", "aws-chunked", "", "9" * 30, "\xff", "a" * 3000, "\u00b2", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
]  # fmt: skip
HEADERS = [
    "range", "if-match", "if-none-match", "if-modified-since", "if-range", "content-md5", "content-type",
    "x-amz-meta-a", "x-amz-copy-source", "x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-amz-checksum-nonsense",
    "x-amz-tagging", "x-amz-storage-class", "x-amz-trailer", "x-amz-metadata-directive", "x-amz-copy-source-range",
    "x-amz-decoded-content-length", "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-mp-object-size",
]  # fmt: skip
QUERIES = [
    "list-type", "max-keys", "prefix", "delimiter", "marker", "start-after", "continuation-token", "uploads",
    "uploadId", "partNumber", "tagging", "encoding-type", "max-parts", "part-number-marker", "key-marker",
    "upload-id-marker", "acl", "delete", "location", "versionId", "max-uploads", "response-expires", "max-buckets",
]  # fmt: skip
PATHS = ("/", f"/{BUCKET}", f"/{BUCKET}/", f"/{BUCKET}/k", f"/{BUCKET}/k", f"/{BUCKET}/%00", "//", "/nope/k")
BODIES = [
    *(b"", b"x", b"<", b"<Delete/>", b"<Delete><Object/></Delete>", b"\xff\xfe<", b"<Tagging><TagSet/></Tagging>"),
    b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
    b"<?xml version='1.0' encoding='nonsense'?><Delete/>",
    b"<!DOCTYPE a><Delete/>",
]


class Client:
    """Sends requests, signed by botocore, to a gateway in this process."""

    def __init__(self) -> None:
        seeds = Seeds()
        key = seeds.access_keys[0]
        self.application = Application(Storage(seeds, SigningKey()))
        self.signer = S3SigV4Auth(Credentials(key.access_key, key.secret_key), "s3", "us-east-1")

    def signed(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Request:
        aws = AWSRequest(method, f"http://{HOST}{path}", headers=dict(headers or {}), data=body)
        aws.context["payload_signing_enabled"] = True
        self.signer.add_auth(aws)
        fields = {"Host": HOST, **dict(aws.headers.items())}
        if method in ("PUT", "POST"):
            fields.setdefault("Content-Length", str(len(body)))
        return Request(method, *path.partition("?")[::2], Headers(fields), body)

    def send(self, request: Request) -> Answer:
        answer = asyncio.run(self.application.alterations.answer(request))
        if answer.wire:
            answer.body = answer.wire.partition(b"\r\n\r\n")[2]
        return answer


def test_a_signed_request_never_causes_a_server_error() -> None:
    client, dice = Client(), random.Random(7)
    client.send(client.signed("PUT", f"/{BUCKET}/k", b"0123456789"))
    for _ in range(600):
        method, path = dice.choice(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]), dice.choice(PATHS)
        names = dice.sample(QUERIES, dice.randint(0, 3))
        query = "&".join(f"{name}={quote(dice.choice(WORDS), safe='')}" for name in names)
        headers = {name: dice.choice(WORDS).strip() for name in dice.sample(HEADERS, dice.randint(0, 3))}
        answer = client.send(client.signed(method, path + (query and "?" + query), dice.choice(BODIES), headers))
        assert answer.status < 500 or answer.status == 501, (method, path, query, headers)
        if answer.headers.get("content-type") == "application/xml" and answer.body:
            ElementTree.fromstring(answer.body)  # noqa: S314, the reference's own answer


def test_a_changed_signature_is_refused() -> None:
    client, dice = Client(), random.Random(8)
    signed = client.signed("GET", f"/{BUCKET}")
    assert client.send(signed).status == 200
    valid = dict(signed.headers)
    for _ in range(300):
        name = dice.choice(["authorization", "x-amz-date", "x-amz-content-sha256"])
        place, letter = dice.randrange(len(valid[name])), chr(dice.randint(33, 255))
        changed = valid[name][:place] + letter + valid[name][place + 1 :]
        answer = client.send(Request("GET", f"/{BUCKET}", "", Headers({**valid, name: changed}), b""))
        assert answer.status in (400, 403) or changed.lower() == valid[name].lower(), changed
