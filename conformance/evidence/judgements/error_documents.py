"""The form of an S3 gateway's error documents: a rare code path may break it."""

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
"""S3 error codes with their statuses; 401 is from the API Reference."""
TYPES = ("application/xml", "text/xml")
_ERROR = re.compile(rb"\s*(?:<\?[^>]*>\s*)?<(?:[\w.-]+:)?Error[\s/>]")
_INEXPRESSIBLE = re.compile(r"%(?:[01][0-9a-f]|7f|ef%bf%b[ef])", re.IGNORECASE)
"""Characters that XML 1.0 cannot contain, so no document can repeat them."""


def document_flaw(exchange: Exchange) -> str:
    """Return the flaw of an S3 ``Error`` document; proxies may send others, and a truncated one is not judged."""
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
    expected = STATUSES.get(codes[0], (exchange.status,))
    return "" if exchange.status in expected else f"{MISMATCHED}{DETAIL}{codes[0]} with {exchange.status}"
