"""An S3 gateway's result documents: each member once, well-formed, and matching the request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, unquote
from xml.etree.ElementTree import Element

from conformance.evidence.judgements import DETAIL, declared_type
from conformance.evidence.judgements.error_documents import TYPES
from conformance.vocabulary.documents import parsed_xml
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import MOST_DIGITS, seconds_of_time

TWICE = "a repeated element in a result"
MALFORMED = "a malformed time, number or boolean in a result"
INCOMPLETE = "a result without a required element"
UNTYPED = "a result without an XML Content-Type"
ANOTHER_LIST, ANOTHER_UPLOAD = "a list for a different request", "a response about a different upload than requested"
LARGEST = 65_536
SHOWN = 80

_LISTS, _UPLOADS = ("ListBucketResult",), ("ListMultipartUploadsResult", "ListPartsResult")
_CHANGES = ("InitiateMultipartUploadResult", "CompleteMultipartUploadResult", "CopyObjectResult", "CopyPartResult")
ROOTS = (*_LISTS, *_UPLOADS, *_CHANGES, "DeleteResult", "Tagging", "ListAllMyBucketsResult", "PostResponse")
_RESULT = re.compile(rb"\s*(?:<\?[^>]*>\s*)?<(?:[\w.-]+:)?(?:%s)[\s/>]" % "|".join(ROOTS).encode())

SINGLE = re.compile(
    "Name|Prefix|Delimiter|Marker|NextMarker|MaxKeys|KeyCount|IsTruncated|EncodingType|StartAfter|ContinuationToken|"
    "NextContinuationToken|Key|ETag|Size|LastModified|StorageClass|Owner|Initiator|ID|DisplayName|Bucket|UploadId|"
    "KeyMarker|UploadIdMarker|NextKeyMarker|NextUploadIdMarker|MaxUploads|PartNumber|PartNumberMarker|MaxParts|"
    "NextPartNumberMarker|Initiated|Location|Value|TagSet|Code|Message|VersionId|CreationDate|ChecksumType|"
    "Checksum(?:CRC32C?|CRC64NVME|SHA1|SHA256)"
)
"""Members of S3's documents that occur once; products may add their own members."""
REQUIRED = {
    "ListBucketResult": ("Name", "IsTruncated"),
    "Contents": ("Key", "LastModified", "ETag", "Size"),
    "CommonPrefixes": ("Prefix",),
    "Upload": ("Key", "UploadId"),
    "Part": ("PartNumber", "ETag", "Size"),
    "Tag": ("Key", "Value"),
}
MAY_BE_EMPTY = frozenset(["ETag", "Value"])
TIMES = frozenset(["LastModified", "Initiated", "CreationDate"])
NUMBERS = frozenset(["Size", "KeyCount", "MaxKeys", "MaxUploads", "MaxParts", "PartNumber"])
_NUMBER = re.compile(r"-?[0-9]+")
"""A response may repeat a negative limit of the request."""

LIMITS = {"MaxKeys": "max-keys", "MaxUploads": "max-uploads", "MaxParts": "max-parts"}
REPEATED = {"Prefix": "prefix", "Delimiter": "delimiter"}
_REWRITTEN = re.compile(r"//|/\.{1,2}(?:/|$)|%2e|%2f|%5c|\\", re.IGNORECASE)
"""Paths that a proxy in front of a gateway may rewrite."""
_INEXPRESSIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\ufffd-\uffff\ud800-\udfff]")
"""Characters that XML 1.0 cannot contain, or that a parser may replace."""


def result_flaws(exchange: Exchange, path: str, root: Element) -> Iterator[str]:
    """Yield the flaws of an S3 result; ``path`` is the requested bucket, key and query."""
    if exchange.media_type not in TYPES and not exchange.media_type.endswith("+xml"):
        yield f"{UNTYPED}{DETAIL}{declared_type(exchange)}"
    if twice := _first(_twice, root):
        yield f"{TWICE}{DETAIL}{twice}"
    if missing := _first(_missing_member, root) or _listing_gap(root, path):
        yield f"{INCOMPLETE}{DETAIL}{missing}"
    if malformed := _first(_malformed, root):
        yield f"{MALFORMED}{DETAIL}{malformed}"
    if local_name(root) in (*_LISTS, *_UPLOADS, *_CHANGES[:2]) and (other := _differing_member(root, path)):
        yield f"{ANOTHER_LIST if local_name(root) in _LISTS else ANOTHER_UPLOAD}{DETAIL}{other}"


def read_result(exchange: Exchange) -> Element | None:
    """Return the root of an S3 result; None if the response is none, or is longer than 64 KiB."""
    if not exchange.ok or len(exchange.body) > LARGEST or not _RESULT.match(exchange.body):
        return None
    try:
        return parsed_xml(exchange.body)
    except ValueError:
        return None


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _first(look: Callable[[Element], str], root: Element) -> str:
    """Return the flaw of the first flawed element of a result."""
    return next(filter(None, map(look, root.iter())), "")


def _twice(element: Element) -> str:
    """Name a single member that an element repeats."""
    if len(element) < 2 or local_name(element) == "Buckets":
        return ""
    # With its namespace: a product's own member may have the same local name.
    times = Counter(each.tag for each in element)
    names = (tag.rpartition("}")[2] for tag, count in times.items() if count > 1)
    return next((f"{each} in {local_name(element):.80}" for each in names if SINGLE.fullmatch(each)), "")


def _missing_member(element: Element) -> str:
    """Name a required member that an entry lacks; the ETag of a folder may be empty."""
    required = REQUIRED.get(local_name(element), ())
    members = {local_name(each): (each.text or "").strip() for each in element} if required else {}
    missing = (each for each in required if each not in members or not (members[each] or each in MAY_BE_EMPTY))
    return next((f"{local_name(element)} without {each}" for each in missing), "")


def _listing_gap(root: Element, path: str) -> str:
    """Name a request parameter that a listing does not repeat or, in version 2, a wrong KeyCount."""
    if local_name(root) not in _LISTS:
        return ""
    members = {local_name(each): each.text or "" for each in root}
    count = sum(local_name(each) in ("Contents", "CommonPrefixes") for each in root)
    query = dict(parse_qsl(path.partition("?")[2], errors="surrogateescape"))
    absent = next((member for member, name in REPEATED.items() if query.get(name) and member not in members), "")
    if absent or query.get("list-type") != "2":
        return absent and f"no {absent}"
    number = members.get("KeyCount", "").strip()
    return "" if number == str(count) else f"KeyCount {number[:SHOWN]!r} of {count} entries"


def _malformed(element: Element) -> str:
    """Describe the content of an element that is malformed."""
    name, text = local_name(element), (element.text or "").strip()
    if not text or len(element):
        return ""
    if name == "IsTruncated":
        valid = text in ("true", "false")
    elif name in TIMES:
        valid = seconds_of_time(text) is not None
    else:
        valid = name not in NUMBERS or _NUMBER.fullmatch(text) is not None
    return "" if valid else f"{name} {text[:SHOWN]!r}"


def _differing_member(root: Element, path: str) -> str:
    """Describe the first member that differs from the request."""
    place, _, query = path.partition("?")
    bucket, _, key = place.removeprefix("/").partition("/")
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    times = Counter(name for name, _ in pairs)
    parameters = {name: value for name, value in pairs if times[name] == 1}
    expected = {member: parameters.get(name, "") for member, name in REPEATED.items() if times[name] < 2}
    if not _REWRITTEN.search(place):
        expected |= {"Name": unquote(bucket), "Bucket": unquote(bucket), "Key": unquote(key)}
    if local_name(root) == "ListPartsResult" and "uploadId" in parameters:
        expected["UploadId"] = parameters["uploadId"]
    limits = {member: parameters.get(name, "") for member, name in LIMITS.items()}
    namespace = root.tag.removesuffix(local_name(root))
    for each in root:
        member = each.tag.removeprefix(namespace)
        if _exceeds(each, limits.get(member, "")) or not _repeats(each, expected.get(member)):
            return f"{member} {(each.text or '')[:SHOWN]!r}"
    return ""


def _exceeds(element: Element, requested: str) -> bool:
    """Return whether the stated limit is above the requested one; 0 may mean no limit."""
    text = element.text or ""
    readable = all(each.isdecimal() and len(each) < MOST_DIGITS for each in (text, requested))
    return readable and 0 < int(requested) < int(text)


def _repeats(element: Element, expected: str | None) -> bool:
    """Return whether a member has the expected value, encoded or not; some lists leave bucket and prefix empty."""
    text = element.text or ""
    optional = not text and local_name(element) not in ("Key", "UploadId")
    if expected is None or optional or _INEXPRESSIBLE.search(expected):
        return True
    return expected in (text, unquote(text), unquote(text.replace("+", " ")))
