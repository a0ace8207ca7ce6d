"""A signing client (botocore's signer) that drives the storage surface in memory, and a served one for boto3."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from starlette.datastructures import Headers

from conformance.reference.alteration import Alteration
from conformance.reference.http import Answer, Request
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application, http_server, listening_socket
from conformance.reference.storage import Storage

HOST = "s3.test:9000"
KEY = SigningKey()
A, B, FOREIGN = "conformance-a", "conformance-b", "globex-archive"


class Client:
    """Signs requests and gives them to a surface; ``owner`` 0 is acme, 1 is globex."""

    def __init__(self, *alterations: type[Alteration]) -> None:
        self.seeds = Seeds()
        self.storage = Storage(self.seeds, KEY)
        self.application = Application(self.storage)
        self.alter(*alterations)

    def alter(self, *alterations: type[Alteration]) -> None:
        self.application.alterations.put_in(alterations)

    def credentials(self, owner: int = 0) -> Credentials:
        key = self.seeds.access_keys[owner]
        return Credentials(key.access_key, key.secret_key)

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        owner: int = 0,
        credentials: Credentials | None = None,
    ) -> Request:
        """A request signed in its header; ``path`` is encoded and may have a query."""
        given, path = dict(headers or {}), with_encoded_query(path)
        aws = AWSRequest(method, f"http://{given.get('Host', HOST)}{path}", headers=given, data=body)
        aws.context["payload_signing_enabled"] = True
        stated = given.get("X-Amz-Content-SHA256")
        signer = S3SigV4Auth(credentials or self.credentials(owner), "s3", "us-east-1")
        if stated:
            signer.payload = lambda request: stated
        signer.add_auth(aws)
        sent = dict(aws.headers.items())
        if method in ("PUT", "POST"):
            sent.setdefault("Content-Length", str(len(body)))
        return request(method, path, body, sent)

    def presigned(self, method: str, path: str, expires: int = 60, body: bytes = b"", owner: int = 0) -> Request:
        aws = AWSRequest(method, f"http://{HOST}{path}")
        S3SigV4QueryAuth(self.credentials(owner), "s3", "us-east-1", expires=expires).add_auth(aws)
        headers = {"Content-Length": str(len(body))} if method == "PUT" else {}
        return request(method, aws.url.partition(HOST)[2], body, headers)

    def send(self, what: Request) -> Answer:
        answer = asyncio.run(self.application.alterations.answer(what))
        if answer.wire:
            answer.body = answer.wire.partition(b"\r\n\r\n")[2]
        return answer

    def together(self, *requests: Request) -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*map(self.application.alterations.answer, requests))

        return asyncio.run(all_of_them())

    def __call__(self, method: str, path: str, body: bytes = b"", owner: int = 0, **headers: Any) -> Answer:
        """Keyword names become header names, ``_`` is written ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(self.signed(method, path, body, named, owner))

    def put(self, key: str, body: bytes = b"hello", bucket: str = A, **headers: Any) -> Answer:
        return self("PUT", f"/{bucket}/{quote(key)}", body, **headers)

    def upload(self, key: str, *bodies: bytes, **headers: Any) -> tuple[str, list[str]]:
        """Starts an upload and uploads parts; its id and their entity tags."""
        path = f"/{A}/{quote(key)}"
        upload_id = text(self("POST", path + "?uploads", **headers), "UploadId")
        tags = [
            self("PUT", f"{path}?partNumber={number}&uploadId={upload_id}", body).headers["etag"]
            for number, body in enumerate(bodies, 1)
        ]
        return upload_id, tags

    def complete(self, key: str, upload_id: str, parts: list[tuple[int, str]], **headers: Any) -> Answer:
        listed = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in parts)
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        return self("POST", f"/{A}/{quote(key)}?uploadId={upload_id}", body, **headers)

    def keys(self, query: str = "", bucket: str = A) -> list[str]:
        """The keys of one page."""
        return texts(self("GET", f"/{bucket}?list-type=2{query and '&'}{query}"), "Contents/Key")

    def delete(self, *keys: str, quiet: bool = False, **headers: Any) -> Answer:
        listed = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        body = f"<Delete>{listed}<Quiet>{str(quiet).lower()}</Quiet></Delete>".encode()
        return self("POST", f"/{A}?delete", body, **headers)


def with_encoded_query(path: str) -> str:
    """The path with its query as the signature has it: slashes and the like percent-encoded."""
    path, mark, query = path.partition("?")
    pairs = (part.partition("=") for part in query.split("&") if part)
    return (
        path
        + mark
        + "&".join(
            quote(unquote(name), safe="") + equals + quote(unquote(value), safe="") for name, equals, value in pairs
        )
    )


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Request:
    """A request as the server would receive it."""
    raw_path, _, query = path.partition("?")
    given = {"Host": HOST, **(headers or {})}
    return Request(method, raw_path, query, Headers(given), body)


def texts(answer: Answer, path: str) -> list[str]:
    """The texts of elements, namespace left out."""
    root = ElementTree.fromstring(answer.body)  # noqa: S314, the reference's own answer
    return [each.text or "" for each in root.findall("/".join("{*}" + name for name in path.split("/")))]


def text(answer: Answer, path: str) -> str:
    return texts(answer, path)[0]


def code(answer: Answer) -> tuple[int, str]:
    """Status and error code."""
    return answer.status, text(answer, "Code") if answer.body and answer.status >= 300 else ""


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@contextlib.contextmanager
def served(storage: Storage) -> Iterator[str]:
    """Serves the surface in a thread; yields its URL."""
    sock = listening_socket(0)
    server = http_server(Application(storage))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def boto_client(url: str, seeds: Seeds, owner: int = 0, **config: Any) -> Any:
    """A boto3 client without retries."""
    key = seeds.access_keys[owner]
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **config),
    )
