"""The XML documents that S3 requests carry, and the digests that go with bodies."""

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
"""Bytes that every part but the last has at least."""


@lru_cache
def full_part(letter: bytes) -> bytes:
    """A part of the smallest size, of one letter; the same bytes for all who want them, since they are many."""
    return letter * SMALLEST_PART


def content_md5(body: bytes) -> str:
    """The value of Content-MD5 for a body."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()


CUSTOMER_KEY = b"a key of the conformance suite's"
ENCRYPTION_KEY = {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": base64.b64encode(CUSTOMER_KEY).decode(),
    "x-amz-server-side-encryption-customer-key-MD5": content_md5(CUSTOMER_KEY),
}
"""Header fields that give an object a key of the customer's own to encrypt it with (SSE-C)."""


def element(name: str, text: str) -> str:
    """One element with text, escaped."""
    return f"<{name}>{escape(text, TEXT_ENTITIES)}</{name}>"


def document(root: str, content: str) -> bytes:
    """A whole document in the namespace of S3."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{content}</{root}>'.encode()


def delete_document(keys: Iterable[str], quiet: bool = False) -> bytes:
    """The body of DeleteObjects."""
    objects = "".join(f"<Object>{element('Key', key)}</Object>" for key in keys)
    return document("Delete", ("<Quiet>true</Quiet>" if quiet else "") + objects)


def completion_document(parts: Sequence[tuple[int, str]], checksums: Mapping[int, tuple[str, str]] = NONE) -> bytes:
    """The body of CompleteMultipartUpload: part numbers with their ETags, in the order given.

    ``checksums`` are by part number: the element's name and its value.
    """
    listed = "".join(
        f"<Part>{element('PartNumber', str(number))}{element('ETag', etag)}"
        f"{element(*checksums[number]) if number in checksums else ''}</Part>"
        for number, etag in parts
    )
    return document("CompleteMultipartUpload", listed)


def tagging_document(tags: Iterable[tuple[str, str]]) -> bytes:
    """The body of PutObjectTagging."""
    listed = "".join(f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags)
    return document("Tagging", f"<TagSet>{listed}</TagSet>")


FORM_TYPE = "multipart/form-data; boundary=conformance-form"


def form_body(fields: Mapping[str, str], content: bytes) -> bytes:
    """The body of a browser's upload, of ``FORM_TYPE``: fields, then the file."""
    field = '--conformance-form\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    file = '--conformance-form\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    head = "".join(field.format(name, value) for name, value in fields.items()) + file
    return head.encode() + content + b"\r\n--conformance-form--\r\n"
