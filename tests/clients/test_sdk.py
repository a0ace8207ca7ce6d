"""An error that the SDK reports is a finding, unless the server asked to slow down."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.clients.http import Limits
from conformance.clients.s3.sdk import in_time, s3_client, sdk_succeeds
from conformance.clients.s3.sigv4 import Keys
from conformance.clients.transport.recording import SENT_AGAIN
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.vocabulary.finding import Inconclusive, NonConformance
from tests.clients.servers import answering, answering_once
from tests.run.hostile import serving

HEAD = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("SlowDown", Inconclusive),
        ("TooManyRequests", Inconclusive),
        ("503", Inconclusive),
        ("429", Inconclusive),
        ("500", NonConformance),
        ("InternalError", NonConformance),
    ],
)
def test_an_sdk_error_is_a_finding_unless_it_asks_to_wait(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=code), sdk_succeeds("get an object"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")


@pytest.mark.parametrize(
    "answer",
    [
        HEAD % b"200 OK" + b"Last-Modified: Thu, 31 Feb 9999 25:61:61 GMT\r\n",
        HEAD % b"200 OK" + b"Last-Modified: 99999999999999999999\r\n",
        HEAD % b"200 OK" + b"x-amz-mp-parts-count: many\r\n",
        HEAD % b"403 Forbidden",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9, 9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_an_answer_that_the_sdk_cannot_parse_is_a_finding(answer: bytes) -> None:
    with answering(answer + b"\r\n", last=lambda connection: None) as (url, _):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), Recorder(), limits=Limits(30, 30))
        with pytest.raises(NonConformance, match="boto3 to read an object"), sdk_succeeds("read an object"):
            client.get_object(Bucket="a-bucket", Key="key")["Body"].read()


def got(client: Any) -> bytes:
    """What an object of the server's is."""
    return bytes(client.get_object(Bucket="a-bucket", Key="key")["Body"].read())


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("operation", ["get_object", "list_objects_v2"])
def test_an_endless_body_is_a_finding(operation: str, chunked: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    if not chunked:
        head = head.replace(b"Transfer-Encoding: chunked", b"Content-Length: 999999999999")

    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")

    arguments = {"Bucket": "a-bucket", **({"Key": "key"} if operation == "get_object" else {})}
    limits = Limits(1, 20, answer_bytes=100_000)
    with answering(head, last=endless) as (url, _), pytest.raises(NonConformance, match="larger than 100000 bytes"):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), Recorder(), limits=limits)
        with sdk_succeeds("read"):
            getattr(client, operation)(**arguments).get("Body").read()


def test_redirects_in_a_circle_are_a_finding() -> None:
    answer = b"HTTP/1.1 307 Again\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    with answering(*[answer] * 3000) as (url, _), pytest.raises(NonConformance, match="redirected in a circle"):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), Recorder())
        with sdk_succeeds("read"):
            got(client)


def test_a_body_that_does_not_end_in_time_is_a_finding() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def dripping(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"1\r\n \r\n")
            time.sleep(0.05)

    with answering(head, last=dripping) as (url, _), pytest.raises(NonConformance, match=r"does not end within 2 s"):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), Recorder(), limits=Limits(1, 2))
        with sdk_succeeds("list"):
            client.list_objects_v2(Bucket="a-bucket")


def test_a_request_on_a_closed_connection_is_repeated_and_counted() -> None:
    recorder = Recorder()
    with answering_once() as (url, _):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), recorder)
        assert [got(client) for _ in range(4)] == [b"ok"] * 4
    assert recorder.events == {SENT_AGAIN: 3}
    assert len(recorder.entries) == 4


def test_a_finding_names_the_answer_of_the_error() -> None:
    RECORDER.begin_check()
    with answering(HEAD % b"413 Content Too Large" + b"\r\n", HEAD % b"204 No Content" + b"\r\n") as (url, _):
        client = s3_client(url, Keys("a-key", "a-secret", "us-east-1"), RECORDER)
        with pytest.raises(NonConformance, match="UploadPart") as raised, sdk_succeeds("transfer a large file"):
            try:
                client.upload_part(Bucket="a-bucket", Key="key", UploadId="an-upload", PartNumber=1, Body=b"part")
            finally:
                client.abort_multipart_upload(Bucket="a-bucket", Key="key", UploadId="an-upload")
    refused, aborted = RECORDER.entries
    assert (refused["status"], aborted["status"]) == (413, 204)
    assert raised.value.exchange_ids == [refused["id"]]


@pytest.mark.parametrize(("port", "kind"), [(0, "ReadTimeout"), (1, "ConnectError")], ids=["silent", "refused"])
def test_a_finding_names_the_request_without_an_answer(port: int, kind: str) -> None:
    RECORDER.begin_check()
    with serving("silent") as silent, pytest.raises(NonConformance) as raised, sdk_succeeds("read an object"):
        url = f"http://127.0.0.1:{port}" if port else silent
        got(s3_client(url, Keys("a-key", "a-secret", "us-east-1"), RECORDER, limits=Limits(1, 0.2)))
    entry = RECORDER.entries[-1]
    assert raised.value.exchange_ids == [entry["id"]]
    assert (entry["method"], entry["status"], entry["error_type"]) == ("GET", 0, kind)


def test_an_error_of_the_suite_is_not_a_finding() -> None:
    with pytest.raises(AttributeError), sdk_succeeds("read an object"):
        getattr(Recorder(), "no_such_method")()  # noqa: B009  # what a check would have misspelt


def test_a_transfer_that_never_ends_is_a_finding() -> None:
    with pytest.raises(NonConformance, match="no end of it within 0 s"), sdk_succeeds("transfer a large file"):
        in_time(threading.Event().wait, 0.05)
