"""Probes of objects, keys and conditions: the request, and what the clean gateway answers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from urllib.parse import quote

from conformance.reference.storage.base import http_time
from tests.reference.storage_access_probes import Probe
from tests.reference.storage_support import A, Client, code, texts

OLD, FUTURE = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def b64md5(data: bytes) -> str:
    return b64encode(md5(data).digest()).decode()


def refused_put(client: Client, **headers: Any) -> Any:
    """A PUT that must be refused, and what is there after it."""
    client.put("k", b"before")
    answer = client.put("k", b"after", **headers)
    return (*code(answer), client("GET", f"/{A}/k").body)


def headers_of(client: Client, method: str = "GET", key: str = "k", **asked: Any) -> dict[str, str]:
    answer = client(method, f"/{A}/{key}", **asked)
    left_out = ("last-modified", "x-amz-request-id", "accept-ranges")
    return {name: value for name, value in answer.headers.items() if name not in left_out}


def described(client: Client, method: str) -> Any:
    client.put(
        "k", b"a\r\nb", content_type="text/x", cache_control="no-store", x_amz_meta_one="Value", x_amz_tagging="t=1"
    )
    return headers_of(client, method), client("GET", f"/{A}/k").body


def overwritten(client: Client) -> Any:
    client.put("k", b"one", x_amz_meta_one="1", x_amz_tagging="t=1")
    put = client.put("k", b"two!", x_amz_meta_two="2")
    return headers_of(client), put.headers["etag"], texts(client("GET", f"/{A}"), "Contents/Size")


def modified(client: Client) -> Any:
    """Whether Last-Modified is an HTTP date of just now."""
    client.put("k")
    told = client("GET", f"/{A}/k").headers["last-modified"]
    when = datetime.strptime(told, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    return abs((datetime.now(UTC) - when).total_seconds()) < 5


def deleted(client: Client) -> Any:
    client.put("a")
    client.put("a/b")
    told = [client("DELETE", f"/{A}/a").status for _ in range(2)]
    return told, [client("GET", f"/{A}/{key}").status for key in ("a", "a/b")], client.keys()


def without_length(client: Client) -> Any:
    signed = client.signed("PUT", f"/{A}/k", b"x")
    headers = signed.headers.mutablecopy()
    del headers["content-length"]
    return code(client.send(replace(signed, headers=headers)))


def distinct(client: Client, *keys: str) -> Any:
    """Whether keys stay apart and are listed as they are."""
    for key in keys:
        assert client.put(key, key.encode()).status == 200
    bodies = [client("GET", f"/{A}/{quote(key)}").body == key.encode() for key in keys]
    return all(bodies), client.keys() == sorted(keys)


def put_codes(client: Client, *keys: str) -> Any:
    return [code(client.put(key)) for key in keys]


def poisoned(client: Client) -> Any:
    return code(client.put("a\x01b")), client.keys()


def ranged(client: Client, *ranges: str, **headers: Any) -> Any:
    client.put("k", b"0123456789")
    answers = [client("GET", f"/{A}/k", range=each, **headers) for each in ranges]
    return [
        (each.status, each.body if each.status != 416 else code(each)[1], each.headers.get("content-range"))
        for each in answers
    ]


def conditional(client: Client, body: bytes = b"x", **headers: Any) -> Any:
    """GET and HEAD under conditions; {etag} stands for the object's, {now} for its date."""
    client.put("k", body)
    stored = client.storage.buckets[A].objects["k"]
    filled = {
        name: value.format(etag=f'"{stored.etag}"', now=http_time(stored.modified)) for name, value in headers.items()
    }
    return [client(method, f"/{A}/k", **filled).status for method in ("GET", "HEAD")]


def not_modified(client: Client) -> Any:
    etag = client.put("k").headers["etag"]
    answer = client("GET", f"/{A}/k", if_none_match=etag)
    return answer.status, answer.body, answer.headers.get("etag") == etag


def if_match_on_nothing(client: Client) -> Any:
    return code(client.put("k", if_match='"x"')), client("GET", f"/{A}/k").status


STORED = {"etag": f'"{md5(b"hello").hexdigest()}"', "content-length": "5", "content-type": "binary/octet-stream"}
PUT_THEN = {
    "etag": f'"{md5(b"a" + bytes((13, 10)) + b"b").hexdigest()}"',
    "content-type": "text/x",
    "cache-control": "no-store",
    "x-amz-meta-one": "Value",
    "x-amz-tagging-count": "1",
    "content-length": "4",
}


def cut_off(client: Client) -> Any:
    """An upload whose caller went away after half of it."""
    asyncio.run(client.storage.broken_off(replace(client.signed("PUT", f"/{A}/k", b"whole"), body=b"who")))
    return [client("GET", f"/{A}/k").status]


PROBES: dict[str, Probe] = {
    "wrong MD5": (
        lambda c: refused_put(c, content_md5=b64md5(b"x")),
        (400, "BadDigest", b"before"),
    ),
    "MD5 that is none": (
        lambda c: refused_put(c, content_md5="abc"),
        (400, "InvalidDigest", b"before"),
    ),
    "wrong CRC-32": (
        lambda c: refused_put(c, x_amz_checksum_crc32="AAAAAA=="),
        (400, "BadDigest", b"before"),
    ),
    "wrong CRC-32C": (
        lambda c: refused_put(c, x_amz_checksum_crc32c="AAAAAA=="),
        (400, "BadDigest", b"before"),
    ),
    "checksum given back": (
        lambda c: (
            c.put("k", x_amz_checksum_crc32="NhCmhg=="),
            headers_of(c, x_amz_checksum_mode="ENABLED").get("x-amz-checksum-crc32"),
        )[1],
        "NhCmhg==",
    ),
    "GET": (
        lambda c: described(c, "GET"),
        (PUT_THEN, b"a\r\nb"),
    ),
    "HEAD": (lambda c: described(c, "HEAD"), (PUT_THEN, b"a\r\nb")),
    "plain GET": (lambda c: (c.put("k"), headers_of(c))[1], STORED),
    "overwrite": (
        overwritten,
        (
            {
                "etag": f'"{md5(b"two!").hexdigest()}"',
                "content-type": "binary/octet-stream",
                "x-amz-meta-two": "2",
                "content-length": "4",
            },
            f'"{md5(b"two!").hexdigest()}"',
            ["4"],
        ),
    ),
    "large metadata": (
        lambda c: refused_put(c, x_amz_meta_a="x" * 2048),
        (400, "MetadataTooLarge", b"before"),
    ),
    "empty object": (lambda c: (c.put("k", b""), c("GET", f"/{A}/k").status)[1], 200),
    "broken checksum": (
        lambda c: refused_put(c, x_amz_checksum_crc32="AA=="),
        (400, "InvalidRequest", b"before"),
    ),
    "cut off": (cut_off, [404]),
    "no length": (without_length, (411, "MissingContentLength")),
    "delete": (
        deleted,
        ([204, 204], [404, 200], ["a/b"]),
    ),
    "Last-Modified": (modified, True),
    "response override": (
        lambda c: (c.put("k"), c("GET", f"/{A}/k?response-content-type=a/b").headers["content-type"])[1],
        "a/b",
    ),
    "override with line end": (
        lambda c: (c.put("k"), code(c("GET", f"/{A}/k?response-expires=a%0d%0ab:c")))[1],
        (400, "InvalidArgument"),
    ),
    "keys with //": (lambda c: distinct(c, "a//b", "a/b"), (True, True)),
    "keys with ..": (lambda c: distinct(c, "a/../b", "b", "./b"), (True, True)),
    "keys and case": (lambda c: distinct(c, "Key", "key"), (True, True)),
    "keys with +": (lambda c: distinct(c, "a+b", "a b"), (True, True)),
    "composed keys": (lambda c: distinct(c, "e\u0301", "\u00e9"), (True, True)),
    "trailing slash": (
        lambda c: distinct(c, "a/", "a"),
        (True, True),
    ),
    "leading slash": (lambda c: distinct(c, "/a", "a"), (True, True)),
    "keys with %": (lambda c: distinct(c, "a%2Fb", "a/b", "100%"), (True, True)),
    "keys with spaces": (lambda c: distinct(c, " a ", "a"), (True, True)),
    "markup and emoji": (
        lambda c: distinct(c, "<a&\"'>", "\U0001f600", "tab\tnew\r\nline"),
        (True, True),
    ),
    "key below key": (lambda c: distinct(c, "a", "a/b"), (True, True)),
    "long keys": (
        lambda c: put_codes(c, "k" * 1024, "k" * 1025, "\u00e9" * 513),
        [(200, ""), (400, "KeyTooLongError"), (400, "KeyTooLongError")],
    ),
    "control character": (
        poisoned,
        ((400, "InvalidArgument"), []),
    ),
    "broken key": (lambda c: code(c("GET", f"/{A}/%FF")), (400, "InvalidURI")),
    "range": (
        lambda c: ranged(c, "bytes=2-4"),
        [(206, b"234", "bytes 2-4/10")],
    ),
    "suffix range": (
        lambda c: ranged(c, "bytes=-3", "bytes=-30"),
        [(206, b"789", "bytes 7-9/10"), (206, b"0123456789", "bytes 0-9/10")],
    ),
    "range past the end": (
        lambda c: ranged(c, "bytes=8-99", "bytes=8-"),
        [(206, b"89", "bytes 8-9/10")] * 2,
    ),
    "range of large numbers": (
        lambda c: ranged(c, f"bytes=1-{2**32 + 3}", f"bytes=-{2**64 + 3}"),
        [(206, b"123456789", "bytes 1-9/10"), (206, b"0123456789", "bytes 0-9/10")],
    ),
    "range beyond": (
        lambda c: ranged(c, "bytes=10-", "bytes=-0"),
        [(416, "InvalidRange", "bytes */10")] * 2,
    ),
    "no range": (
        lambda c: ranged(c, "bytes=5-2", "items=1-2", "bytes=1-2,4-5", "bytes=x"),
        [(200, b"0123456789", None)] * 4,
    ),
    "If-Range": (
        lambda c: ranged(c, "bytes=1-2", if_range='"other"'),
        [(200, b"0123456789", None)],
    ),
    "If-Match": (
        lambda c: [conditional(c, if_match=each) for each in ("{etag}", "*", "W/{etag}", '"x"')],
        [[200] * 2, [200] * 2, [412] * 2, [412] * 2],
    ),
    "If-None-Match": (
        lambda c: [conditional(c, if_none_match=each) for each in ('"x", W/{etag}', "*", '"x"')],
        [[304] * 2, [304] * 2, [200] * 2],
    ),
    "If-Modified-Since": (
        lambda c: [conditional(c, if_modified_since=each) for each in (OLD, "{now}", "nonsense")],
        [[200] * 2, [304] * 2, [200] * 2],
    ),
    "If-Unmodified-Since": (
        lambda c: [conditional(c, if_unmodified_since=each) for each in (OLD, "{now}", FUTURE)],
        [[412] * 2, [200] * 2, [200] * 2],
    ),
    "precedence": (
        lambda c: [
            conditional(c, if_none_match='"x"', if_modified_since=FUTURE),
            conditional(c, if_match="{etag}", if_unmodified_since=OLD),
        ],
        [[200] * 2, [200] * 2],
    ),
    "304": (not_modified, (304, b"", True)),
    "condition on what is absent": (
        lambda c: code(c("GET", f"/{A}/absent", if_unmodified_since=OLD)),
        (404, "NoSuchKey"),
    ),
    "write if none match": (
        lambda c: refused_put(c, if_none_match="*"),
        (412, "PreconditionFailed", b"before"),
    ),
    "write if match": (
        lambda c: refused_put(c, if_match='"x"'),
        (412, "PreconditionFailed", b"before"),
    ),
    "write if match nothing": (if_match_on_nothing, ((404, "NoSuchKey"), 404)),
}
