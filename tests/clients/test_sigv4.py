"""Our signatures are those of botocore's signer, an independent implementation."""

from __future__ import annotations

import datetime
from unittest import mock

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conformance.clients.s3.sigv4 import Keys, Request, Signing, presign, sign

KEYS = Keys("AKIDEXAMPLE", "secret/with+signs")
WHEN = datetime.datetime(2026, 3, 1, 12, 30, tzinfo=datetime.UTC)
REQUESTS = [
    Request("GET", "/bucket/plain", (), (("Host", "s3.example:9000"),)),
    Request("PUT", "/bucket/a%20b/%C3%A9", (), (("Host", "s3.example"), ("x-amz-meta-a", "two  words")), b"body"),
    Request("GET", "/bucket", (("prefix", "a b/"), ("list-type", "2"), ("delimiter", "/")), (("Host", "s3.example"),)),
    Request("POST", "/bucket", (("delete", ""),), (("Host", "s3.example"), ("Content-MD5", "abc=")), b"<Delete/>"),
]


def theirs(request: Request) -> AWSRequest:
    host = request.header("host")
    headers = {name: value for name, value in request.headers if name != "Host"}
    return AWSRequest(request.method, f"http://{host}{request.target}", headers, request.body)


@pytest.mark.parametrize("request_", REQUESTS, ids=["plain", "encoded", "query", "delete"])
def test_header_signature_is_botocores(request_: Request) -> None:
    expected = theirs(request_)
    with mock.patch("botocore.auth.get_current_datetime", return_value=WHEN.replace(tzinfo=None)):
        signer = S3SigV4Auth(Credentials(KEYS.access_key, KEYS.secret_key), "s3", KEYS.region)
        signer.add_auth(expected)

    signed = sign(request_, KEYS, Signing(when=WHEN.timestamp(), payload=expected.headers["X-Amz-Content-SHA256"]))

    assert signed.header("authorization") == expected.headers["Authorization"]


def test_presigned_url_is_botocores() -> None:
    request = REQUESTS[0]
    expected = theirs(request)
    with mock.patch("botocore.auth.get_current_datetime", return_value=WHEN.replace(tzinfo=None)):
        S3SigV4QueryAuth(Credentials(KEYS.access_key, KEYS.secret_key), "s3", KEYS.region, expires=60).add_auth(
            expected
        )

    signed = presign(request, KEYS, "60", Signing(when=WHEN.timestamp()))

    assert dict(signed.query)["X-Amz-Signature"] in expected.url
