"""The result documents of a gateway, whatever was asked: each member once, in its form, and of what was asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from conformance.evidence.judgements import DETAIL, declared_type
from conformance.evidence.judgements.error_documents import TYPES
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import MOST_DIGITS, seconds_of_time

TWICE = "a repeated element in a result"
MISSHAPEN = "a malformed time, number or boolean in a result"
INCOMPLETE = "a result without a required element"
UNTYPED = "a result without an XML Content-Type"
OF_OTHERS, OF_OTHER_UPLOADS = "a list for a different request", "a response about a different upload than requested"
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
"""What of S3's documents is no list; products have members of their own beside."""
NEEDED = {
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
"""A limit below nought may be repeated where it was asked."""

LIMITS = {"MaxKeys": "max-keys", "MaxUploads": "max-uploads", "MaxParts": "max-parts"}
ASKED = {"Prefix": "prefix", "Delimiter": "delimiter"}
_CHANGED_ON_THE_WAY = re.compile(r"//|/\.{1,2}(?:/|$)|%2e|%2f|%5c|\\", re.IGNORECASE)
"""Paths that what is in front of a gateway may write otherwise."""
_INEXPRESSIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\ufffd-\uffff\ud800-\udfff]")
"""Characters that XML 1.0 has not, or that a reader may take for others."""


def result_flaws(exchange: Exchange, path: str, root: Element) -> Iterator[str]:
    """What is wrong with a result of S3's, by its root; ``path`` is of bucket, key and query."""
    if exchange.media_type not in TYPES and not exchange.media_type.endswith("+xml"):
        yield f"{UNTYPED}{DETAIL}{declared_type(exchange)}"
    if twice := _first(_twice, root):
        yield f"{TWICE}{DETAIL}{twice}"
    if lacking := _first(_lacking, root) or _missing_members(root, path):
        yield f"{INCOMPLETE}{DETAIL}{lacking}"
    if misshapen := _first(_misshapen, root):
        yield f"{MISSHAPEN}{DETAIL}{misshapen}"
    if local_name(root) in (*_LISTS, *_UPLOADS, *_CHANGES[:2]) and (otherwise := _differing_members(root, path)):
        yield f"{OF_OTHERS if local_name(root) in _LISTS else OF_OTHER_UPLOADS}{DETAIL}{otherwise}"


def read_result(exchange: Exchange) -> Element | None:
    """The root of one of S3's results; None where an answer is none, or a very long one."""
    if not exchange.ok or len(exchange.body) > LARGEST or not _RESULT.match(exchange.body):
        return None
    if b"<!DOCTYPE" in exchange.body:
        return None
    try:
        return ElementTree.fromstring(exchange.body)  # noqa: S314 (no DTD, so no entity can be declared)
    except (ElementTree.ParseError, LookupError, ValueError):
        return None


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _first(look: Callable[[Element], str], root: Element) -> str:
    """What is wrong with the first element of a result with which something is; "" where nothing is."""
    return next(filter(None, map(look, root.iter())), "")


def _twice(element: Element) -> str:
    """Which member an element has twice that is no list."""
    if len(element) < 2 or local_name(element) == "Buckets":
        return ""
    # With its namespace: a product's own member may be called as one of S3's.
    times = Counter(each.tag for each in element)
    names = (tag.rpartition("}")[2] for tag, count in times.items() if count > 1)
    return next((f"{each} in {local_name(element):.80}" for each in names if SINGLE.fullmatch(each)), "")


def _lacking(element: Element) -> str:
    """Which member an entry lacks that programs know it by; an empty tag may be of what has none, as a folder."""
    needed = NEEDED.get(local_name(element), ())
    members = {local_name(each): (each.text or "").strip() for each in element} if needed else {}
    lacking = (each for each in needed if each not in members or not (members[each] or each in MAY_BE_EMPTY))
    return next((f"{local_name(element)} without {each}" for each in lacking), "")


def _missing_members(root: Element, path: str) -> str:
    """What a listing does not say of what was asked; and in version 2, how many it has."""
    if local_name(root) not in _LISTS:
        return ""
    members = {local_name(each): each.text or "" for each in root}
    count = sum(local_name(each) in ("Contents", "CommonPrefixes") for each in root)
    asked = dict(parse_qsl(path.partition("?")[2], errors="surrogateescape"))
    unsaid = next((member for member, name in ASKED.items() if asked.get(name) and member not in members), "")
    if unsaid or asked.get("list-type") != "2":
        return unsaid and f"no {unsaid}"
    number = members.get("KeyCount", "").strip()
    return "" if number == str(count) else f"KeyCount {number[:SHOWN]!r} of {count} entries"


def _misshapen(element: Element) -> str:
    """What an element says that has not its form."""
    name, text = local_name(element), (element.text or "").strip()
    if not text or len(element):
        return ""
    if name == "IsTruncated":
        right = text in ("true", "false")
    elif name in TIMES:
        right = seconds_of_time(text) is not None
    else:
        right = name not in NUMBERS or _NUMBER.fullmatch(text) is not None
    return "" if right else f"{name} {text[:SHOWN]!r}"


def _differing_members(root: Element, path: str) -> str:
    """The first member that says something else than what was asked, as it is told; "" where none does."""
    where, _, query = path.partition("?")
    bucket, _, key = where.removeprefix("/").partition("/")
    given = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    times = Counter(name for name, _ in given)
    wanted = {name: value for name, value in given if times[name] == 1}
    asked = {member: wanted.get(name, "") for member, name in ASKED.items() if times[name] < 2}
    if not _CHANGED_ON_THE_WAY.search(where):
        asked |= {"Name": unquote(bucket), "Bucket": unquote(bucket), "Key": unquote(key)}
    if local_name(root) == "ListPartsResult" and "uploadId" in wanted:
        asked["UploadId"] = wanted["uploadId"]
    limits = {member: wanted.get(name, "") for member, name in LIMITS.items()}
    own = root.tag.removesuffix(local_name(root))
    for each in root:
        member = each.tag.removeprefix(own)
        if _exceeds(each, limits.get(member, "")) or not _repeats(each, asked.get(member)):
            return f"{member} {(each.text or '')[:SHOWN]!r}"
    return ""


def _exceeds(element: Element, asked: str) -> bool:
    """Whether a limit is told that is beyond the one that was asked; nought may stand for none."""
    text = element.text or ""
    readable = all(each.isdecimal() and len(each) < MOST_DIGITS for each in (text, asked))
    return readable and 0 < int(asked) < int(text)


def _repeats(element: Element, asked: str | None) -> bool:
    """Whether a member says what was asked, encoded or not.

    That it is there is for checks of its own; and of a list of nothing some tell neither bucket nor prefix.
    """
    text = element.text or ""
    if asked is None or (not text and local_name(element) not in ("Key", "UploadId")) or _INEXPRESSIBLE.search(asked):
        return True
    return asked in (text, unquote(text), unquote(text.replace("+", " ")))
