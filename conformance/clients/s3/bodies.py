"""Bodies of S3 requests, and their digests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
NONE: Mapping[int, tuple[str, str]] = {}
TEXT_ENTITIES = {"\r": "&#13;"}
SMALLEST_PART = 5 * 1024 * 1024
"""The least bytes of every part but the last."""


@lru_cache
def full_part(letter: bytes) -> bytes:
    """Return a part of the smallest size; cached because of its size."""
    return letter * SMALLEST_PART


def content_md5(body: bytes) -> str:
    """Return the value of Content-MD5 for a body."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()


CUSTOMER_KEY = b"a key of the conformance suite's"
ENCRYPTION_KEY = {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": base64.b64encode(CUSTOMER_KEY).decode(),
    "x-amz-server-side-encryption-customer-key-MD5": content_md5(CUSTOMER_KEY),
}
"""Header fields with a customer's encryption key (SSE-C)."""


def element(name: str, text: str) -> str:
    """Return an element with escaped text."""
    return f"<{name}>{escape(text, TEXT_ENTITIES)}</{name}>"


def document(root: str, content: str) -> bytes:
    """Return a document in the namespace of S3."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{content}</{root}>'.encode()


def delete_document(keys: Iterable[str], quiet: bool = False) -> bytes:
    """Return the body of DeleteObjects."""
    objects = "".join(f"<Object>{element('Key', key)}</Object>" for key in keys)
    return document("Delete", ("<Quiet>true</Quiet>" if quiet else "") + objects)


def completion_document(parts: Sequence[tuple[int, str]], checksums: Mapping[int, tuple[str, str]] = NONE) -> bytes:
    """Return the body of CompleteMultipartUpload: part numbers with ETags, in the given order.

    ``checksums`` are element names and values by part number.
    """
    listed = "".join(
        f"<Part>{element('PartNumber', str(number))}{element('ETag', etag)}"
        f"{element(*checksums[number]) if number in checksums else ''}</Part>"
        for number, etag in parts
    )
    return document("CompleteMultipartUpload", listed)


def tagging_document(tags: Iterable[tuple[str, str]]) -> bytes:
    """Return the body of PutObjectTagging."""
    listed = "".join(f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags)
    return document("Tagging", f"<TagSet>{listed}</TagSet>")


FORM_TYPE = "multipart/form-data; boundary=conformance-form"


def form_body(fields: Mapping[str, str], content: bytes) -> bytes:
    """Return the body of a browser's form upload (``FORM_TYPE``): fields, then the file."""
    field = '--conformance-form\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    file = '--conformance-form\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    head = "".join(field.format(name, value) for name, value in fields.items()) + file
    return head.encode() + content + b"\r\n--conformance-form--\r\n"
