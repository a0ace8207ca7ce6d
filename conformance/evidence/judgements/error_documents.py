"""The form of a gateway's error documents, whatever was asked: what breaks it is where nobody thinks of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from conformance.evidence.judgements import DETAIL, declared_type
from conformance.vocabulary.exchange import Exchange

NO_CODE = "an error document without exactly one <Code>"
UNREADABLE = "an error document that is not well-formed"
UNTYPED = "an error document without an XML Content-Type"
MISMATCHED = "an error document whose <Code> belongs to a different status"
STATUSES = {
    **dict.fromkeys(["NoSuchKey", "NoSuchBucket", "NoSuchUpload"], (404,)),
    **dict.fromkeys(["AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId"], (400, 401, 403)),
    **dict.fromkeys(["MalformedXML", "BadDigest", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"], (400,)),
    "MethodNotAllowed": (405,),
    "PreconditionFailed": (412,),
    "InternalError": (500, 503),
}
"""Codes of S3's that say one thing, and where that is told; 401 is the API Reference's."""
TYPES = ("application/xml", "text/xml")
_ERROR = re.compile(rb"\s*(?:<\?[^>]*>\s*)?<(?:[\w.-]+:)?Error[\s/>]")
_INEXPRESSIBLE = re.compile(r"%(?:[01][0-9a-f]|7f|ef%bf%b[ef])", re.IGNORECASE)
"""Characters of which XML 1.0 has none, so that no document can repeat them."""


def document_flaw(exchange: Exchange) -> str:
    """What is wrong with the form of a refusal's document, where it is S3's ``Error``; "" where nothing is.

    What is in front of a gateway may refuse in words of its own, and what was cut off shows nothing.
    """
    whole = exchange.headers.get("content-length") in (None, str(len(exchange.body)))
    if exchange.status < 400 or not whole or not _ERROR.match(exchange.body) or b"<!DOCTYPE" in exchange.body:
        return ""
    try:
        root = ElementTree.fromstring(exchange.body)  # noqa: S314 (no DTD, so no entity can be declared)
    except ElementTree.ParseError:
        return "" if _INEXPRESSIBLE.search(exchange.url) else UNREADABLE
    except (LookupError, ValueError):
        return ""
    codes = [each.text or "" for each in root if each.tag.rpartition("}")[2] == "Code"]
    if len(codes) != 1 or not codes[0].strip():
        return f"{NO_CODE}{DETAIL}{len(codes)} of them" if codes[1:] else NO_CODE
    if exchange.media_type not in TYPES:
        return f"{UNTYPED}{DETAIL}{declared_type(exchange)}"
    right = STATUSES.get(codes[0], (exchange.status,))
    return "" if exchange.status in right else f"{MISMATCHED}{DETAIL}{codes[0]} with {exchange.status}"
