"""S3 result documents: listings of either version, parts, uploads, deletions, tags.

Each ``…_of`` function parses a 200 response and raises NonConformance for a wrong document. Keys are decoded if the
document has an EncodingType.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from conformance.oracles.s3_errors import xml_root
from conformance.oracles.status import expect_status, observed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, literal, wrong_body
from conformance.vocabulary.values import seconds_of_time, whole_number
from conformance.vocabulary.wording import differing, some, worded

CLOCKS_DIFFER_S = 900
MANY = 100


def expect_document(reply: Exchange, root: str) -> Element:
    """Expect 200 (2xx for a write) with a well-formed XML document of this root; return it, without namespaces."""
    expect_status(reply, 200 if reply.method == "GET" else range(200, 300))
    found = xml_root(reply)
    if found is None or found.tag != root:
        raise NonConformance(f"a well-formed <{root}> document", observed(reply), reply)
    return found


def text_of(reply: Exchange, element: Element, name: str) -> str:
    """Return the text of a required child element."""
    found = element.find(name)
    if found is None:
        raise NonConformance(f"<{name}> in <{element.tag}>", observed(reply), reply)
    return found.text or ""


def expect_element(reply: Exchange, name: str, wanted: str, got: str, because: str = "", *others: Exchange) -> None:
    """Expect this text of an element, ignoring the quotes of an ETag; ``others`` are earlier responses with it."""
    if got.strip('"') != wanted.strip('"'):
        expected = f"{name} {wanted} {because}".strip()
        right = f'<{name}>("|&quot;|&#34;)?{literal(escape(wanted.strip(chr(34))))}("|&quot;|&#34;)?</{name}>'
        seen = f"{name} {got}" if got else f"no {name}"
        raise NonConformance(expected, seen, *others, reply, deviation=wrong_body(right))


def number_of(reply: Exchange, element: Element, name: str) -> int:
    """Return the whole number in a required child element (of the type Integer or Long)."""
    text = text_of(reply, element, name)
    number = whole_number(text)
    if number is None:
        raise NonConformance(f"a number in <{name}>", f"<{name}>{text}</{name}>", reply)
    return number


def optional_number(reply: Exchange, root: Element, name: str) -> int | None:
    """Return the whole number in an optional child element, or None."""
    return number_of(reply, root, name) if root.findtext(name) else None


def expect_at_most(reply: Exchange, name: str, got: int | None, requested: int) -> None:
    """Expect an element that repeats a limit, if present, not to exceed the requested limit."""
    if got is not None and got > requested:
        raise NonConformance(f"{name} of at most {requested}, as requested", f"{name} {got}", reply)


@dataclass(frozen=True)
class Entry:
    """One object in a listing."""

    key: str
    size: int
    etag: str
    modified: str


@dataclass(frozen=True)
class Listing:
    """One page of a listing of either version. ``next`` is where the next page begins, or ""."""

    reply: Exchange
    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    next: str
    key_count: int | None
    max_keys: int | None

    @property
    def keys(self) -> list[str]:
        """The keys in the order of the page."""
        return [entry.key for entry in self.entries]

    @property
    def size(self) -> int:
        """The number of entries that count towards max-keys: keys and common prefixes."""
        return len(self.entries) + len(self.prefixes)


def is_version_2(reply: Exchange) -> bool:
    """Return whether the request was ListObjectsV2, which pages by token and not by marker."""
    return "list-type=2" in reply.url


def listing_of(reply: Exchange) -> Listing:
    """Return the page in a response to ListObjects or ListObjectsV2."""
    root = expect_document(reply, "ListBucketResult")
    is_encoded = (root.findtext("EncodingType") or "") == "url"
    entries = tuple(_entry(reply, each, is_encoded) for each in root.findall("Contents"))
    prefixes = tuple(_decoded(text_of(reply, each, "Prefix"), is_encoded) for each in root.findall("CommonPrefixes"))
    truncated = _truth(reply, root, "IsTruncated")
    following = root.findtext("NextContinuationToken") or ""
    if not is_version_2(reply):
        following = following or _decoded(root.findtext("NextMarker") or "", is_encoded)
    counts = optional_number(reply, root, "KeyCount"), optional_number(reply, root, "MaxKeys")
    return Listing(reply, entries, prefixes, truncated, following, *counts)


def _entry(reply: Exchange, element: Element, is_encoded: bool) -> Entry:
    key = _decoded(text_of(reply, element, "Key"), is_encoded)
    size = number_of(reply, element, "Size")
    return Entry(key, size, element.findtext("ETag") or "", element.findtext("LastModified") or "")


def _decoded(text: str, is_encoded: bool) -> str:
    # Servers encode a blank as "+" or "%20" and a plus as "%2B", so a plus means a blank.
    return unquote(text.replace("+", " ")) if is_encoded else text


def _truth(reply: Exchange, root: Element, name: str) -> bool:
    if (text := text_of(reply, root, name)) not in {"true", "false"}:
        raise NonConformance(f"true or false in <{name}>", f"<{name}>{text}</{name}>", reply)
    return text == "true"


def expect_entry(listing: Listing, key: str) -> Entry:
    """Expect only this key on the page; return its entry."""
    expect_keys(listing, [key])
    return listing.entries[0]


def expect_keys(listing: Listing, keys: list[str], because: str = "") -> None:
    """Expect exactly these keys, in any order."""
    got = f" {because}" if because else ""
    if sorted(listing.keys) != sorted(keys):
        expected = f"the keys {some(keys)}" if keys else "no keys"
        raise NonConformance(f"{expected}{got}", differing(keys, listing.keys), listing.reply)


def expect_escaped_return(listing: Listing, keys: list[str]) -> None:
    """Expect these keys with escaped carriage returns: XML parsers turn unescaped ones into newlines."""
    if sorted(listing.keys) != sorted(keys):
        got, deviation = differing(keys, listing.keys), wrong_body("&#(13|[xX]0*[dD]);")
        expected = f"the keys {some(keys)}, with a carriage return"
        raise NonConformance(expected, got, listing.reply, deviation=deviation)


def expect_prefixes(listing: Listing, prefixes: list[str]) -> None:
    """Expect exactly these common prefixes on the page, each once."""
    if sorted(listing.prefixes) != sorted(prefixes):
        expected = f"the common prefixes {worded(sorted(prefixes))}"
        raise NonConformance(expected, f"the common prefixes {worded(sorted(listing.prefixes))}", listing.reply)


def expect_page(listing: Listing, max_keys: int) -> None:
    """Expect at most max-keys entries, a correct KeyCount if there is one, and the start of the next page if any."""
    if listing.size > max_keys:
        expected = f"at most {max_keys} keys and common prefixes"
        raise NonConformance(expected, f"{listing.size} keys and common prefixes", listing.reply)
    if listing.key_count is not None and listing.key_count != listing.size:
        expected = f"KeyCount {listing.size}, the number of entries on the page"
        deviation = wrong_body(f"<KeyCount>{listing.size}</KeyCount>")
        raise NonConformance(expected, f"KeyCount {listing.key_count}", listing.reply, deviation=deviation)
    if listing.truncated and not listing.next and not listing.entries:
        expected = "IsTruncated false, or a token, marker or key for the next page"
        raise NonConformance(expected, "IsTruncated true without token, marker or key", listing.reply)


@dataclass(frozen=True)
class Buckets:
    """The result of ListBuckets."""

    names: tuple[str, ...]


def buckets_of(reply: Exchange) -> Buckets:
    """Return the buckets of a ListBuckets response."""
    root = expect_document(reply, "ListAllMyBucketsResult")
    return Buckets(tuple(text_of(reply, each, "Name") for each in root.findall("Buckets/Bucket")))


def expect_dated(reply: Exchange) -> None:
    """Expect for each bucket of ListBuckets a CreationDate in ISO 8601 form, between 1970 and now.

    Some servers return the year 1 for a date that was never set: ``aws s3 ls`` cannot print that west of Greenwich.
    """
    for each in expect_document(reply, "ListAllMyBucketsResult").findall("Buckets/Bucket"):
        got = each.findtext("CreationDate") or ""
        seconds = seconds_of_time(got)
        if seconds is None:
            raise NonConformance("a CreationDate in ISO 8601 form, in UTC", f"the CreationDate {worded(got)}", reply)
        if seconds > reply.started + CLOCKS_DIFFER_S:
            raise NonConformance("a CreationDate in the past", f"the CreationDate {got}", reply)
        if seconds < 0:
            expected = f"the CreationDate of bucket {each.findtext('Name')}, after 1970"
            raise NonConformance(expected, f"the CreationDate {got}", reply)


@dataclass(frozen=True)
class Deletion:
    """The result of DeleteObjects: the deleted keys, and the error codes by key."""

    deleted: tuple[str, ...]
    errors: dict[str, str]

    def refuses(self, keys: set[str], codes: Collection[str]) -> bool:
        """Return whether exactly these keys are refused, each with one of these codes."""
        return not self.deleted and set(self.errors) == keys and set(self.errors.values()) <= set(codes)


def deletion_of(reply: Exchange) -> Deletion:
    """Return the result of a DeleteObjects response."""
    root = expect_document(reply, "DeleteResult")
    deleted = tuple(text_of(reply, each, "Key") for each in root.findall("Deleted"))
    return Deletion(deleted, {text_of(reply, e, "Key"): text_of(reply, e, "Code") for e in root.findall("Error")})


def expect_deleted(reply: Exchange, keys: Collection[str]) -> None:
    """Expect DeleteObjects to report exactly these keys as deleted, once or as often as requested, and no error."""
    result = deletion_of(reply)
    if sorted(result.deleted) in (sorted(keys), sorted(set(keys))) and not result.errors:
        return
    got = f"<Deleted> for {some(result.deleted)}, <Error> for {worded(result.errors) if result.errors else 'none'}"
    if len(keys) >= MANY:
        got = f"{len(result.deleted)} keys deleted, {len(result.errors)} errors"
    raise NonConformance(f"<Deleted> for {some(sorted(set(keys)))}, <Error> for none", got, reply)


def refused_by_key(reply: Exchange, key: str, codes: Collection[str]) -> bool:
    """Return whether a 200 response to DeleteObjects refuses its only key with one of these codes."""
    root = xml_root(reply) if reply.ok else None
    return root is not None and root.tag == "DeleteResult" and deletion_of(reply).refuses({key}, codes)


def upload_id_of(reply: Exchange) -> str:
    """Return the upload id of a CreateMultipartUpload response."""
    root = expect_document(reply, "InitiateMultipartUploadResult")
    found = text_of(reply, root, "UploadId")
    if not found:
        raise NonConformance("an <UploadId>", observed(reply), reply)
    return found


@dataclass(frozen=True)
class Part:
    """One part of an upload in ListParts."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class Parts:
    """A page of ListParts."""

    parts: tuple[Part, ...]
    truncated: bool
    next: str


def parts_of(reply: Exchange) -> Parts:
    """Return the parts of a ListParts response."""
    root = expect_document(reply, "ListPartsResult")
    parts = tuple(
        Part(number_of(reply, e, "PartNumber"), number_of(reply, e, "Size"), text_of(reply, e, "ETag"))
        for e in root.findall("Part")
    )
    return Parts(
        parts, (root.findtext("IsTruncated") or "false") == "true", root.findtext("NextPartNumberMarker") or ""
    )


@dataclass(frozen=True)
class Upload:
    """One open upload in ListMultipartUploads."""

    key: str
    upload: str


@dataclass(frozen=True)
class Uploads:
    """A page of ListMultipartUploads; ``next`` is the key and the upload id after which the next page begins."""

    uploads: tuple[Upload, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    next: tuple[str, str]
    reply: Exchange


def uploads_page_of(reply: Exchange) -> Uploads:
    """Return the page in a ListMultipartUploads response."""
    root = expect_document(reply, "ListMultipartUploadsResult")
    is_encoded = (root.findtext("EncodingType") or "") == "url"
    uploads = tuple(
        Upload(_decoded(text_of(reply, e, "Key"), is_encoded), text_of(reply, e, "UploadId"))
        for e in root.findall("Upload")
    )
    prefixes = tuple(_decoded(text_of(reply, e, "Prefix"), is_encoded) for e in root.findall("CommonPrefixes"))
    following = _decoded(root.findtext("NextKeyMarker") or "", is_encoded), root.findtext("NextUploadIdMarker") or ""
    return Uploads(uploads, prefixes, (root.findtext("IsTruncated") or "false") == "true", following, reply)


def uploads_of(reply: Exchange) -> list[Upload]:
    """Return the open uploads of a ListMultipartUploads response."""
    return list(uploads_page_of(reply).uploads)


def lists_uploads(reply: Exchange) -> bool:
    """Return whether a response lists uploads; a gateway without them lists objects for ``?uploads``."""
    root = xml_root(reply) if reply.ok else None
    return root is not None and root.tag == "ListMultipartUploadsResult"


def tags_of(reply: Exchange) -> dict[str, str]:
    """Return the tags of a GetObjectTagging response; an empty TagSet or Value must be there as well.

    Keys are unique (S3 User Guide, "Categorizing your storage using tags").
    """
    root = expect_document(reply, "Tagging")
    text_of(reply, root, "TagSet")
    tags = root.findall("TagSet/Tag")
    if any(each.find("Value") is None for each in tags):
        # Other tags have a <Value>, so a <Value> somewhere in the document proves nothing.
        raise NonConformance("<Value> in each <Tag>", observed(reply), reply)
    keys = [text_of(reply, each, "Key") for each in tags]
    if len(set(keys)) < len(keys):
        raise NonConformance("each tag key once", differing(set(keys), keys), reply)
    return {key: each.findtext("Value") or "" for key, each in zip(keys, tags, strict=True)}


def completed_etag_of(reply: Exchange) -> str:
    """Return the ETag of a CompleteMultipartUpload response."""
    return text_of(reply, expect_document(reply, "CompleteMultipartUploadResult"), "ETag")


def copied_etag_of(reply: Exchange, root: str = "CopyObjectResult") -> str:
    """Return the ETag of a CopyObject or UploadPartCopy response."""
    return text_of(reply, expect_document(reply, root), "ETag")
